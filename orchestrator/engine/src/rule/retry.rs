//! An attempt did not succeed: is there another?

use warrener_shared::error::ErrorObject;
use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::result::RetryAdvice;

use super::Decision;
use super::end::{self, End};
use crate::effect::Effect;
use crate::event::Event;
use crate::row::AttemptRow;
use crate::slice::Slice;

/// How an attempt failed.
pub(super) struct Failure<'a> {
    /// `failed`, `timed_out` or `lost`.
    pub outcome: Outcome,
    /// Why.
    pub error: &'a ErrorObject,
    /// What the worker says about trying again.
    pub advice: RetryAdvice,
    /// Whether a worker may still be at it.
    pub stop: bool,
}

/// The attempt counts against the budget; then the policy decides.
pub(super) fn attempt_failed(slice: &mut Slice, no: TaskNo, how: Failure<'_>, now: Timestamp, out: &mut Decision) {
    let row = slice.task(no).expect("the task was loaded");
    let entry = slice.job(row.job).expect("the job was loaded");
    let policy = entry.spec.tasks[row.position as usize].policy.retry.clone();
    let failures = row.failures + 1;
    slice.task_mut(no).failures = failures;
    let again = how.advice != RetryAdvice::Never
        && failures < policy.max_attempts + u32::from(mutant::is(Mutant::MoreAttempts))
        && policy.allows(&how.error.code);
    if !again {
        return fail_for_good(slice, no, how.outcome, how.error, how.stop, now, out);
    }
    let dice = slice.take_token().0 as u32;
    let delay = match how.advice {
        RetryAdvice::After(span) => span,
        _ => policy.delay_before(failures, dice),
    };
    end::close(slice, no, how.stop, true, out);
    let row = slice.task_mut(no);
    row.unknown = 0;
    row.start_by = None;
    row.error = Some(how.error.to_json().into());
    row.wake_at = Some(now + delay);
    let closed = AttemptRow {
        task: no,
        attempt: row.attempt,
        outcome: how.outcome,
        worker: row.worker.clone(),
        dispatched_at: row.dispatched_at,
        started_at: row.started_at,
        finished_at: now,
        error: row.error.clone(),
    };
    if !mutant::is(Mutant::NoRecord) {
        slice.close_attempt(closed);
    }
    slice.enter(no, TaskState::Retrying, now);
    if delay.0 == 0 {
        out.follow.push(Event::TaskDue(no));
    }
}

/// The task is out of attempts, or must not have another: it is a dead letter, unless it is an item whose
/// failure its task tolerates.
pub(super) fn fail_for_good(
    slice: &mut Slice,
    no: TaskNo,
    outcome: Outcome,
    error: &ErrorObject,
    stop: bool,
    now: Timestamp,
    out: &mut Decision,
) {
    let how = if outcome == Outcome::TimedOut { End::timed_out(error) } else { End::failed(error).by_worker() };
    if !is_tolerated(slice, no) {
        out.effects.push(Effect::DeadLetter(no));
    }
    end::end(slice, no, if stop { how.and_stop() } else { how.by_worker() }, now, out);
}

fn is_tolerated(slice: &Slice, no: TaskNo) -> bool {
    let row = slice.task(no).expect("the task was loaded");
    let entry = slice.job(row.job).expect("the job was loaded");
    let spec = &entry.spec.tasks[row.position as usize];
    let (Some(_), Some(each)) = (row.index, &spec.for_each) else { return false };
    let map = slice.task(entry.row.task_no(row.position)).and_then(|mapped| mapped.map).expect("items belong to a map");
    !each.max_failures.is_exceeded(map.failed() + 1, map.total)
}
