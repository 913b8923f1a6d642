//! Times a piece of work again and again. Without a library: what we ask for is a median.

use std::time::{Duration, Instant};

/// Runs `work` on what `prepare` makes, which isn't timed, for about a second, and prints the time for each of `units`.
#[allow(clippy::disallowed_methods, reason = "the engine reads no clock, but its bench does")]
pub(crate) fn time<T, R>(name: &str, units: usize, mut prepare: impl FnMut() -> T, mut work: impl FnMut(T) -> R) {
    if !is_wanted(name) {
        return;
    }
    let mut once = || {
        let prepared = prepare();
        let start = Instant::now();
        let result = std::hint::black_box(work(std::hint::black_box(prepared)));
        let took = start.elapsed();
        drop(result);
        took.as_secs_f64() * 1e9 / units as f64
    };
    once();
    let (begun, mut times) = (Instant::now(), Vec::new());
    while times.len() < LEAST || begun.elapsed() < LONG {
        times.push(once());
    }
    times.sort_by(f64::total_cmp);
    let (least, median) = (times[0], times[times.len() / 2]);
    println!("{name:40} {median:12.0} ns, least {least:12.0} ns, {} times {units}", times.len());
}

/// As with tests: a word on the command line is a part of the names that are wanted.
fn is_wanted(name: &str) -> bool {
    let mut words = std::env::args().skip(1).filter(|word| !word.starts_with('-')).peekable();
    words.peek().is_none() || words.any(|word| name.contains(&word))
}

const LONG: Duration = Duration::from_secs(1);
const LEAST: usize = 5;
