//! What happens because time passes. It has batches of its own, so that a timer that cannot be handled takes no
//! input with it, and is set aside alone.

use std::panic::{AssertUnwindSafe, catch_unwind};

use warrener_engine::{Event, Slice};
use warrener_shared::id::TaskNo;
use warrener_shared::time::{Millis, Timestamp};

use super::batch::Batch;
use super::rescue::{Failure, panic_text};
use super::{DUE_MAX, Driver};
use crate::store::{Store, StoreError};

/// A change of the wall clock against the monotonic one that is no drift. The loop looks four times a second.
const JUMP_MS: i64 = 1_000;
/// How long until timers are looked at again if all that is due is set aside.
const SET_ASIDE: Millis = Millis::from_secs(1);

impl<S: Store> Driver<S> {
    /// Handles what is due.
    pub(super) fn pass_time(&mut self) {
        let now = self.now();
        if self.next_due.is_none_or(|due| due > now) && !self.own_backlog {
            return;
        }
        match self.due() {
            Ok(events) if events.is_empty() && !self.own_backlog => self.look_again_later(),
            Ok(events) => self.happen(&events),
            Err(error) => self.degrade(&error.to_string()),
        }
    }

    /// The wall clock may have been set. What counts a span goes on counting it: a jump ends nothing that this process
    /// has not also waited for.
    ///
    /// # Errors
    /// If the store could not be told; nothing may pass until it is.
    pub(super) fn follow_clock(&mut self) -> Result<(), StoreError> {
        let offset = self.offset();
        let by = offset - self.clock_offset;
        if by.abs() >= JUMP_MS {
            tracing::warn!(by_ms = by, "the wall clock was set; time limits and back-offs go on as they were");
            metrics::counter!("warrener_clock_jumps_total").increment(1);
            self.memory.forget_rows();
            if let Err(error) = self.store.shift(by, self.now()) {
                self.degrade(&error.to_string());
                return Err(error);
            }
            self.next_due = Some(Timestamp(0));
        }
        // Slower changes are the wall clock's own way of keeping time.
        self.clock_offset = offset;
        Ok(())
    }

    /// At a start: a wall clock that says less than at the last commit was set back while no process was there to see
    /// it, by no less than the difference. One that was set forward cannot be told from time that passed.
    ///
    /// # Errors
    /// If the store cannot be read or told.
    pub(super) fn resume_clock(&mut self) -> Result<(), StoreError> {
        let now = self.now();
        let Some(by) = self.store.boot()?.seen_at.map(|seen| now.0 - seen.0).filter(|by| *by <= -JUMP_MS) else {
            return Ok(());
        };
        tracing::warn!(by_ms = by, "the wall clock was set back while no orchestrator ran; time limits move with it");
        metrics::counter!("warrener_clock_jumps_total").increment(1);
        self.store.shift(by, now)
    }

    /// Wall clock less monotonic clock, in milliseconds.
    pub(super) fn offset(&self) -> i64 {
        let both = self.clock.read();
        both.wall_ms - i64::try_from(both.monotonic.as_millis()).unwrap_or(i64::MAX)
    }

    fn look_again_later(&mut self) {
        let later = self.now() + SET_ASIDE;
        self.next_due = match self.store.next_due() {
            Ok(due) => due.map(|due| if self.set_aside.is_empty() { due } else { due.max(later) }),
            Err(_) => Some(later),
        };
    }

    fn due(&mut self) -> Result<Vec<Event>, StoreError> {
        let now = self.now();
        let most = DUE_MAX + self.set_aside.len();
        let jobs = self.store.due_jobs(now, most)?.into_iter().map(Event::JobDue);
        let tasks = self.store.due_tasks(now, most)?.into_iter().map(Event::TaskDue);
        let mut events: Vec<Event> = jobs.chain(tasks).collect();
        events.retain(|event| !self.set_aside.contains(&subject(event)));
        Ok(events)
    }

    /// Handles events as one batch; if that fails, one by one, so that one stops no other.
    pub(super) fn happen(&mut self, events: &[Event]) {
        let Err(failure) = self.try_events(events) else { return };
        for event in events {
            if self.recollect().is_err() || failure.is_transient() {
                return self.degrade(&failure.to_string());
            }
            if let Err(alone) = self.try_events(std::slice::from_ref(event)) {
                tracing::error!(why = %alone, ?event, "a timer could not be handled; it is set aside until a restart");
                metrics::counter!("warrener_timers_set_aside_total").increment(1);
                self.set_aside.insert(subject(event));
            }
        }
        if let Err(error) = self.recollect() {
            self.degrade(&error.to_string());
        }
    }

    fn try_events(&mut self, events: &[Event]) -> Result<(), Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut batch = Batch::new(Slice::new(self.shared.limits, self.next_dispatch), self.now());
            batch.must_commit = true;
            for event in events {
                self.decide(event.clone(), &mut batch)?;
            }
            self.admit(&mut batch)?;
            self.settle(Vec::new(), batch)
        }));
        match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        }
    }
}

/// What a timer belongs to: jobs and tasks have numbers of their own, so a job's is told by its sign.
fn subject(event: &Event) -> i64 {
    match event {
        Event::JobDue(job) => -job.0,
        Event::TaskDue(TaskNo(no)) => *no,
        Event::Silent(ticket) => ticket.task.0,
        other => unreachable!("{other:?} is no timer"),
    }
}
