//! Timers: everything that happens because time passes.
//!
//! They have batches of their own, so that a timer that cannot be handled takes no input with it, and is set aside
//! alone.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use warrener_engine::{Event, JobRow};
use warrener_runtime::clock::Clock;
use warrener_shared::id::{JobNo, TaskNo, Ticket};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::{Millis, Timestamp};

use super::condition::{Failure, panic_text};
use super::held::DUE_AT_ONCE;
use super::{DUE_MAX, Driver};
use crate::shared::offset;
use crate::store::{DelayedChanges, Store, StoreError};

/// Least change of the wall clock against the monotonic one that is no drift, in milliseconds. The loop looks four
/// times a second.
const JUMP_MS: i64 = 1_000;
/// A change of the wall clock, forward, after which the ticks of schedules in between are missed. They would all be
/// started at once, at times that never were.
const PASSED_OVER_MS: i64 = 3_600_000;
/// Most jobs that are looked through for starts while deadlines wait to be judged.
const LOOKED_MAX: usize = 16 * DUE_MAX;
/// Time until timers are looked at again if all that is due is set aside, or cannot be judged yet.
const LOOK_AGAIN: Millis = Millis::from_secs(1);
/// Time for which a timer that could not be handled is left alone.
const SET_ASIDE: Duration = Duration::from_secs(60);

impl<S: Store> Driver<S> {
    /// Handles what is due, in each turn.
    pub(super) fn pass_time(&mut self) {
        let now = self.now();
        if self.held.next_due.is_none_or(|due| due > now) && !self.held.admission.has_own_backlog() {
            return;
        }
        match self.due() {
            Ok(timers) if timers.is_empty() && !self.held.admission.has_own_backlog() => self.look_again_later(),
            Ok(timers) => self.happen(&timers),
            Err(error) => self.degrade(&error.to_string()),
        }
    }

    /// Follows the wall clock. If it was set, timers move with it, so that a span goes on being counted: a jump ends
    /// nothing that this process has not also waited for.
    ///
    /// # Errors
    /// If the store could not be told; nothing may pass until it is.
    pub(super) fn follow_clock(&mut self) -> Result<(), StoreError> {
        let offset = offset(&self.clock);
        let by = offset - self.clock_offset;
        if by.abs() >= JUMP_MS {
            tracing::warn!(by_ms = by, "the wall clock was set; time limits and back-offs go on as they were");
            metrics::counter!("warrener_clock_jumps_total").increment(1);
            self.age.notice(&self.clock);
            self.held.rows.forget_rows();
            let now = Timestamp(self.clock.now_ms());
            self.passed_over = (by >= PASSED_OVER_MS).then_some(now);
            if self.passed_over.is_some() && self.held.schedules.any() {
                let by = Millis(by.unsigned_abs());
                let note = format!(
                    "the wall clock was set forward by {by} at {now}: ticks of schedules in between are missed"
                );
                self.shared.health.set_notes("clock", vec![note]);
            }
            // A message that waits is due a little late rather than early, whoever looks for it meanwhile.
            if by < 0 {
                self.shared.follow(offset);
            }
            if let Err(error) = self.store.shift(by, Timestamp(self.clock.now_ms())) {
                self.degrade(&error.to_string());
                return Err(error);
            }
            self.held.schedules.look_anew();
            self.held.kept.shift(by);
            self.shift_keys(by);
            self.held.next_due = DUE_AT_ONCE;
        }
        // Slower changes are the wall clock's own way of keeping time.
        self.clock_offset = offset;
        self.shared.follow(offset);
        Ok(())
    }

    /// Delayed messages whose times were found by another offset than the one that the rows follow now.
    pub(super) fn in_our_time(&self, changes: &DelayedChanges, offset: i64) -> DelayedChanges {
        let by = self.clock_offset - offset;
        if by.abs() >= JUMP_MS { changes.shifted(by) } else { changes.clone() }
    }

    /// Asks the store for the next timer, after a look that found nothing to handle.
    fn look_again_later(&mut self) {
        let later = self.now() + LOOK_AGAIN;
        let put_off = !self.put_off.is_empty();
        self.held.next_due = match self.store.next_due() {
            Ok(due) => {
                let due = due.into_iter().chain(self.held.schedules.next_due()).min();
                due.map(|due| if put_off { due.max(later) } else { due })
            }
            Err(_) => Some(later),
        };
    }

    /// Timers that are due and can be handled now.
    fn due(&mut self) -> Result<Vec<Timer>, StoreError> {
        let monotonic = self.clock.monotonic();
        self.put_off.end(monotonic);
        let now = self.now();
        let judged = self.hearing.judged_upto(now, monotonic);
        let jobs = self.due_jobs(now, judged)?.into_iter().map(Timer::Job);
        let tasks = self.due_tasks(now, judged)?.into_iter().map(Timer::Task);
        let schedules = self.due_schedules(now)?;
        Ok(jobs.chain(tasks).chain(schedules).filter(|timer| !self.put_off.is_set_aside(timer)).collect())
    }

    /// Tasks that are due. A limit of an attempt that is open at a worker waits until all is read that was confirmed
    /// before it passed.
    fn due_tasks(&mut self, now: Timestamp, judged: Timestamp) -> Result<Vec<TaskNo>, StoreError> {
        let most = DUE_MAX + self.put_off.set_aside.len();
        let mut due = self.store.due_tasks(judged, most)?;
        if due.len() >= most {
            return Ok(due);
        }
        // Those that have to wait must not stand before the others.
        let later = self.store.due_tasks(now, most + self.held.delivery.len())?;
        let known: BTreeSet<TaskNo> = due.iter().copied().collect();
        let (unjudged, free): (Vec<_>, Vec<_>) =
            later.into_iter().filter(|task| !known.contains(task)).partition(|task| self.held.delivery.is_open(*task));
        self.put_off.unjudged |= !unjudged.is_empty();
        due.extend(free.into_iter().take(most));
        Ok(due)
    }

