//! A worker reported on an attempt, or was silent for too long.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{TaskNo, Ticket};
use warrener_shared::limits::TIMEOUT_GRACE_MS;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::result::{Progress, Report, RetryAdvice};

use super::Decision;
use super::end::{self, End};
use super::retry::{self, Failure};
use crate::effect::Effect;
use crate::event::{Reported, Started};
use crate::row::{AttemptRow, TaskRow, rank};
use crate::slice::Slice;

/// How an attempt was handed back.
struct Release<'a> {
    code: Option<&'a str>,
    /// How often the broker delivered it.
    deliveries: Option<u32>,
    /// Whether a worker was seen at it that worked on nothing else, and nothing else explains that it came again.
    alone_and_seen: bool,
    /// Whether our own session ended meanwhile, which explains that it was delivered again.
    interrupted: bool,
}

pub(super) fn apply(slice: &mut Slice, reported: &Reported, now: Timestamp, out: &mut Decision) {
    let no = reported.ticket.task;
    if !is_open(slice, &reported.ticket) {
        return out.effects.push(Effect::Ignored(reported.ticket));
    }
    // Whoever hands an attempt back as suspect is not who worked on it.
    let row = slice.task(no).expect("an open attempt is of a task that was loaded");
    let seen = row.has_sign_of_life();
    let alone_and_seen = seen && row.deliveries.is_some() && !reported.interrupted;
    if let Some(worker) = &reported.worker
        && !(seen && matches!(reported.report, Report::Released { .. }))
    {
        slice.task_mut(no).worker = Some(worker.clone());
    }
    match &reported.report {
        Report::Succeeded { output } => {
            let output: Arc<[u8]> = Arc::from(output.as_slice());
            end::end(slice, no, End::succeeded(output).by_worker(), now, out);
        }
        Report::Failed { error, retry } => {
            let outcome = if error.code == code::TIMED_OUT { Outcome::TimedOut } else { Outcome::Failed };
            retry::attempt_failed(slice, no, Failure { outcome, error, advice: *retry, stop: false }, now, out);
        }
        Report::Released { code, deliveries } => {
            let (code, interrupted) = (code.as_deref(), reported.interrupted);
            let how = Release { code, deliveries: *deliveries, alone_and_seen, interrupted };
            released(slice, no, how, now, out);
        }
        Report::Claimed { lease } => {
            start(slice, no, now);
            slice.task_mut(no).lease = Some(*lease);
        }
        Report::Progress(progress) => {
            start(slice, no, now);
            let row = slice.task_mut(no);
            // What only adds to the log says nothing new of how far it is.
            if progress.has_news() || row.progress.is_none() {
                let shown = Progress { log: None, ..progress.clone() };
                row.progress = Some(serde_json::to_vec(&shown).expect("progress is plain data").into());
            }
        }
    }
}

/// An attempt was seen at work, by a heartbeat or because its message left the queue.
pub(super) fn started(slice: &mut Slice, started: &Started, now: Timestamp) {
    if !is_open(slice, &started.ticket) {
        return;
    }
    start(slice, started.ticket.task, now);
    if let Some(worker) = &started.worker {
        slice.task_mut(started.ticket.task).worker = Some(worker.clone());
    }
}

/// The first sign of life of an attempt starts its clock.
fn start(slice: &mut Slice, no: TaskNo, now: Timestamp) {
    let row = slice.task(no).expect("the task was loaded");
    if row.started_at.is_some() {
        return;
    }
    let entry = slice.job(row.job).expect("the job was loaded");
    let timeout = entry.spec.tasks[row.position as usize].policy.timeout;
    let row = slice.task_mut(no);
    row.started_at = Some(now);
    row.start_by = None;
    let grace = Millis(TIMEOUT_GRACE_MS);
    row.wake_at =
        timeout.map(|span| if mutant::is(Mutant::TooSoon) { now + Millis(span.0 / 2) } else { now + span + grace });
}

/// The worker of an attempt was silent for too long, or its lease ran out.
pub(super) fn silent(slice: &mut Slice, ticket: &Ticket, now: Timestamp, out: &mut Decision) {
    if !is_open(slice, ticket) {
        return;
    }
    let worker = slice.task(ticket.task).and_then(|row| row.worker.clone());
    let who = worker.map_or_else(|| "its worker".to_owned(), |worker| format!("worker {worker}"));
    let error = ErrorObject::new(code::LOST, format!("{who} gave no sign of life for too long"));
    let failure = Failure { outcome: Outcome::Lost, error: &error, advice: RetryAdvice::Policy, stop: true };
    retry::attempt_failed(slice, ticket.task, failure, now, out);
}

