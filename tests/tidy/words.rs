//! The words of the comments: each says what it is about before it says anything of it.

use std::collections::BTreeMap;

use crate::crates::is_test;
use crate::{expect_none, files, read};

#[test]
fn doc_comments_begin_with_their_subject() {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in files(&[".rs"]).into_iter().filter(|name| is_ours(name)) {
        let folder = RIDDLES.iter().map(|(folder, _)| *folder).find(|folder| name.starts_with(folder));
        found.entry(folder.unwrap_or_default().to_owned()).or_default().extend(riddles(&name, &read(&name)));
    }
    let mut wrong = Vec::new();
    for (folder, riddles) in found {
        let most = RIDDLES.iter().find(|(known, _)| *known == folder).map_or(0, |(_, most)| *most);
        match riddles.len() {
            0 if most > 0 => wrong.push(format!("{folder}: there are none any more, strike it off")),
            count if count > most && most > 0 => {
                wrong.push(format!("{folder}: {count}, and {most} at most:"));
                wrong.extend(riddles);
            }
            count if count > most => wrong.extend(riddles),
            _ => {}
        }
    }
    expect_none(
        &wrong,
        "A doc comment begins with a noun, the thing itself, or with a verb, what is done: not with a pronoun or a \
         question word. RIDDLES in tests/tidy/words.rs says how many a folder has still, and only shrinks.",
    );
}

#[test]
fn a_riddle_is_told_by_its_first_word() {
    let text =
        "//! What it is.\n//! How it is done.\n\n/// `One` of them.\n/// It is late.\nfn a() {}\n    /// The time.\n";
    let places: Vec<_> = riddles("a.rs", text);
    assert_eq!(places, ["a.rs:1: //! What it is.", "a.rs:4: /// `One` of them."]);
}

/// Tells whether a file is part of what we ship, or of the library of the tests.
fn is_ours(name: &str) -> bool {
    let is_aside = ["benches", "examples"].iter().any(|folder| name.split('/').any(|part| part == *folder));
    !is_test(name) && !is_aside && (!name.starts_with("tests/") || name.starts_with("tests/src/"))
}

/// The places of all doc comments in a text that begin with one of the words.
fn riddles(name: &str, text: &str) -> Vec<String> {
    let mut before = "";
    let mut places = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let mark = ["///", "//!"].into_iter().find(|mark| line.starts_with(mark)).unwrap_or_default();
        // Only the first line of a comment opens it.
        if !mark.is_empty() && mark != before && is_nameless(&line[mark.len()..]) {
            places.push(format!("{name}:{}: {line}", index + 1));
        }
        before = mark;
    }
    places
}

/// Tells whether a text begins with one of the words.
fn is_nameless(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let first: String = text.chars().take_while(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    WORDS.split(' ').any(|word| word == first)
}

/// Folders with doc comments that begin so still, and how many at most: none has any.
const RIDDLES: &[(&str, usize)] = &[];
/// Words that name nothing.
const WORDS: &str = "he her here his how it its one our she such that their them there these they this those we what \
     whatever when whenever where wherever whether which whichever who whoever whom whose why you your";
