//! An attempt did not succeed: is there another?

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::wire::result::RetryAdvice;

use super::attempt;
use super::end::{self, End};
use crate::effect::Effect;
use crate::event::Event;
use crate::turn::Turn;

/// Circumstances of an attempt that failed.
pub(super) struct Failure<'a> {
    /// `failed`, `timed_out` or `lost`.
    pub outcome: Outcome,
    /// The error.
    pub error: &'a ErrorObject,
    /// Advice of the worker about trying again.
    pub advice: RetryAdvice,
    /// True if a worker may still be at it.
    pub stop: bool,
}

/// The attempt counts against the budget; then the policy decides.
pub(super) fn attempt_failed(turn: &mut Turn<'_>, no: TaskNo, how: Failure<'_>) {
    let spec = turn.spec(no);
    let policy = &spec.policy.retry;
    let row = turn.task_mut(no);
    row.failures += 1;
    let failures = row.failures;
    let again = how.advice != RetryAdvice::Never
        && failures < policy.max_attempts + u32::from(mutant::is(Mutant::MoreAttempts))
        && policy.allows(&how.error.code);
    if !again {
        return fail_for_good(turn, no, how.outcome, how.error, how.stop);
    }
    let dice = turn.slice.take_token().0 as u32;
    let delay = match how.advice {
        RetryAdvice::After(span) => span,
        _ => policy.delay_before(failures, dice),
    };
    attempt::close(turn, no, how.stop, true);
    let until = turn.now + delay;
    let row = turn.task_mut(no);
    row.unknown = 0;
    row.start_by = None;
    row.error = Some(how.error.to_json().into());
    row.wake_at = Some(until);
    attempt::record(turn, no, how.outcome);
    turn.enter(no, TaskState::Retrying);
    if delay.0 == 0 {
        turn.follow(Event::TaskDue(no));
    }
}

/// The time limit of the attempt of a built-in task passed while it waited.
pub(super) fn out_of_time(turn: &mut Turn<'_>, no: TaskNo) {
    let what = turn.task(no).waits_for.as_ref().map_or_else(String::new, ToString::to_string);
    let error = ErrorObject::new(code::TIMED_OUT, format!("its time limit passed while it waited for {what}"));
    let how = Failure { outcome: Outcome::TimedOut, error: &error, advice: RetryAdvice::Policy, stop: true };
    attempt_failed(turn, no, how);
}

/// The task is out of attempts, or must not have another: it is a dead letter, unless its failure is tolerated, or is
/// that of the task that runs its job.
pub(super) fn fail_for_good(turn: &mut Turn<'_>, no: TaskNo, outcome: Outcome, error: &ErrorObject, stop: bool) {
    let how = if outcome == Outcome::TimedOut { End::timed_out(error) } else { End::failed(error).by_worker() };
    if !is_tolerated(turn, no, &error.code) || mutant::is(Mutant::KeepsTolerated) {
        turn.effect(Effect::DeadLetter(no));
    }
    end::end(turn, no, if stop { how.and_stop() } else { how.by_worker() });
}

/// Tells if a failure is allowed, or that of an item of which its task allows so many. Failures inside a sub-job are
/// left to the task that runs it.
fn is_tolerated(turn: &Turn<'_>, no: TaskNo, code: &str) -> bool {
    if turn.job_of(no).row.parent.is_some() {
        return true;
    }
    let spec = turn.spec(no);
    if turn.task(no).index.is_none() {
        return spec.allow_failure.covers(code);
    }
    let map = turn.map(turn.slice.mapped_of(no));
    !spec.each().is_spent(map.failed() + 1, map.total) || spec.allow_failure.covers(code::TOO_MANY_FAILURES)
}
