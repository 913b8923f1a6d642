//! The rules of a schedule.

use std::collections::BTreeSet;
use std::sync::Arc;

use warrener_shared::id::JobNo;
use warrener_shared::schedule::{Overlap, ScheduleSpec};
use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};

use super::missed::DueTick;
use super::{ScheduleState, TickOpen, TickOutcome, TickRow};

/// An act that a schedule asks for. What came of a start is told by [`ScheduleState::settled`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Submit the job of this tick.
    Start {
        /// The tick.
        at: Timestamp,
        /// Number of the run.
        run: u32,
    },
    /// Cancel the job.
    Cancel(JobNo),
}

/// Facts beside the rows.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// Jobs that are final and whose workers are not known to have stopped.
    pub stopping: BTreeSet<JobNo>,
    /// Ticks up to this moment are missed, whatever `catch_up` says: the clock was set forward over them.
    pub passed_over: Option<Timestamp>,
    /// Rows of the ticks that a backfill looks at next.
    pub past: Vec<TickRow>,
    /// Version of the database of zones.
    pub zones: &'static str,
}

/// Wait before it is looked again whether workers have stopped.
const LOOK_AGAIN: Millis = Millis::from_secs(1);

impl ScheduleState {
    /// Decides what is due.
    pub fn due(&mut self, now: Timestamp, facts: &Circumstances) -> Vec<Order> {
        let mut orders = Vec::new();
        if self.row.zones != facts.zones {
            self.row.zones = facts.zones.to_owned();
            let before = self.row.next_tick.map(|tick| tick - Millis(1));
            self.row.next_tick = self.after(before.into_iter().chain([self.row.decided]).min().unwrap_or(now));
        }
        self.let_go(facts);
        self.drop_old(now);
        self.start_queued(now, &mut orders);
        let due = self.take_due(now);
        let lost = self.lost(&due, now, facts.passed_over);
        for (tick, is_lost) in due.into_iter().zip(lost) {
            self.decide(tick, is_lost, now, &mut orders);
        }
        self.fill_back(now, &facts.past, &mut orders);
        self.set_timer(now);
        orders
    }

    /// Tells what came of a start: the number of the job, or why it was refused.
    pub fn settled(&mut self, at: Timestamp, run: u32, outcome: Result<JobNo, String>) {
        let Some(mut tick) = self.open.get(&(at, run)).cloned() else { return };
        match outcome {
            Ok(job) => tick.job = Some(job),
            Err(reason) => {
                (tick.outcome, tick.open, tick.reason) = (TickOutcome::Refused, TickOpen::No, Some(reason));
            }
        }
        self.put(tick);
    }

    /// Starts what waits, as far as nothing is in its way.
    pub fn go_on(&mut self, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        self.start_queued(now, &mut orders);
        self.set_timer(now);
        orders
    }

    /// A job of it is final, in this state.
    pub fn ended(&mut self, job: JobNo, end: JobState, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        let found = self.open.values().find(|tick| tick.job == Some(job)).cloned();
        let Some(mut tick) = found else { return orders };
        match end {
            JobState::Succeeded => {
                self.row.failures = 0;
                self.row.last_success = self.row.last_success.max(Some(tick.at));
            }
            // A wish of a person, or of the next tick: neither a success nor a failure.
            JobState::Cancelled => {}
            _ => self.row.failures += 1,
        }
        // Whoever cancels wants the end confirmed before the next begins.
        let waits = self.spec.overlap == Overlap::Cancel;
        tick.open = if waits { TickOpen::Stopping } else { TickOpen::No };
        self.put(tick);
        let most = self.spec.pause_after_failures.map(i64::from);
        if most.is_some_and(|most| self.row.failures >= most) && !self.row.paused {
            self.row.paused = true;
            self.row.paused_by = Some(format!("{} jobs in a row did not succeed", self.row.failures));
        }
        self.start_queued(now, &mut orders);
        self.set_timer(now);
        orders
    }

