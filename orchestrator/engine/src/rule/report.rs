//! A worker reported on an attempt, or was silent for too long.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{TaskNo, Ticket};
use warrener_shared::limits::TIMEOUT_GRACE_MS;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::result::{Progress, Report, RetryAdvice};

use super::retry::{self, Failure};
use super::{attempt, limited, offer, round};
use crate::effect::Effect;
use crate::event::{DeathReason, Reported, Started};
use crate::row::TaskRow;
use crate::turn::Turn;

/// Circumstances of an attempt that was handed back.
struct Release<'a> {
    code: Option<&'a str>,
    /// Number of deliveries by the broker, if the worker said so.
    deliveries: Option<u32>,
    /// True if a worker was seen at it that worked on nothing else, and nothing else explains that it came again.
    alone_and_seen: bool,
    /// True if our own session ended meanwhile, which explains that it was delivered again.
    interrupted: bool,
    /// Time until which the task is to wait; `None` if it goes out as soon as it can.
    patience: Option<Timestamp>,
}

pub(super) fn apply(turn: &mut Turn<'_>, reported: &Reported) {
    let no = reported.ticket.task;
    if !is_open(turn, &reported.ticket) {
        return turn.effect(Effect::Ignored(reported.ticket));
    }
    // Whoever hands an attempt back as suspect is not who worked on it.
    let row = turn.task(no);
    let seen = row.has_sign_of_life();
    let alone_and_seen = seen && row.deliveries.is_some() && !reported.interrupted;
    if let Some(worker) = &reported.worker
        && !(seen && matches!(reported.report, Report::Released { .. }))
    {
        turn.task_mut(no).worker = Some(worker.clone());
    }
    if let Some(cost) = reported.cost {
        limited::settle(turn, no, cost);
    }
    match &reported.report {
        Report::Succeeded { output } => {
            let output: Arc<[u8]> = Arc::from(output.as_slice());
            round::succeeded(turn, no, output);
        }
        Report::Failed { error, retry } => {
            let outcome = if error.code == code::TIMED_OUT { Outcome::TimedOut } else { Outcome::Failed };
            retry::attempt_failed(turn, no, Failure { outcome, error, advice: *retry, stop: false });
        }
        Report::Released { code, deliveries, pause } => {
            let patience = pause.as_ref().and_then(|pause| limited::pause(turn, no, pause));
            let (code, interrupted) = (code.as_deref(), reported.interrupted);
            let how = Release { code, deliveries: *deliveries, alone_and_seen, interrupted, patience };
            released(turn, no, how);
        }
        Report::Claimed { lease } => {
            start(turn, no);
            turn.task_mut(no).lease = Some(*lease);
        }
        Report::Progress(progress) => {
            start(turn, no);
            let row = turn.task_mut(no);
            // What only adds to the log says nothing new of how far it is.
            if progress.has_news() || row.progress.is_none() {
                let shown = Progress { log: None, unusable: None, ..progress.clone() };
                row.progress = Some(serde_json::to_vec(&shown).expect("progress is plain data").into());
            }
        }
    }
}

/// An attempt was seen at work, by a heartbeat or because its message left the queue.
pub(super) fn started(turn: &mut Turn<'_>, started: &Started) {
    if !is_open(turn, &started.ticket) {
        return;
    }
    start(turn, started.ticket.task);
    if let Some(worker) = &started.worker {
        turn.task_mut(started.ticket.task).worker = Some(worker.clone());
    }
}

/// The first sign of life of an attempt starts its clock.
fn start(turn: &mut Turn<'_>, no: TaskNo) {
    if turn.task(no).started_at.is_some() {
        return;
    }
    let (timeout, now) = (turn.spec(no).policy.timeout, turn.now);
    let row = turn.task_mut(no);
    row.started_at = Some(now);
    row.start_by = None;
    let grace = Millis(TIMEOUT_GRACE_MS);
    row.wake_at =
        timeout.map(|span| if mutant::is(Mutant::TooSoon) { now + Millis(span.0 / 2) } else { now + span + grace });
}

