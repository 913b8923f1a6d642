//! Planted faults: a judge that sees none of them is no judge.

use std::process::ExitCode;

use crate::options::Options;

/// Plays worlds with each planted fault until a rule is broken.
#[cfg(feature = "mutants")]
pub(crate) fn hunt(options: &Options) -> ExitCode {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use warrener_shared::mutant::Mutant;

    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    println!("{:<18} {:>6}  {:<12}  what it does wrong", "fault", "seeds", "rule broken");
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some(fault) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (name, what) = (fault.name(), fault.fault());
                    if !options.only.is_empty() && !options.only.iter().any(|only| only == name) {
                        continue;
                    }
                    match catch(*fault, options.from) {
                        Some((seeds, rule)) => println!("{name:<18} {seeds:>6}  {rule:<12}  {what}"),
                        None => {
                            println!("{name:<18} {:>6}  {:<12}  {what}", "-", "MISSED");
                            missed.lock().expect("nobody panics here").push(name);
                        }
                    }
                }
            });
        }
    });
    let missed = missed.into_inner().expect("nobody panics here");
    let hunted = if options.only.is_empty() { Mutant::ALL.len() } else { options.only.len() };
    println!("{} of {hunted} caught within {SEEDS_MAX} seeds", hunted - missed.len());
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The first seed that shows a fault, counted from 1, and the rule that it breaks. A seed that breaks without it shows
/// nothing.
#[cfg(feature = "mutants")]
fn catch(fault: warrener_shared::mutant::Mutant, from: u64) -> Option<(u64, &'static str)> {
    use crate::plan::Without;
    let broken = |seed, fault| {
        warrener_shared::mutant::choose(fault);
        let outcome = crate::play::play(seed, &Without::default(), false);
        warrener_shared::mutant::choose(None);
        outcome.violation
    };
    (from..from + SEEDS_MAX).find_map(|seed| {
        let violation = broken(seed, Some(fault))?;
        broken(seed, None).is_none().then_some((seed - from + 1, violation.rule))
    })
}

/// The faults are compiled in only on request.
#[cfg(not(feature = "mutants"))]
pub(crate) fn hunt(_options: &Options) -> ExitCode {
    println!(
        "Planted faults are not compiled in; cargo run -p warrener-tests --features mutants --bin sim -- --mutants"
    );
    ExitCode::FAILURE
}

/// Within so many seeds each planted fault must be caught.
#[cfg(feature = "mutants")]
const SEEDS_MAX: u64 = 10_000;
