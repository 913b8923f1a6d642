//! Playing a seed again, or many.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::judge::Violation;
use crate::options::Options;
use crate::plan::{Plan, Without};
use crate::play::play;
use crate::reach::Reach;
use crate::shrink;

/// Plays one seed again, and shows all of it.
pub(crate) fn replay(seed: u64, without: &Without) -> ExitCode {
    let plan = Plan::new(seed, without);
    println!(
        "seed {seed}: faults {:?}, {} ms of faults, latency up to {} ms",
        plan.faults, plan.safety_ms, plan.latency_ms
    );
    let outcome = play(seed, without, true);
    outcome.trace.iter().for_each(|line| println!("{line}"));
    println!("{} events, {:.1} virtual seconds", outcome.events, outcome.virtual_ms as f64 / 1000.0);
    match outcome.violation {
        None => ExitCode::SUCCESS,
        Some(Violation { rule, what }) => {
            println!("BROKEN {rule}: {what}");
            ExitCode::FAILURE
        }
    }
}

/// What many worlds came to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) broken: Vec<(u64, Violation)>,
    pub(crate) reach: Reach,
    pub(crate) played: u64,
    pub(crate) virtual_ms: u64,
    pub(crate) events: u64,
}

/// Plays seeds until all are played, or enough rules are broken.
pub(crate) fn sweep(from: u64, seeds: u64, threads: u64, most: usize, bar: &ProgressBar) -> Tally {
    let next = AtomicU64::new(from);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + seeds {
                        return;
                    }
                    let outcome = play(seed, &Without::default(), false);
                    let mut tally = tally.lock().expect("worlds do not panic outside");
                    tally.played += 1;
                    tally.virtual_ms += outcome.virtual_ms;
                    tally.events += outcome.events;
                    tally.reach.add(outcome.reach);
                    bar.inc(1);
                    if let Some(violation) = outcome.violation {
                        tally.broken.push((seed, violation));
                        if tally.broken.len() >= most {
                            next.store(from + seeds, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    tally.into_inner().expect("worlds do not panic outside")
}

/// Plays many seeds with a progress bar, and says what broke.
pub(crate) fn many(options: &Options) -> ExitCode {
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left").expect("a valid template");
    let bar = ProgressBar::new(options.seeds).with_style(style);
    let begun = Instant::now();
    let tally = sweep(options.from, options.seeds, options.jobs, BROKEN_MAX, &bar);
    let took = begun.elapsed().max(Duration::from_millis(1));
    bar.finish_and_clear();
    println!(
        "{} seeds in {:.1} s, {:.0} seeds/s; {:.1} virtual hours, {} events, {} broken",
        tally.played,
        took.as_secs_f64(),
        tally.played as f64 / took.as_secs_f64(),
        tally.virtual_ms as f64 / 3_600_000.0,
        tally.events,
        tally.broken.len()
    );
    if options.reach {
        tally.reach.show();
    }
    for (seed, Violation { rule, what }) in &tally.broken {
        println!("seed {seed} broke {rule}: {what}");
    }
    let Some((seed, Violation { rule, .. })) = tally.broken.first() else { return ExitCode::SUCCESS };
    let without = shrink::shrink(*seed, rule);
    println!("\nseed {seed} again, without what does not matter: {}", shrink::command(*seed, &without));
    let outcome = play(*seed, &without, true);
    outcome.trace.iter().for_each(|line| println!("{line}"));
    if let Some(Violation { rule, what }) = outcome.violation {
        println!("BROKEN {rule}: {what}");
    }
    ExitCode::FAILURE
}

/// After so many broken seeds nobody needs more.
const BROKEN_MAX: usize = 10;