/// The worker of an attempt was silent for too long, or its lease ran out.
pub(super) fn silent(turn: &mut Turn<'_>, ticket: &Ticket) {
    if !is_open(turn, ticket) {
        return;
    }
    let who = worker_of(turn, ticket.task, "its worker");
    let error = ErrorObject::new(code::LOST, format!("{who} gave no sign of life for too long"));
    let failure = Failure { outcome: Outcome::Lost, error: &error, advice: RetryAdvice::Policy, stop: true };
    retry::attempt_failed(turn, ticket.task, failure);
}

/// The broker gave up on the message of an attempt.
pub(super) fn dead_lettered(turn: &mut Turn<'_>, ticket: &Ticket, reason: DeathReason) {
    if !is_open(turn, ticket) {
        return;
    }
    let error = match reason {
        DeathReason::Rejected => ErrorObject::new(code::REJECTED, "a worker rejected the message of the task"),
        DeathReason::DeliveryLimit => {
            crashed(turn, ticket.task, format!("the broker gave up on the message of the task: {}", reason.as_str()))
        }
        _ => return attempt::fell_out(turn, ticket.task, reason),
    };
    retry::fail_for_good(turn, ticket.task, Outcome::Failed, &error, false);
}

/// The crash budget is spent, with the evidence.
fn crashed(turn: &Turn<'_>, no: TaskNo, message: String) -> ErrorObject {
    ErrorObject { details: turn.slice.evidence(no), ..ErrorObject::new(code::CRASHED, message) }
}

fn worker_of(turn: &Turn<'_>, no: TaskNo, unknown: &str) -> String {
    turn.task(no).worker.as_ref().map_or_else(|| unknown.to_owned(), |worker| format!("worker {worker}"))
}

fn is_open(turn: &Turn<'_>, ticket: &Ticket) -> bool {
    let forged = |row: &TaskRow| mutant::is(Mutant::AnyToken) && row.dispatch_no.is_some();
    turn.slice.task(ticket.task).is_some_and(|row| row.is_open(ticket) || forged(row))
}

fn released(turn: &mut Turn<'_>, no: TaskNo, how: Release<'_>) {
    let suspect = how.code == Some(code::SUSPECT);
    if suspect && how.alone_and_seen {
        let who = worker_of(turn, no, "a worker");
        let message = format!("{who} died of it while it worked on nothing else, after others had died before");
        let error = crashed(turn, no, message);
        return retry::fail_for_good(turn, no, Outcome::Failed, &error, false);
    }
    attempt::close(turn, no, false, false);
    attempt::record(turn, no, Outcome::Released);
    let before = turn.task(no).deliveries;
    let told = how.deliveries.filter(|count| *count > 0);
    let counted = if suspect { told.or(Some(1)) } else { before.max(told) };
    if counted.is_some() && (before.is_some() || !how.interrupted) {
        turn.task_mut(no).deliveries = counted;
    }
    if how.code == Some(code::UNKNOWN_KIND) {
        wait_for_kind(turn, no);
    } else {
        turn.task_mut(no).unknown = 0;
        match how.patience {
            None => offer::return_to_place(turn, no),
            Some(until) => {
                let message = "a worker asked for patience, for a limit that does not count the task";
                wait_until(turn, no, until, &ErrorObject::new(code::LIMITED, message));
            }
        }
    }
}

/// No worker that saw the task knows its kind; perhaps one that does comes.
fn wait_for_kind(turn: &mut Turn<'_>, no: TaskNo) {
    let times = (turn.task(no).unknown as usize).min(UNKNOWN_KIND_SECONDS.len() - 1);
    let until = turn.now + Millis::from_secs(UNKNOWN_KIND_SECONDS[times]);
    turn.task_mut(no).unknown += 1;
    let error = ErrorObject::new(code::UNKNOWN_KIND, "a worker of the queue does not know the kind");
    wait_until(turn, no, until, &error);
}

/// The task goes out again at a time, and costs no attempt. `error` is the reason.
fn wait_until(turn: &mut Turn<'_>, no: TaskNo, until: Timestamp, error: &ErrorObject) {
    let row = turn.task_mut(no);
    row.error = Some(error.to_json().into());
    row.wake_at = Some(row.start_by.map_or(until, |by| by.min(until)));
    turn.enter(no, TaskState::Retrying);
}

/// Seconds that a task waits whose kind no worker knew, by the number of times in a row.
const UNKNOWN_KIND_SECONDS: [u64; 6] = [1, 2, 4, 8, 16, 30];