    /// A job of it that was final runs again.
    pub fn reopened(&mut self, mut tick: TickRow, now: Timestamp) {
        tick.open = TickOpen::Running;
        self.put(tick);
        self.set_timer(now);
    }

    /// A person wants a tick now, whatever else is so. Gives the run. The first run of a tick of the plan that is not
    /// decided yet stays for that.
    pub fn trigger(&mut self, now: Timestamp, known_runs: u32) -> Order {
        let at = Timestamp(now.0 - now.0.rem_euclid(1000));
        let run = known_runs.max(self.runs_of(at)).max(u32::from(self.is_to_come(at))) + 1;
        self.start(at, run, self.row.ticks.max(1), now)
    }

    /// Pauses or resumes it.
    pub fn pause(&mut self, paused: bool, now: Timestamp) -> Vec<Order> {
        let mut orders = Vec::new();
        if !paused && self.row.paused {
            // What passed meanwhile is not made up for.
            for tick in self.take_due(now) {
                let missed = TickOutcome::MissedPaused;
                self.close(tick, if tick.is_excluded { TickOutcome::SkippedExcluded } else { missed }, now);
            }
            self.row.failures = 0;
        }
        (self.row.paused, self.row.paused_by) = (paused, None);
        self.start_queued(now, &mut orders);
        self.set_timer(now);
        orders
    }

    /// Takes a document that was written again. `is_same_plan` says that it ticks as before; another plan has no past.
    pub fn rewrite(
        &mut self,
        spec: Arc<ScheduleSpec>,
        body: Arc<[u8]>,
        is_same_plan: bool,
        now: Timestamp,
    ) -> Vec<Order> {
        (self.spec, self.row.body) = (spec, body);
        self.row.revision += 1;
        self.row.updated_at = now;
        if !is_same_plan {
            self.row.decided = self.row.decided.max(now);
            self.row.ticks = 0;
            (self.row.next_tick, self.row.wake_at) = (self.after(now), None);
        }
        self.set_timer(now);
        self.wish(now)
    }

    /// Pauses or resumes it as its document wants, which was written once more.
    pub fn wish(&mut self, now: Timestamp) -> Vec<Order> {
        let paused = self.spec.paused.filter(|paused| *paused != self.row.paused);
        paused.map_or_else(Vec::new, |paused| self.pause(paused, now))
    }

    fn runs_of(&self, at: Timestamp) -> u32 {
        let runs = |ticks: &std::collections::BTreeMap<(Timestamp, u32), TickRow>| {
            ticks.range((at, 0)..=(at, u32::MAX)).map(|((_, run), _)| *run).max().unwrap_or(0)
        };
        runs(&self.open).max(runs(&self.changed))
    }

    fn put(&mut self, tick: TickRow) {
        let key = (tick.at, tick.run);
        if tick.open == TickOpen::No {
            self.open.remove(&key);
        } else {
            self.open.insert(key, tick.clone());
        }
        self.changed.insert(key, tick);
    }

    fn tick(&self, tick: DueTick, outcome: TickOutcome, open: TickOpen, now: Timestamp) -> TickRow {
        let DueTick { at, number, .. } = tick;
        let schedule = self.row.no;
        TickRow { schedule, at, run: 1, outcome, decided_at: now, number, job: None, open, reason: None }
    }

    fn close(&mut self, tick: DueTick, outcome: TickOutcome, now: Timestamp) {
        let tick = self.tick(tick, outcome, TickOpen::No, now);
        self.put(tick);
    }

    pub(super) fn start(&mut self, at: Timestamp, run: u32, number: i64, now: Timestamp) -> Order {
        let tick = DueTick { at, number, is_excluded: false };
        let tick = self.tick(tick, TickOutcome::Started, TickOpen::Running, now);
        self.put(TickRow { run, ..tick });
        Order::Start { at, run }
    }

