//! Entering states: the one place where they change, with the counts and the events that go with it.

use std::sync::Arc;

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use super::Slice;
use super::view::LOADED;

impl Slice {
    /// Moves a task to a state, keeps the counts and records the event.
    pub(crate) fn enter(&mut self, no: TaskNo, to: TaskState, now: Timestamp) {
        let row = self.task_mut(no);
        let from = row.state;
        assert!(from.may_become(to), "a {from} task cannot become {to}");
        row.state = to;
        if to.is_final() {
            row.finished_at = Some(now);
            row.wake_at = None;
            row.start_by = None;
        }
        let (job, position, index) = (row.job, row.position, row.index);
        match index {
            None => self.job_mut(job).counts.shift(from, to),
            Some(_) => {
                let mapped = self.jobs[&job].row.task_no(position);
                self.task_mut(mapped).items_mut().counts.shift(from, to);
            }
        }
        if to != TaskState::Waiting && !(mutant::is(Mutant::SilentSkip) && to == TaskState::Skipped) {
            self.record_task(no, now);
        }
    }

    /// Moves a job to a state and records the event.
    pub(crate) fn enter_job(&mut self, no: JobNo, to: JobState, now: Timestamp) {
        let row = self.job_mut(no);
        assert!(row.state.may_become(to), "a {} job cannot become {to}", row.state);
        row.state = to;
        self.record_job(no, now);
    }

    /// Records that a job is in its state.
    pub(crate) fn record_job(&mut self, no: JobNo, now: Timestamp) {
        let time = self.spelled(now);
        let row = self.job_mut(no);
        row.sequence += 1;
        let event = JobEvent {
            sequence: row.sequence,
            time,
            kind: row.state.event().into(),
            task: None,
            index: None,
            attempt: None,
            state: row.state.as_str().into(),
            error: row.error.as_deref().filter(|_| row.state.is_final()).and_then(raw),
        };
        self.events.entry(no).or_default().push(event);
    }

    /// Records that a task is in its state.
    pub(crate) fn record_task(&mut self, no: TaskNo, now: Timestamp) {
        let time = self.spelled(now);
        let row = &self.tasks[&no];
        let entry = self.jobs.get_mut(&row.job).expect(LOADED);
        entry.row.sequence += 1;
        let event = JobEvent {
            sequence: entry.row.sequence,
            time,
            kind: row.state.event().into(),
            task: Some(entry.spec.tasks[row.position as usize].name.shared()),
            index: row.index,
            attempt: (row.attempt > 0).then_some(row.attempt),
            state: row.state.as_str().into(),
            error: row.shown_error().and_then(|error| raw(error)),
        };
        self.dirty_jobs.insert(row.job);
        self.events.entry(row.job).or_default().push(event);
    }

    /// The time as events show it: all events of a batch have the same, so it is spelled once.
    fn spelled(&mut self, now: Timestamp) -> Arc<str> {
        match &self.spelled {
            Some((time, text)) if *time == now => text.clone(),
            _ => self.spelled.insert((now, now.to_rfc3339().into())).1.clone(),
        }
    }
}

fn raw(bytes: &[u8]) -> Option<Box<serde_json::value::RawValue>> {
    let text = std::str::from_utf8(bytes).ok()?;
    serde_json::value::RawValue::from_string(text.to_owned()).ok()
}
