//! The age of what is kept, by time that really passed.
//!
//! Finished jobs are kept for their retention and then removed for good. A wall clock that is wrong for a moment must
//! not remove what is young, so it is held against the time since the machine's start, also over restarts of the
//! process.

use std::time::Duration;

use warrener_runtime::clock::Clock;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::{Millis, Timestamp};

use crate::store::ClockTrust;

/// Time after a start of the machine for which nothing is removed. The wall clock may still be waiting to be set.
const UNKNOWN: Duration = Duration::from_secs(600);
/// Most difference between the two clocks that counts as drift, in milliseconds. More means that the wall clock was
/// set.
const DRIFT_MS: i64 = 1_000;

/// The judge of age: says what is old enough to be removed. It errs only to the side of keeping.
#[derive(Debug)]
pub(super) struct AgeJudge {
    /// Offset of the wall clock that is relied on, and how far it was ever behind. `None` if the machine does not tell
    /// when it started.
    trust: Option<ClockTrust>,
    /// Monotonic time before which nothing counts as old.
    hold: Duration,
}

impl AgeJudge {
    /// Judge at a start of the process. `kept` is the trust that an earlier process left in the store; `None` in a new
    /// database, which has nothing old. It counts if the machine has not been started since; otherwise nothing is old
    /// for [`UNKNOWN`].
    pub(super) fn resume(kept: Option<ClockTrust>, clock: &Clock) -> Self {
        let now = clock.monotonic();
        let Some((boot, offset_ms)) = offset(clock) else { return Self { trust: None, hold: now + UNKNOWN } };
        match kept {
            Some(trust) if trust.boot == boot => {
                let mut judge = Self { trust: kept, hold: now };
                judge.notice(clock);
                judge
            }
            kept => {
                let trust = Some(ClockTrust { boot, offset_ms, behind_ms: 0 });
                // A new database has nothing that could be old.
                Self { trust, hold: if kept.is_some() { now + UNKNOWN } else { now } }
            }
        }
    }

    /// Latest point in time such that whatever finished before it is older than `retention`. `None` while that is not
    /// known of anything.
    pub(super) fn older_than(&mut self, retention: Millis, clock: &Clock) -> Option<Timestamp> {
        let now = Timestamp(clock.now_ms());
        if mutant::is(Mutant::TrustsWallClock) {
            return Some(now - retention);
        }
        if clock.monotonic() < self.hold {
            return None;
        }
        let ahead = self.notice(clock);
        let doubt = self.trust.map_or(0, |trust| trust.behind_ms) + if ahead > DRIFT_MS { ahead } else { 0 };
        Some(now - retention - Millis(doubt.unsigned_abs()))
    }

    /// Notes a wall clock that was set: what finishes while it is behind looks older than it is once the clock is right
    /// again. Gives how far the clock is ahead of the trust, in milliseconds; negative if it is behind, 0 if unknown.
    pub(super) fn notice(&mut self, clock: &Clock) -> i64 {
        let (Some(trust), Some((_, offset_ms))) = (&mut self.trust, offset(clock)) else { return 0 };
        let ahead = offset_ms - trust.offset_ms;
        if ahead < -DRIFT_MS {
            trust.behind_ms = trust.behind_ms.max(-ahead);
        }
        ahead
    }

    /// The trust to be kept with the next commit, for a later process.
    pub(super) const fn trust(&self) -> Option<ClockTrust> {
        self.trust
    }
}

/// Identity of the machine's start, and the wall clock less the time since then, in milliseconds.
fn offset(clock: &Clock) -> Option<(i64, i64)> {
    let (boot, since) = clock.since_boot()?;
    Some((boot, clock.now_ms() - i64::try_from(since.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use warrener_runtime::clock::Hand;

    use super::*;

    const DAY: i64 = 86_400_000;
    const WEEK: Millis = Millis::from_secs(7 * 86_400);

    fn clock() -> (Clock, Arc<Hand>) {
        let hand = Arc::new(Hand::default());
        hand.jump(1_800_000_000_000);
        (Clock::by_hand(hand.clone()), hand)
    }

    #[test]
    fn a_clock_that_is_wrong_for_a_moment_makes_nothing_old() {
        for days in [8, -8, 3_650] {
            let (clock, hand) = clock();
            let mut age = AgeJudge::resume(None, &clock);
            let before = clock.now_ms();
            hand.jump(days * DAY);
            assert!(age.older_than(WEEK, &clock).unwrap().0 <= before - 7 * DAY, "{days} days");
            let meanwhile = clock.now_ms();
            hand.pass(20_000);
            age.older_than(WEEK, &clock);
            // Another process knows it too.
            let mut age = AgeJudge::resume(age.trust(), &clock);
            hand.jump(-days * DAY);
            assert!(age.older_than(WEEK, &clock).unwrap().0 <= meanwhile.min(before), "{days} days");
        }
    }

    #[test]
    fn a_clock_that_is_set_while_no_process_runs_makes_nothing_old() {
        let (clock, hand) = clock();
        let age = AgeJudge::resume(None, &clock);
        let finished = clock.now_ms();
        hand.jump(8 * DAY);
        let mut age = AgeJudge::resume(age.trust(), &clock);
        assert!(age.older_than(WEEK, &clock).unwrap().0 <= finished);
        // Time that passes makes it old.
        hand.pass(7 * 86_400_000 + 1);
        assert!(age.older_than(WEEK, &clock).unwrap().0 > finished);
    }

    #[test]
    fn what_finishes_behind_from_the_start_of_a_process_is_no_older_once_the_clock_is_right() {
        let (clock, hand) = clock();
        let trust = AgeJudge::resume(None, &clock).trust();
        hand.jump(-8 * DAY);
        // Its first commit keeps what it says now, before anybody asked what is old.
        let trust = AgeJudge::resume(trust, &clock).trust();
        let finished = clock.now_ms();
        hand.jump(8 * DAY);
        let mut age = AgeJudge::resume(trust, &clock);
        assert!(age.older_than(WEEK, &clock).unwrap().0 <= finished);
    }

    #[test]
    fn after_a_start_of_the_machine_nothing_is_old_for_a_while() {
        let (clock, hand) = clock();
        let other = ClockTrust { boot: 7, offset_ms: 0, behind_ms: 0 };
        let mut age = AgeJudge::resume(Some(other), &clock);
        assert_eq!(age.older_than(WEEK, &clock), None);
        hand.pass(600_000);
        assert!(age.older_than(WEEK, &clock).is_some());
    }
}
