//! A task becomes final: its attempt closes, its job counts it, those who need it will be told.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::{Decision, built_in, fan_out, needs_ended};
use crate::effect::Effect;
use crate::event::Event;
use crate::row::{Json, Skip, Stop};
use crate::slice::Slice;

/// How a task becomes final.
#[derive(Clone, Debug)]
pub(super) struct End {
    state: TaskState,
    error: Option<Json>,
    output: Option<Json>,
    skip: Option<Skip>,
    /// Whether a worker may still be at it and is to be told.
    stop: bool,
    /// Whether a worker brought it to this end.
    finished: bool,
}

impl End {
    const fn new(state: TaskState) -> Self {
        Self { state, error: None, output: None, skip: None, stop: false, finished: false }
    }

    /// With an output, from a worker.
    pub(super) fn succeeded(output: Json) -> Self {
        Self { output: Some(output), finished: true, ..Self::new(TaskState::Succeeded) }
    }

    /// A mapped task whose items are all final; they have its output.
    pub(super) const fn mapped_succeeded() -> Self {
        Self::new(TaskState::Succeeded)
    }

    /// For good.
    pub(super) fn failed(error: &ErrorObject) -> Self {
        Self { error: Some(error.to_json().into()), ..Self::new(TaskState::Failed) }
    }

    /// Out of attempts by time, or not started in time.
    pub(super) fn timed_out(error: &ErrorObject) -> Self {
        Self { error: Some(error.to_json().into()), stop: true, ..Self::new(TaskState::TimedOut) }
    }

    /// Stopped on request, or because another task failed.
    pub(super) fn cancelled() -> Self {
        let error = ErrorObject::new(code::CANCELLED, "stopped before it ended");
        Self { error: Some(error.to_json().into()), stop: true, ..Self::new(TaskState::Cancelled) }
    }

    /// Not run.
    pub(super) fn skipped(skip: Skip) -> Self {
        let error = (skip == Skip::Upstream).then(|| needs_ended::upstream_failed().to_json().into());
        Self { error, skip: Some(skip), stop: true, ..Self::new(TaskState::Skipped) }
    }

    /// The same, brought about by a worker's report.
    pub(super) const fn by_worker(mut self) -> Self {
        self.finished = true;
        self.stop = false;
        self
    }

    /// The same, with a worker that may still be at it.
    pub(super) const fn and_stop(mut self) -> Self {
        self.stop = true;
        self
    }
}

/// Ends a task or an item, and says what follows from it.
pub(super) fn end(slice: &mut Slice, no: TaskNo, how: End, now: Timestamp, out: &mut Decision) {
    close(slice, no, how.stop, how.finished, out);
    let row = slice.task_mut(no);
    row.skip = how.skip;
    row.output = how.output;
    // A task that ends otherwise keeps the error of its last attempt out of sight of expressions.
    row.error = how.error;
    slice.enter(no, how.state, now);
    if slice.task(no).expect("the task was loaded").index.is_some() {
        fan_out::item_ended(slice, no, now, out);
    } else {
        task_ended(slice, no, out);
    }
}

/// Closes the open attempt of a task, if there is one.
pub(super) fn close(slice: &mut Slice, no: TaskNo, stop: bool, finished: bool, out: &mut Decision) {
    let row = slice.task_mut(no);
    if let Some(waits_for) = row.waits_for.take() {
        row.wake_at = None;
        return built_in::close(&waits_for, out);
    }
    if row.dispatch_no.take().is_none() {
        return;
    }
    let (ticket, queue, worker) = (row.ticket(), row.queue, row.worker.clone());
    // An attempt that ended before anybody saw it at work counts as started when it was dispatched.
    row.started_at = row.started_at.or(row.dispatched_at);
    row.lease = None;
    row.wake_at = None;
    out.effects.push(Effect::Closed { ticket, queue, finished });
    if stop {
        out.effects.push(Effect::Stop { ticket, worker });
    }
}

fn task_ended(slice: &mut Slice, no: TaskNo, out: &mut Decision) {
    let row = slice.task(no).expect("the task was loaded").clone();
    let entry = slice.job(row.job).expect("the job was loaded");
    let spec = entry.spec.clone();
    let task = &spec.tasks[row.position as usize];
    let counts = matches!(row.state, TaskState::Failed | TaskState::TimedOut) && !task.allow_failure;
    if counts {
        let job = slice.job_mut(row.job);
        job.failures += u32::from(!mutant::is(Mutant::NoFailure));
        // It comes before whatever stopped the job: a failure that counts makes it failed.
        if job.failures == 1 {
            job.error = job_error(row.error.as_deref(), task.name.as_str(), row.attempt);
        }
        if spec.fail_fast && !job.failing && job.stop == Stop::None {
            job.failing = true;
            out.follow.push(Event::FailFast(row.job, row.position));
        }
    }
    if !task.dependents.is_empty() {
        out.follow.push(Event::Ended(row.job, row.position));
    }
    if slice.job(row.job).expect("the job was loaded").row.counts.open() == 0 {
        out.follow.push(Event::AllEnded(row.job));
    }
}

/// The error of the job: that of the task, with its name and attempt.
pub(super) fn job_error(error: Option<&[u8]>, task: &str, attempt: u32) -> Option<Json> {
    let mut error = ErrorObject::from_json(error?)?;
    error.task = Some(task.to_owned());
    error.attempt = (attempt > 0).then_some(attempt);
    Some(Arc::from(error.to_json()))
}
