//! Planted faults, by which the simulation proves that its judges see them.
//!
//! They exist only with the feature `mutants`, which nothing turns on by default: without it [`is`] is `false` and
//! what asks for it is compiled away.

/// Every planted fault, and what it does wrong.
pub const MUTANTS: &[(&str, &str)] = &[
    ("any_token", "a report with the token of another attempt counts"),
    ("acks_first", "a worker acknowledges before its report is confirmed"),
    ("acks_unwritten", "inputs are acknowledged though the store could not be written"),
    ("allow_is_ok", "a failure that is not allowed counts as ok for those that need it"),
    ("begins_twice", "a ticket that is delivered again is begun again"),
    ("begins_cancelled", "a ticket that was cancelled is begun all the same"),
    ("no_crash_count", "a task that kills its workers is never suspected"),
    ("more_attempts", "a task gets one attempt more than its policy allows"),
    ("no_record", "an attempt that was retried leaves no record"),
    ("rewrites_record", "a release takes the number of its attempt back"),
    ("silent_skip", "a skipped task leaves no event"),
    ("spares_retrying", "a cancel forgets tasks that wait for their back-off"),
    ("run_on_failure", "a task with run_on failure runs whatever happened"),
    ("no_condition", "a condition that is false does not skip"),
    ("fails_fast_all", "fail_fast cancels what runs on failure too"),
    ("no_failure", "a failure that counts does not make the job failed"),
    ("needs_early", "a task goes out when one of its needs is final"),
    ("too_parallel", "max_parallel is not kept"),
    ("tolerates_more", "one more item may fail than max_failures says"),
    ("wiped_keeps", "after a loss of the broker's data nothing is published again"),
    ("restart_trusts", "after a restart everything counts as published"),
    ("reply_once", "an answer that did not reach the broker is not sent again"),
    ("no_silence", "a worker that went silent is not noticed before its time limit"),
    ("too_soon", "a time limit is over at half of its time"),
    ("early_publish", "attempts are published before the commit that opens them"),
    ("stale_lists", "after a retry the old outputs of items are joined"),
    ("loses_lane", "messages of a queue that was made anew are not published again"),
    ("overbooks", "a worker begins more attempts than it has slots"),
];

#[cfg(feature = "mutants")]
std::thread_local! {
    static CHOSEN: std::cell::Cell<Option<&'static str>> = const { std::cell::Cell::new(None) };
}

/// Whether this fault is the one that was chosen on this thread.
#[cfg(feature = "mutants")]
pub fn is(name: &str) -> bool {
    CHOSEN.get() == Some(name)
}

/// Whether this fault is the one that was chosen: never, in a program that is meant to work.
#[cfg(not(feature = "mutants"))]
#[inline]
pub const fn is(_name: &str) -> bool {
    false
}

/// Chooses a fault for this thread, or none.
#[cfg(feature = "mutants")]
pub fn choose(name: Option<&'static str>) {
    CHOSEN.set(name);
}
