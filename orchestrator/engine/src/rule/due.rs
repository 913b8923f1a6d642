//! A time of a task's own has come: its back-off is over, its time limit passed, or it did not start in time.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::RetryAdvice;

use super::end::{self, End};
use super::retry::{self, Failure};
use super::{Decision, built_in, fan_out, needs_ended};
use crate::slice::Slice;

pub(super) fn apply(slice: &mut Slice, no: TaskNo, now: Timestamp, out: &mut Decision) {
    let Some(row) = slice.task(no) else { return };
    if row.wake_at.is_none_or(|at| at > now) {
        return;
    }
    let not_started = row.start_by.is_some_and(|by| by <= now);
    match row.state {
        TaskState::Dispatched if row.waits_for.is_some() => built_in::due(slice, no, now, out),
        TaskState::Dispatched if row.map.is_some() => items_not_started(slice, no, now, out),
        TaskState::Ready | TaskState::Retrying | TaskState::Dispatched if not_started => {
            end::end(slice, no, End::timed_out(&too_late()), now, out);
        }
        TaskState::Retrying => needs_ended::become_ready(slice, no, now),
        TaskState::Dispatched => time_limit(slice, no, now, out),
        _ => slice.task_mut(no).wake_at = None,
    }
}

/// The worker should have reported this itself a grace ago; it may still be at it.
fn time_limit(slice: &mut Slice, no: TaskNo, now: Timestamp, out: &mut Decision) {
    let error = ErrorObject::new(code::TIMED_OUT, "no result within its time limit");
    let failure = Failure { outcome: Outcome::TimedOut, error: &error, advice: RetryAdvice::Policy, stop: true };
    retry::attempt_failed(slice, no, failure, now, out);
}

/// Items that are still without a row did not start in time, until there are more than the task allows.
fn items_not_started(slice: &mut Slice, no: TaskNo, now: Timestamp, out: &mut Decision) {
    let row = slice.task_mut(no);
    row.wake_at = None;
    row.start_by = None;
    let (job, position) = (row.job, row.position);
    let spec = slice.job(job).expect("the job was loaded").spec.clone();
    let spec = &spec.tasks[position as usize];
    let rest = slice.task(no).and_then(|row| row.map).map_or(0, |map| map.total - map.next);
    for _ in 0..rest {
        if fan_out::is_spent(slice, no, spec) {
            return;
        }
        let item = fan_out::next_item(slice, no, spec, now);
        end::end(slice, item, End::timed_out(&too_late()), now, out);
    }
}

fn too_late() -> ErrorObject {
    ErrorObject::new(code::NOT_STARTED, "no worker started it within start_within")
}