/// The broker gave up on the message of an attempt: refused by a worker, or delivered too often.
pub(super) fn dead_lettered(slice: &mut Slice, ticket: &Ticket, why: &str, now: Timestamp, out: &mut Decision) {
    if !is_open(slice, ticket) {
        return;
    }
    let error = if why == "rejected" {
        ErrorObject::new(code::REJECTED, "a worker rejected the message of the task")
    } else {
        crashed(slice, ticket.task, format!("the broker gave up on the message of the task: {why}"))
    };
    retry::fail_for_good(slice, ticket.task, Outcome::Failed, &error, false, now, out);
}

/// The crash budget is spent, with the evidence.
fn crashed(slice: &Slice, no: TaskNo, message: String) -> ErrorObject {
    ErrorObject { details: slice.evidence(no), ..ErrorObject::new(code::CRASHED, message) }
}

fn is_open(slice: &Slice, ticket: &Ticket) -> bool {
    let forged = |row: &TaskRow| mutant::is(Mutant::AnyToken) && row.dispatch_no.is_some();
    slice.task(ticket.task).is_some_and(|row| row.is_open(ticket) || forged(row))
}

fn released(slice: &mut Slice, no: TaskNo, how: Release<'_>, now: Timestamp, out: &mut Decision) {
    let suspect = how.code == Some(code::SUSPECT);
    if suspect && how.alone_and_seen {
        let worker = slice.task(no).and_then(|row| row.worker.clone());
        let who = worker.map_or_else(|| "a worker".to_owned(), |worker| format!("worker {worker}"));
        let message = format!("{who} died of it while it worked on nothing else, after others had died before");
        let error = crashed(slice, no, message);
        return retry::fail_for_good(slice, no, Outcome::Failed, &error, false, now, out);
    }
    end::close(slice, no, false, false, out);
    let row = slice.task(no).expect("the task was loaded");
    slice.close_attempt(AttemptRow {
        task: no,
        attempt: row.attempt,
        outcome: Outcome::Released,
        worker: row.worker.clone(),
        dispatched_at: row.dispatched_at,
        started_at: row.started_at,
        finished_at: now,
        error: None,
    });
    if mutant::is(Mutant::RewritesRecord) {
        slice.task_mut(no).attempt -= 1;
    }
    let before = slice.task(no).and_then(|row| row.deliveries);
    let told = how.deliveries.filter(|count| *count > 0);
    let counted = if suspect { told.or(Some(1)) } else { before.max(told) };
    if counted.is_some() && (before.is_some() || !how.interrupted) {
        slice.task_mut(no).deliveries = counted;
    }
    if how.code == Some(code::UNKNOWN_KIND) { wait_for_kind(slice, no, now) } else { back_in_line(slice, no, now) }
}

/// No worker that saw the task knows its kind; perhaps one that does comes.
fn wait_for_kind(slice: &mut Slice, no: TaskNo, now: Timestamp) {
    let row = slice.task_mut(no);
    let seconds = UNKNOWN_KIND_SECONDS.get(row.unknown as usize).or(UNKNOWN_KIND_SECONDS.last());
    let until = now + Millis::from_secs(*seconds.expect("there are some"));
    let error = ErrorObject::new(code::UNKNOWN_KIND, "a worker of the queue does not know the kind");
    row.unknown += 1;
    row.error = Some(error.to_json().into());
    row.wake_at = Some(row.start_by.map_or(until, |by| by.min(until)));
    slice.enter(no, TaskState::Retrying, now);
}

/// The task keeps its place: nobody worked on it.
fn back_in_line(slice: &mut Slice, no: TaskNo, now: Timestamp) {
    let row = slice.task(no).expect("the task was loaded");
    let entry = slice.job(row.job).expect("the job was loaded");
    let priority = entry.spec.tasks[row.position as usize].policy.priority;
    let paused = entry.row.paused;
    let row = slice.task_mut(no);
    row.unknown = 0;
    row.rank = (!paused).then(|| rank(priority, row.ready_at.unwrap_or(now)));
    row.wake_at = row.start_by;
    slice.enter(no, TaskState::Ready, now);
}

/// How long a task waits whose kind no worker knew, by the number of times in a row.
const UNKNOWN_KIND_SECONDS: [u64; 6] = [1, 2, 4, 8, 16, 30];