    /// Closes ticks whose workers have stopped.
    fn let_go(&mut self, facts: &Circumstances) {
        let stopped = |tick: &&TickRow| {
            tick.open == TickOpen::Stopping && tick.job.is_none_or(|job| !facts.stopping.contains(&job))
        };
        let stopped: Vec<TickRow> = self.open.values().filter(stopped).cloned().collect();
        stopped.into_iter().for_each(|tick| self.put(TickRow { open: TickOpen::No, ..tick }));
    }

    /// Drops ticks that waited for too long.
    fn drop_old(&mut self, now: Timestamp) {
        let old = |tick: &&TickRow| tick.open == TickOpen::Queued && self.spec.expires(tick.at) < now;
        let old: Vec<TickRow> = self.open.values().filter(old).cloned().collect();
        for tick in old {
            self.put(TickRow { open: TickOpen::No, outcome: TickOutcome::MissedWindow, decided_at: now, ..tick });
        }
    }

    /// Starts the first of those that wait, if nothing of the schedule is at work.
    fn start_queued(&mut self, now: Timestamp, orders: &mut Vec<Order>) {
        self.drop_old(now);
        if self.row.paused || (self.running() > 0 && self.spec.overlap != Overlap::Allow) {
            return;
        }
        let first = self.open.values().find(|tick| tick.open == TickOpen::Queued).cloned();
        if let Some(tick) = first {
            orders.push(self.start(tick.at, tick.run, tick.number, now));
        }
    }

    /// Decides a due tick.
    fn decide(&mut self, tick: DueTick, is_lost: bool, now: Timestamp, orders: &mut Vec<Order>) {
        let outcome = if tick.is_excluded {
            TickOutcome::SkippedExcluded
        } else if self.row.paused {
            TickOutcome::MissedPaused
        } else if is_lost {
            TickOutcome::MissedWindow
        } else {
            return self.overlap(tick, now, orders);
        };
        self.close(tick, outcome, now);
    }

    /// Starts a tick, or what its schedule says while jobs of earlier ones are not final.
    fn overlap(&mut self, due: DueTick, now: Timestamp, orders: &mut Vec<Order>) {
        if self.open.is_empty() || self.spec.overlap == Overlap::Allow {
            orders.push(self.start(due.at, 1, due.number, now));
            return;
        }
        let queued: Vec<TickRow> = self.open.values().filter(|tick| tick.open == TickOpen::Queued).cloned().collect();
        let most = match self.spec.overlap {
            Overlap::Skip | Overlap::Allow => 0,
            Overlap::QueueOne => 1,
            Overlap::Queue => self.spec.max_queued as usize,
            Overlap::Cancel => {
                for tick in &queued {
                    let skipped = TickOutcome::SkippedOverlap;
                    self.put(TickRow { open: TickOpen::No, outcome: skipped, decided_at: now, ..tick.clone() });
                }
                let running = self.open.values().filter(|tick| tick.open == TickOpen::Running);
                orders.extend(running.filter_map(|tick| tick.job).map(Order::Cancel));
                usize::MAX
            }
        };
        if queued.len() < most {
            let tick = self.tick(due, TickOutcome::Queued, TickOpen::Queued, now);
            self.put(tick);
        } else {
            self.close(due, TickOutcome::SkippedOverlap, now);
        }
    }

    /// Sets the time at which it is looked at next.
    pub(super) fn set_timer(&mut self, now: Timestamp) {
        let spec = &self.spec;
        let next = self.row.next_tick.map(|tick| spec.due(tick));
        let (mut expires, mut stops) = (None, None);
        for tick in self.open.values() {
            match tick.open {
                TickOpen::Queued => expires = expires.into_iter().chain([spec.expires(tick.at) + Millis(1)]).min(),
                TickOpen::Stopping => stops = Some(now + LOOK_AGAIN),
                TickOpen::Running | TickOpen::No => {}
            }
        }
        let backfill = self.row.backfill.as_ref().and_then(|work| self.resumes(work, now));
        self.row.wake_at = next.into_iter().chain(expires).chain(stops).chain(backfill).min();
    }
}
