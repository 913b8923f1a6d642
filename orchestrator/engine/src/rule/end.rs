//! A task becomes final: its attempt closes, its job counts it, those who need it will be told.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::job::{BuiltIn, TaskSpec};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::TaskState;

use super::{attempt, offer};
use crate::event::Event;
use crate::row::{Json, Skip, Stop};
use crate::slice::TaskOf;
use crate::turn::Turn;

/// Properties of a task's end.
#[derive(Clone, Debug)]
pub(super) struct End {
    state: TaskState,
    error: Option<Json>,
    output: Option<Json>,
    skip: Option<Skip>,
    /// True if a worker may still be at it and is to be told.
    stop: bool,
    /// True if a worker brought it to this end.
    finished: bool,
}

impl End {
    const fn new(state: TaskState) -> Self {
        Self { state, error: None, output: None, skip: None, stop: false, finished: false }
    }

    /// A success with an output, from a worker.
    pub(super) fn succeeded(output: Json) -> Self {
        Self { output: Some(output), finished: true, ..Self::new(TaskState::Succeeded) }
    }

    /// A mapped task whose items are all final; they have its output.
    pub(super) const fn mapped_succeeded() -> Self {
        Self::new(TaskState::Succeeded)
    }

    /// A failure for good.
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

    /// A task that does not run.
    pub(super) fn skipped(skip: Skip) -> Self {
        let error = (skip == Skip::Upstream).then(|| upstream_failed().to_json().into());
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
pub(super) fn end(turn: &mut Turn<'_>, no: TaskNo, how: End) {
    attempt::close(turn, no, how.stop, how.finished);
    let row = turn.task_mut(no);
    row.skip = how.skip;
    row.output = how.output;
    // A task that ends otherwise keeps the error of its last attempt out of sight of expressions.
    row.error = how.error;
    let (is_item, stands) = (row.index.is_some(), row.rank.is_some() || row.parked.is_some());
    if stands {
        offer::leave(turn, no);
    }
    turn.enter(no, how.state);
    if is_item { item_ended(turn, no) } else { task_ended(turn, no) }
}

/// Ends a task, and of a mapped one its open items too.
pub(super) fn end_with_items(turn: &mut Turn<'_>, no: TaskNo, how: End) {
    end(turn, no, how);
    if turn.task(no).map.is_some() {
        for item in turn.slice.open_items_of(no) {
            end(turn, item, End::cancelled());
        }
    }
}

/// Perhaps its mapped task ends too, perhaps another item may go out.
fn item_ended(turn: &mut Turn<'_>, item: TaskNo) {
    let mapped = turn.slice.mapped_of(item);
    if !turn.task(mapped).state.is_final() {
        turn.follow_item(mapped, item);
    }
}

/// The job counts it, and those that need it are to be told.
fn task_ended(turn: &mut Turn<'_>, no: TaskNo) {
    let (row, entry) = turn.slice.with_job(no);
    let spec = entry.spec_at(row.position);
    let (job, position) = (row.job, row.position);
    if matches!(row.state, TaskState::Failed | TaskState::TimedOut) && !row.is_allowed(&spec.allow_failure) {
        count_failure(turn, no, &spec);
    }
    if !spec.dependents.is_empty() {
        turn.follow(Event::Ended(job, position));
    }
    if turn.job(job).row.counts.open() == 0 {
        turn.follow(Event::AllEnded(job));
    }
}

/// A failure that counts makes the job failed, whatever else stopped it; the first of them is its error.
fn count_failure(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf) {
    let row = turn.task(no);
    let (at, position, attempt, error) = (row.job, row.position, row.attempt, row.error.clone());
    let fail_fast = turn.job(at).spec.fail_fast;
    let job = turn.job_mut(at);
    job.failures += u32::from(!mutant::is(Mutant::NoFailure));
    if job.failures == 1 {
        job.error = job_error(error.as_deref(), spec, attempt);
    }
    if fail_fast && !job.failing && job.stop == Stop::None {
        job.failing = true;
        turn.follow(Event::FailFast(at, position));
    }
}

/// The error of a task that was skipped because one that it needs failed.
fn upstream_failed() -> ErrorObject {
    ErrorObject::new(code::UPSTREAM_FAILED, "a task that it needs failed or was stopped")
}

/// The error of the job: that of the task, with its name and attempt. What failed in a job inside of it is named
/// behind it.
pub(super) fn job_error(error: Option<&[u8]>, spec: &TaskSpec, attempt: u32) -> Option<Json> {
    let mut error = ErrorObject::from_json(error?)?;
    let inner = error.task.take().filter(|_| BuiltIn::of(&spec.kind) == Some(BuiltIn::Job));
    error.task = Some(inner.map_or_else(|| spec.name.to_string(), |inner| format!("{}/{inner}", spec.name)));
    error.attempt = (attempt > 0).then_some(attempt);
    Some(Arc::from(error.to_json()))
}
