//! Tasks that send a message: the attempt waits until the broker has it.
//!
//! A message whose fate is not known goes out again, from the row alone: after a crash its time comes like any other.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::job::built_in::{Work, read};
use warrener_shared::job::{BuiltIn, SubmitContext};
use warrener_shared::state::Outcome;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::Parcel;
use warrener_shared::wire::result::RetryAdvice;

use super::retry::{self, Failure};
use super::{input, round};
use crate::effect::Effect;
use crate::event::{SendAttempt, SendOutcome};
use crate::row::{TaskRow, WaitsFor};
use crate::slice::{Read, Slice};
use crate::turn::Turn;

/// Reads that making the message anew takes.
pub(super) fn missing(slice: &Slice, task: TaskNo) -> Vec<Read> {
    input::missing_message(slice, task)
}

/// An attempt begins: its message goes out.
pub(super) fn begin(turn: &mut Turn<'_>, no: TaskNo, parcel: Box<Parcel>) {
    turn.task_mut(no).waits_for = Some(WaitsFor::Confirm);
    wait(turn, no, FIRST_WAIT, LONGEST_WAIT);
    send(turn, no, parcel);
}

/// Nothing was heard of the message for a while, or it is its turn again. Whoever has it under way takes no second one.
pub(super) fn due(turn: &mut Turn<'_>, no: TaskNo) {
    if limit(turn, no).is_some_and(|limit| limit <= turn.now) {
        return retry::out_of_time(turn, no);
    }
    wait(turn, no, FIRST_WAIT, LONGEST_WAIT);
    let spec = turn.spec(no);
    let Ok(input) = input::resolve(turn.slice, no, &spec) else { return };
    if let Ok(Work::Publish(parcel)) = read(BuiltIn::Publish, &input, &SubmitContext::default(), &turn.slice.limits) {
        send(turn, no, parcel);
    }
}

/// The fate of the message of an attempt is known.
pub(super) fn sent(turn: &mut Turn<'_>, attempt: SendAttempt, outcome: &SendOutcome) {
    let no = attempt.task;
    let waits = |row: &TaskRow| row.attempt == attempt.attempt && row.waits_for == Some(WaitsFor::Confirm);
    if !turn.slice.task(no).is_some_and(waits) {
        return;
    }
    let error = match outcome {
        SendOutcome::Taken => return round::succeeded(turn, no, Arc::from(*b"null")),
        SendOutcome::Unknown => return wait(turn, no, FIRST_PAUSE, LONGEST_PAUSE),
        SendOutcome::Unroutable => {
            ErrorObject::new(code::UNROUTABLE, "no queue is bound to the exchange for this routing key")
        }
        SendOutcome::Refused(code, why) => ErrorObject::new(code, why.clone()),
    };
    let how = Failure { outcome: Outcome::Failed, error: &error, advice: RetryAdvice::Policy, stop: false };
    retry::attempt_failed(turn, no, how);
}

fn send(turn: &mut Turn<'_>, no: TaskNo, parcel: Box<Parcel>) {
    let attempt = turn.task(no).attempt;
    turn.effect(Effect::Send(SendAttempt { task: no, attempt }, parcel));
}

/// Has the attempt looked at after as long as it has waited already, within these bounds, or at its time limit.
fn wait(turn: &mut Turn<'_>, no: TaskNo, least: Millis, most: Millis) {
    let waited = turn.task(no).started_at.map_or(Millis(0), |since| turn.now.since(since));
    let at = turn.now + waited.clamp(least, most);
    let limit = limit(turn, no);
    turn.task_mut(no).wake_at = Some(limit.map_or(at, |limit| limit.min(at)));
}

/// End of the time that the attempt may take; `None` if it has no limit.
fn limit(turn: &Turn<'_>, no: TaskNo) -> Option<Timestamp> {
    let started = turn.task(no).started_at?;
    turn.spec(no).policy.timeout.map(|span| started + span)
}

/// First time after which a message of which nothing was heard goes out again: longer than any confirm takes that
/// comes at all.
const FIRST_WAIT: Millis = Millis::from_secs(15);
/// Longest such time.
const LONGEST_WAIT: Millis = Millis::from_secs(600);
/// First pause after a message that was not taken.
const FIRST_PAUSE: Millis = Millis::from_secs(1);
/// Longest such pause.
const LONGEST_PAUSE: Millis = Millis::from_secs(60);
