//! A time of a task's own has come: its back-off is over, its time limit passed, or it did not start in time.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::wire::result::RetryAdvice;

use super::end::{self, End};
use super::retry::{self, Failure};
use super::{built_in, item, offer, round, send};
use crate::row::WaitsFor;
use crate::slice::{Read, Slice};
use crate::turn::Turn;

/// The rows of the task, and what its input is made of if its message goes out again.
pub(super) fn missing(slice: &Slice, task: TaskNo) -> Vec<Read> {
    let reads = round::missing(slice, task);
    let sends = slice.task(task).is_some_and(|row| row.waits_for == Some(WaitsFor::Confirm));
    if sends && reads.is_empty() { send::missing(slice, task) } else { reads }
}

pub(super) fn apply(turn: &mut Turn<'_>, no: TaskNo) {
    let now = turn.now;
    let Some(row) = turn.slice.task(no).filter(|row| row.wake_at.is_some_and(|at| at <= now)) else { return };
    let not_started = row.start_by.is_some_and(|by| by <= now);
    match row.state {
        TaskState::Dispatched if row.waits_for == Some(WaitsFor::Confirm) => send::due(turn, no),
        TaskState::Dispatched if row.waits_for.is_some() => built_in::due(turn, no),
        TaskState::Dispatched if row.map.is_some() => items_not_started(turn, no),
        TaskState::Ready | TaskState::Retrying | TaskState::Dispatched if not_started => {
            end::end(turn, no, End::timed_out(&too_late()));
        }
        TaskState::Retrying => offer::become_ready(turn, no),
        TaskState::Dispatched => time_limit(turn, no),
        _ => turn.task_mut(no).wake_at = None,
    }
}

/// The worker should have reported this itself a grace ago; it may still be at it.
fn time_limit(turn: &mut Turn<'_>, no: TaskNo) {
    let error = ErrorObject::new(code::TIMED_OUT, "no result within its time limit");
    let failure = Failure { outcome: Outcome::TimedOut, error: &error, advice: RetryAdvice::Policy, stop: true };
    retry::attempt_failed(turn, no, failure);
}

/// Items that are still without a row did not start in time, until there are more than the task allows.
fn items_not_started(turn: &mut Turn<'_>, no: TaskNo) {
    let row = turn.task_mut(no);
    row.wake_at = None;
    row.start_by = None;
    let (spec, map) = (turn.spec(no), turn.map(no));
    for _ in map.next..map.total {
        if item::is_spent(turn.task(no), &turn.map(no), &spec) {
            return;
        }
        let item = item::next(turn, no, &spec);
        end::end(turn, item, End::timed_out(&too_late()));
    }
}

fn too_late() -> ErrorObject {
    ErrorObject::new(code::NOT_STARTED, "no worker started it within start_within")
}
