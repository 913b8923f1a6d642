//! Seeds that are played at every check.

use indicatif::ProgressBar;

use crate::plan::Without;
use crate::{play, run};

#[test]
fn no_rule_is_broken_in_any_of_these_worlds() {
    play::quiet_panics();
    let tally = run::sweep(1, SEEDS, 2, 1, &ProgressBar::hidden());
    assert!(tally.broken.is_empty(), "cargo run -p warrener-tests --bin sim -- --seed N: {:#?}", tally.broken);
    assert_eq!(tally.played, SEEDS);
}

#[test]
fn the_same_seed_plays_the_same_world() {
    play::quiet_panics();
    for seed in 1..=5 {
        let [first, second] = [(); 2].map(|()| play::play(seed, &Without::default(), true).trace);
        assert!(first.len() > 10, "nothing happens in seed {seed}");
        assert_eq!(first, second);
    }
}

#[test]
fn rules_that_were_broken_once_hold() {
    play::quiet_panics();
    for (seed, what) in BROKEN_ONCE {
        // In these worlds nobody fell silent, and nothing was repeated.
        let faults = ["orchestrator_frozen", "broker_frozen"].map(str::to_owned).to_vec();
        let outcome = play::play(*seed, &Without { faults, language: true, ..Without::default() }, false);
        assert_eq!(outcome.violation, None, "seed {seed}: {what}");
    }
    for (seed, what) in BROKEN_ONCE_PLAIN {
        let outcome = play::play(*seed, &Without { extras: true, language: true, ..Without::default() }, false);
        assert_eq!(outcome.violation, None, "seed {seed} --without-extras: {what}");
    }
}

/// As many as take some twenty seconds without optimisation.
const SEEDS: u64 = 2_000;
/// Worlds in which a bug of the product was found; with the bug they break still.
const BROKEN_ONCE: &[(u64, &str)] = &[
    (1, "an attempt that the batch which opened it had closed was published"),
    (825, "a mapped task succeeded without the outputs of items that were stopped with it"),
    (852, "a crash made forget that messages were lost with their queue"),
    (1032, "the loop offered a mapped task for ever whose failures were too many already"),
    (1663, "a failed commit made forget that messages were lost with their queue"),
    (2695, "items that were no more came back from the store within the batch that dropped them"),
    (9342, "a confirm from before its queue was lost counted afterwards"),
    (508335, "a list whose sub-jobs end as soon as they begin stopped half way"),
    (432104, "a queue that had just got its first message was not known to hold one when it was lost"),
];
/// The same, before there was more in worlds.
const BROKEN_ONCE_PLAIN: &[(u64, &str)] = &[
    (495, "the answer of a job was not given if the reply of its last commit was lost"),
    (6688, "a forged report counted as a sign of life"),
    (6999, "the clock was set back by hours while no orchestrator ran, and timers were late by hours"),
    (10327, "a confirm from before the broker lost its disk counted afterwards"),
    (2720, "after a restart a lease counted instead of the silence that the task allows"),
];
