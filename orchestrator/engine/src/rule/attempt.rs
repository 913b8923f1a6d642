//! Attempts open and close: nothing else moves their numbers, tells the world of them, or makes them history.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::TaskSpec;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::Timestamp;

use super::{limited, offer};
use crate::effect::Effect;
use crate::event::{DeathReason, Event};
use crate::row::{AttemptRow, Json, TaskRow, WaitsFor};
use crate::turn::Turn;

/// Opens the next attempt of a task or item, for a worker. Gives its place in the order of all dispatches.
pub(super) fn dispatch(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskSpec) -> i64 {
    let token = turn.slice.take_token();
    let dispatch_no = turn.slice.take_dispatch_no();
    let now = turn.now;
    let row = turn.task_mut(no);
    row.token = token;
    row.dispatch_no = Some(dispatch_no);
    row.started_at = None;
    row.lease = None;
    row.wake_at = row.start_by;
    next(row, now);
    let (job, ticket, queue) = (row.job, row.ticket(), row.queue);
    offer::withdraw(turn, no);
    limited::take(turn, no);
    enter(turn, job, no);
    turn.effect(Effect::Opened { ticket, queue, dispatch_no, silence: spec.policy.heartbeat });
    dispatch_no
}

/// Opens the next attempt of a task or item of a built-in kind, which starts at once.
pub(super) fn begin(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskSpec) {
    let now = turn.now;
    let row = turn.task_mut(no);
    row.started_at = Some(now);
    row.start_by = None;
    row.wake_at = spec.policy.timeout.map(|span| now + span);
    // Until it is read what it waits for: nothing can bring that about.
    row.waits_for = Some(WaitsFor::Time(Timestamp(i64::MAX)));
    next(row, now);
    let job = row.job;
    offer::withdraw(turn, no);
    enter(turn, job, no);
}

fn next(row: &mut TaskRow, now: Timestamp) {
    row.attempt += 1;
    row.dispatched_at = Some(now);
    row.worker = None;
    row.progress = None;
}

fn enter(turn: &mut Turn<'_>, job: JobNo, no: TaskNo) {
    turn.slice.take_slot(job);
    turn.enter(no, TaskState::Dispatched);
}

/// Closes the open attempt of a task, if there is one. With `stop` a worker may still be at it and is told; `finished`
/// says that a worker brought it to this end.
pub(super) fn close(turn: &mut Turn<'_>, no: TaskNo, stop: bool, finished: bool) {
    let row = turn.task_mut(no);
    if let Some(waits_for) = row.waits_for.take() {
        row.wake_at = None;
        free_slot(turn, no);
        // A job that still runs for it is stopped.
        if let WaitsFor::Job(job) = waits_for {
            turn.follow(Event::ParentEnded(job));
        }
        return;
    }
    if row.dispatch_no.take().is_none() {
        return;
    }
    let (ticket, queue, worker) = (row.ticket(), row.queue, row.worker.clone());
    // An attempt that ended before anybody saw it at work counts as started when it was dispatched.
    row.started_at = row.started_at.or(row.dispatched_at);
    row.lease = None;
    row.wake_at = None;
    turn.effect(Effect::Closed { ticket, queue, finished });
    limited::give_back(turn, no);
    free_slot(turn, no);
    if stop {
        turn.effect(Effect::Stop { ticket, worker });
    }
}

/// An attempt of its job is no longer open.
fn free_slot(turn: &mut Turn<'_>, no: TaskNo) {
    let entry = turn.job_of(no);
    if entry.spec.max_parallel.is_some() {
        let job = entry.row.no;
        turn.job_mut(job).open_attempts -= 1;
        turn.follow(Event::SlotFreed(job));
    }
}

/// The message of the open attempt fell out of its queue: nobody had it, so the attempt goes on as if it had just been
/// dispatched, and its message goes out again.
pub(super) fn fell_out(turn: &mut Turn<'_>, no: TaskNo, reason: DeathReason) {
    let row = turn.task(no);
    // The message of a claimed attempt was acknowledged: this was another copy of it.
    if row.lease.is_some() {
        return;
    }
    let error: Json = fallen(reason).to_json().into();
    // That the message left its queue was taken for a start.
    let never_started = !row.has_sign_of_life() && row.started_at.is_some();
    if !never_started && row.error.as_ref() == Some(&error) {
        return;
    }
    let start_within = turn.spec(no).policy.start_within;
    let row = turn.task_mut(no);
    row.error = Some(error);
    if never_started {
        row.started_at = None;
        // It runs once, from when the task was ready to the first start.
        let since = row.ready_at.filter(|_| row.attempt == 1);
        row.start_by = since.zip(start_within).map(|(since, span)| since + span);
        row.wake_at = row.start_by;
    }
}

fn fallen(reason: DeathReason) -> ErrorObject {
    let (code, what) = match reason {
        DeathReason::Expired => (code::EXPIRED, "expired in its queue"),
        DeathReason::MaxLen => (code::DROPPED, "was dropped because its queue is too long"),
        _ => (code::DROPPED, "was dropped from its queue"),
    };
    ErrorObject::new(code, format!("the message of the task {what} before any worker had it, and goes out again"))
}

/// Records a closed attempt that another follows.
pub(super) fn record(turn: &mut Turn<'_>, no: TaskNo, outcome: Outcome) {
    let row = turn.task(no);
    let mut record = history(row, outcome, turn.now);
    // Neither a released attempt nor one that succeeded has an error; what its task shows is that of an earlier one.
    record.error = record.error.filter(|_| !matches!(outcome, Outcome::Released | Outcome::Succeeded));
    if !(mutant::is(Mutant::NoRecord) && outcome != Outcome::Released) {
        turn.slice.close_attempt(record);
    }
    if mutant::is(Mutant::RewritesRecord) && outcome == Outcome::Released {
        turn.task_mut(no).attempt -= 1;
    }
}

/// Records the latest attempt of a final task that is tried again.
pub(super) fn record_latest(turn: &mut Turn<'_>, no: TaskNo) {
    let row = turn.task(no);
    if row.attempt > 0 {
        let outcome = row.latest_outcome().unwrap_or(Outcome::Cancelled);
        let record = history(row, outcome, row.finished_at.unwrap_or(turn.now));
        turn.slice.close_attempt(record);
    }
}

fn history(row: &TaskRow, outcome: Outcome, finished_at: Timestamp) -> AttemptRow {
    AttemptRow {
        task: row.no,
        attempt: row.attempt,
        round: row.round,
        outcome,
        worker: row.worker.clone(),
        dispatched_at: row.dispatched_at,
        started_at: row.started_at,
        finished_at,
        error: row.error.clone(),
    }
}
