//! Backfill: ticks of the past that were not started, one after another.

use std::collections::BTreeSet;

use warrener_shared::time::{Millis, Timestamp};

use super::{Order, ScheduleState, TickOutcome, TickRow};

/// Ticks that are looked at in one go, before others have their turn.
pub(super) const LOOKED_MAX: usize = 64;

/// Ticks of a span that are to be started, as far as none of their jobs was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backfill {
    /// The first moment of the span.
    pub from: Timestamp,
    /// The last moment of the span.
    pub to: Timestamp,
    /// Ticks up to this moment are done.
    pub done_upto: Timestamp,
    /// True if jobs may run beside each other; else each waits until nothing of the schedule is open.
    pub side_by_side: bool,
    /// True if ticks that were started are started again.
    pub again: bool,
    /// Shortest time between two starts.
    pub pause: Millis,
    /// Time before which nothing more is started.
    pub not_before: Timestamp,
    /// Number of jobs that it started.
    pub started: u64,
}

impl ScheduleState {
    /// The last tick that a backfill looks at next, for whoever reads the rows.
    pub fn backfill_reach(&self) -> Option<(Timestamp, Timestamp)> {
        let work = self.row.backfill.as_ref()?;
        let next = |at: &Timestamp| self.spec.plan.next_ever(*at).filter(|at| *at <= work.to);
        let last = std::iter::successors(next(&work.done_upto), next).take(LOOKED_MAX).last()?;
        Some((work.done_upto, last))
    }

    /// Starts what is next of a backfill; `past` has the rows of the ticks within its reach.
    pub(super) fn fill_back(&mut self, now: Timestamp, past: &[TickRow], orders: &mut Vec<Order>) {
        let Some(mut work) = self.row.backfill.take() else { return };
        for _ in 0..LOOKED_MAX {
            let is_free = work.side_by_side || self.open().next().is_none();
            if work.not_before > now || !is_free {
                break;
            }
            let Some(at) = self.spec.plan.next_ever(work.done_upto).filter(|at| *at <= work.to) else { return };
            work.done_upto = at;
            let runs = || past.iter().filter(|tick| tick.at == at);
            let was_started = runs().any(|tick| tick.outcome == TickOutcome::Started);
            let is_known = self.open().any(|tick| tick.at == at) || self.is_to_come(at);
            // The clock was set back behind the span: the rest of it is not of the past any more.
            if at > now {
                return;
            }
            if self.spec.plan.is_excluded(at) || is_known || (was_started && !work.again) {
                continue;
            }
            let run = if was_started { runs().map(|tick| tick.run).max().unwrap_or(0) + 1 } else { 1 };
            orders.push(self.start(at, run, self.row.ticks.max(1), now));
            work.started += 1;
            work.not_before = now + work.pause;
        }
        self.row.backfill = Some(work);
    }

    /// Time at which a backfill goes on; `None` if an end has to come first.
    pub(super) fn resumes(&self, work: &Backfill, now: Timestamp) -> Option<Timestamp> {
        let is_free = work.side_by_side || self.open().next().is_none();
        is_free.then(|| now.max(work.not_before))
    }

    /// Begins a backfill; false if one is at work. What is yet to come is not of the past.
    pub fn begin_backfill(&mut self, work: Backfill, now: Timestamp) -> bool {
        let is_idle = self.row.backfill.is_none();
        if is_idle {
            self.row.backfill = Some(Backfill { to: work.to.min(now), ..work });
            self.row.wake_at = Some(now);
        }
        is_idle
    }

    /// Ticks that a backfill would start, given the rows of its span: the first ten, and the number of all. `None` if
    /// more than [`BACKFILL_MAX`] are to be looked at.
    pub fn would_fill(&self, work: &Backfill, past: &[TickRow], now: Timestamp) -> Option<(Vec<Timestamp>, usize)> {
        let next = |at: &Timestamp| self.spec.plan.next_ever(*at).filter(|at| *at <= work.to.min(now));
        let started = past.iter().filter(|tick| tick.outcome == TickOutcome::Started).map(|tick| tick.at);
        let started: BTreeSet<Timestamp> = started.collect();
        let (mut sample, mut wanted) = (Vec::new(), 0);
        let ticks = std::iter::successors(next(&work.done_upto), next);
        for (looked, at) in ticks.enumerate() {
            if looked >= BACKFILL_MAX {
                return None;
            }
            if self.spec.plan.is_excluded(at) || self.is_to_come(at) || (started.contains(&at) && !work.again) {
                continue;
            }
            wanted += 1;
            if sample.len() < SAMPLE {
                sample.push(at);
            }
        }
        Some((sample, wanted))
    }
}

/// Most ticks of the span of a backfill.
pub const BACKFILL_MAX: usize = 100_000;
/// Ticks that a dry run shows.
const SAMPLE: usize = 10;