    /// Jobs that are due. A start is due at once; a deadline cancels open attempts, so it waits as their limits do.
    fn due_jobs(&mut self, now: Timestamp, judged: Timestamp) -> Result<Vec<JobNo>, StoreError> {
        let most = DUE_MAX + self.put_off.set_aside.len();
        let mut due = self.store.due_jobs(judged, most)?;
        if due.len() >= most {
            return Ok(due);
        }
        let known: BTreeSet<JobNo> = due.iter().copied().collect();
        let mut looked = most;
        loop {
            let later = self.store.due_jobs(now, looked)?;
            let all = later.len() < looked;
            let mut free = Vec::new();
            for job in later.into_iter().filter(|job| !known.contains(job)) {
                let row = match self.held.rows.job(job) {
                    Some(row) => Some(row),
                    None => self.store.job(job)?,
                };
                let nobody_works = |row: &JobRow| row.counts.get(TaskState::Dispatched) == 0;
                if row.is_some_and(|row| row.state == JobState::Scheduled || nobody_works(&row)) {
                    free.push(job);
                } else {
                    self.put_off.unjudged = true;
                }
            }
            if all || !free.is_empty() || looked >= LOOKED_MAX {
                due.extend(free);
                return Ok(due);
            }
            // Deadlines that have to wait must not stand before what need not.
            looked *= 4;
        }
    }

    /// Handles timers as one batch; if that fails, one by one, so that one stops no other.
    pub(super) fn happen(&mut self, timers: &[Timer]) {
        let Err(failure) = self.try_timers(timers) else { return };
        for timer in timers {
            if self.recollect().is_err() || failure.is_an_outage() {
                return self.degrade(&failure.to_string());
            }
            if let Err(alone) = self.try_timers(std::slice::from_ref(timer)) {
                if alone.is_an_outage() {
                    return self.degrade(&alone.to_string());
                }
                tracing::error!(why = %alone, ?timer, "a timer could not be handled; it is tried again in a minute");
                metrics::counter!("warrener_timers_set_aside_total").increment(1);
                self.put_off.set_aside.insert(*timer, self.clock.monotonic() + SET_ASIDE);
            }
        }
        if let Err(error) = self.recollect() {
            self.degrade(&error.to_string());
        }
    }

    /// Decides, commits and acts on these timers, as one batch.
    fn try_timers(&mut self, timers: &[Timer]) -> Result<(), Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut batch = self.new_batch();
            batch.must_commit = true;
            for timer in timers {
                match *timer {
                    Timer::Job(job) => self.decide(Event::JobDue(job), &mut batch)?,
                    Timer::Task(task) => self.decide(Event::TaskDue(task), &mut batch)?,
                    Timer::Silence(ticket) => self.decide(Event::Silent(ticket), &mut batch)?,
                    Timer::Stopped(job) => self.decide(Event::JobStopped(job), &mut batch)?,
                    Timer::Schedule(no) => self.schedule_due(no, &mut batch)?,
                }
            }
            self.follow_ends(&mut batch)?;
            self.admit(&mut batch)?;
            self.settle(batch).map(drop)
        }));
        match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        }
    }
}

/// Moves the timers at a start, if the wall clock says less than at the last commit. It was set back then while no
/// process was there to see it, by no less than the difference. One that was set forward cannot be told from time that
/// passed.
///
/// # Errors
/// If the store cannot be read or told.
pub(super) fn resume_clock(store: &mut impl Store, clock: &Clock) -> Result<(), StoreError> {
    let now = Timestamp(clock.now_ms());
    let Some(by) = store.boot()?.seen_at.map(|seen| now.0 - seen.0).filter(|by| *by <= -JUMP_MS) else {
        return Ok(());
    };
    tracing::warn!(by_ms = by, "the wall clock was set back while no orchestrator ran; time limits move with it");
    metrics::counter!("warrener_clock_jumps_total").increment(1);
    store.shift(by, now)
}

/// Timers that are due and have to wait all the same. Outlives `recollect`.
#[derive(Debug, Default)]
pub(super) struct PutOff {
    /// True while there are limits that cannot be judged before more reports are read.
    unjudged: bool,
    /// Timers that could not be handled, with the monotonic time until which they are left alone.
    set_aside: BTreeMap<Timer, Duration>,
}

impl PutOff {
    /// Notes that more reports were read. True if limits waited for that.
    pub(super) const fn judge(&mut self) -> bool {
        std::mem::replace(&mut self.unjudged, false)
    }

    /// Number of timers that are left alone.
    pub(super) fn set_aside(&self) -> usize {
        self.set_aside.len()
    }

    /// True if no timer has to wait.
    fn is_empty(&self) -> bool {
        !self.unjudged && self.set_aside.is_empty()
    }

    /// Lets go of timers that were left alone for long enough.
    fn end(&mut self, monotonic: Duration) {
        self.set_aside.retain(|_, until| *until > monotonic);
    }

    /// Tells whether a timer could not be handled lately.
    fn is_set_aside(&self, timer: &Timer) -> bool {
        self.set_aside.contains_key(timer)
    }
}

/// Something that happens because time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Start or deadline of a job.
    Job(JobNo),
    /// Limit, back-off or sleep of a task.
    Task(TaskNo),
    /// End of the time for which the worker of an attempt may be silent.
    Silence(Ticket),
    /// Ticks of a schedule.
    Schedule(i64),
    /// Stop of the workers of a final job, which was awaited.
    Stopped(JobNo),
}
