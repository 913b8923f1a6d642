//! A fuzzer for a parser, small enough to be part of its tests. It plays what is kept in `tests/fuzz/corpus/<target>`
//! and in the seeds, then what mutation makes of them; an input that the parser answers in a new way joins them.
//! `WARRENER_TEST_FUZZ` is how many seconds it goes on; without it, it plays a fixed number of inputs. With
//! `WARRENER_TEST_FUZZ_KEEP` the short ones that were answered in a new way are added to the corpus.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Plays inputs. `play` says in a few words how the parser took one; it panics if something is wrong.
///
/// # Panics
/// If `play` does, or takes too long; with the file that has the input.
pub(crate) fn fuzz(target: &str, seeds: &[&[u8]], words: &[&str], play: impl Fn(&[u8]) -> String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().find(|folder| folder.join("tests/fuzz").is_dir());
    let root = root.expect("the repository holds a corpus");
    let mut pool: Vec<Vec<u8>> = seeds.iter().map(|seed| seed.to_vec()).collect();
    let corpus = root.join("tests/fuzz/corpus").join(target);
    pool.extend(kept(&corpus));
    let known = pool.len();
    let mut seen = BTreeSet::new();
    let mut try_one = |input: &[u8]| {
        let begun = Instant::now();
        let answer = catch_unwind(AssertUnwindSafe(|| play(input)));
        if answer.is_ok() && begun.elapsed() < SLOW {
            return seen.insert(answer.unwrap_or_default());
        }
        let file = root.join("target").join(format!("fuzz-{target}-{:016x}", hash(input)));
        std::fs::create_dir_all(root.join("target")).ok();
        std::fs::write(&file, input).ok();
        let took = begun.elapsed().as_secs_f64();
        panic!("{target}: {} took {took:.1} s or panicked: {}", file.display(), input.escape_ascii());
    };
    for input in pool.clone() {
        try_one(&input);
    }
    let seconds = std::env::var("WARRENER_TEST_FUZZ").ok().and_then(|seconds| seconds.parse().ok());
    let (begun, mut random, mut played) = (Instant::now(), Random(hash(target.as_bytes())), 0);
    while seconds.map_or(played < INPUTS, |seconds| begun.elapsed() < Duration::from_secs(seconds)) {
        let input = mutated(&pool, words, &mut random);
        played += 1;
        if try_one(&input) && pool.len() < POOL {
            pool.push(input);
        }
    }
    assert!(seen.len() > 1, "{target}: all inputs are taken alike: nothing is tried");
    if std::env::var_os("WARRENER_TEST_FUZZ_KEEP").is_some() {
        keep(&corpus, &pool[known..]);
    }
    println!("{target}: {played} inputs, {} ways to take them", seen.len());
}

fn kept(folder: &Path) -> Vec<Vec<u8>> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().filter_map(|file| std::fs::read(file).ok()).collect()
}

/// Keeps short inputs, each under a name that follows from what it is.
fn keep(corpus: &Path, found: &[Vec<u8>]) {
    std::fs::create_dir_all(corpus).expect("a folder can be made");
    for input in found.iter().filter(|input| input.len() <= KEPT_LENGTH).take(KEPT) {
        std::fs::write(corpus.join(format!("{:016x}", hash(input))), input).expect("a file can be written");
    }
}

fn mutated(pool: &[Vec<u8>], words: &[&str], random: &mut Random) -> Vec<u8> {
    let mut input = pool[random.below(pool.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let end = at + random.below(input.len() - at + 1).min(64);
        match random.below(9) {
            0 if !input.is_empty() => {
                let at = at.min(input.len() - 1);
                input[at] ^= 1 << random.below(8);
            }
            1 => drop(input.drain(at..end)),
            2 => {
                let part = input[at..end].to_vec();
                for _ in 0..=random.below(8) {
                    input.splice(at..at, part.iter().copied());
                }
            }
            3 => {
                let other = &pool[random.below(pool.len())];
                let from = random.below(other.len() + 1);
                input.splice(at..end, other[from..].iter().take(200).copied());
            }
            4 => {
                let number = NUMBERS[random.below(NUMBERS.len())];
                input.splice(at..end.min(at + 2), number.bytes());
            }
            5 => {
                let nest = NESTS[random.below(NESTS.len())].repeat(1 + random.below(400));
                input.splice(at..at, nest.bytes());
            }
            6 => input.truncate(at),
            7 => input.insert(at, u8::try_from(random.below(256)).unwrap_or_default()),
            _ if !words.is_empty() => {
                let word = words[random.below(words.len())];
                input.splice(at..end.min(at + random.below(3)), word.bytes());
            }
            _ => {}
        }
        input.truncate(LONGEST);
    }
    input
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// The first words of each of some problems, without most of what is quoted from the input.
pub(crate) fn in_short(problems: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let mut text = String::new();
    for problem in problems.into_iter().take(6) {
        let words = problem.to_string();
        let words = words.split_whitespace().take(4).collect::<Vec<_>>();
        write!(text, "{};", words.join("_")).ok();
    }
    text.retain(|c| c.is_ascii_alphabetic() || c == ';' || c == '_');
    text.truncate(200);
    text
}

struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % u64::try_from(count.max(1)).unwrap_or(1)).unwrap_or_default()
    }
}

/// Inputs played where no time is given.
const INPUTS: u32 = 1_500;
/// Longest time for one input, on a busy machine and without optimisation.
const SLOW: Duration = Duration::from_secs(10);
const POOL: usize = 4_000;
/// Inputs kept by one run, and their bytes at most.
const KEPT: usize = 24;
const KEPT_LENGTH: usize = 300;
const LONGEST: usize = 20_000;
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1e400",
    "-0.0",
    "1e-400",
    "18446744073709551616",
    "9223372036854775807",
    "340282366920938463463374607431768211456",
    "0.1",
    "00",
    "1E+9999",
    "99999999999999999999999999999999999999999999",
];
const NESTS: [&str; 10] = ["[", "{\"a\":", "(", "not ", "-", "a: ", "- ", "[[", "${{ ", "\u{0}"];
