//! An attempt succeeded: the task does too, unless it is repeated and another round is to begin.
//!
//! A round is no attempt of the retry policy: that starts afresh in each. Attempt numbers go on.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};

use super::end::{self, End};
use super::loads::with_dice;
use super::{attempt, input, offer};
use crate::row::Json;
use crate::slice::{Read, Slice, TaskOf};
use crate::turn::Turn;

/// The task, its job, a random number for the jitter of a retry, and what `until` of a repeated one refers to.
pub(super) fn missing(slice: &Slice, task: TaskNo) -> Vec<Read> {
    let reads = with_dice(slice, task);
    if slice.task(task).is_none() || !reads.is_empty() {
        return reads;
    }
    let (row, entry) = slice.with_job(task);
    let is_repeated = entry.spec.tasks[row.position as usize].repeat.is_some();
    if is_repeated { input::missing(slice, row, entry) } else { reads }
}

/// Ends a task or item whose attempt succeeded, or begins its next round.
pub(super) fn succeeded(turn: &mut Turn<'_>, no: TaskNo, output: Json) {
    let (row, entry) = turn.slice.with_job(no);
    if entry.spec.tasks[row.position as usize].repeat.is_none() {
        return end::end(turn, no, End::succeeded(output));
    }
    let spec = turn.spec(no);
    match input::is_reached(turn.slice, no, &spec, &output) {
        Ok(true) => end::end(turn, no, End::succeeded(output)),
        Ok(false) => another(turn, no, &spec, output),
        Err(error) => give_up(turn, no, &error.to_object()),
    }
}

/// The next round begins, if there is one.
fn another(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf, output: Json) {
    let Some(repeat) = &spec.repeat else { return };
    let over = turn.task(no).round + 1;
    if over >= repeat.max + u32::from(mutant::is(Mutant::OneRoundMore)) {
        let message = format!("`until` did not hold after {over} rounds (max)");
        return give_up(turn, no, &ErrorObject::new(code::NOT_REACHED, message));
    }
    let (entry, most) = (turn.job_of(no), turn.slice.limits.tasks);
    let job = entry.row.no;
    if entry.spec.tasks.len() + entry.row.rounds as usize >= most {
        let message = format!("the tasks of the job and their rounds together are more than {most} (limit `tasks`)");
        return give_up(turn, no, &ErrorObject::new(code::TOO_LARGE, message));
    }
    close(turn, no);
    turn.job_mut(job).rounds += 1;
    let (until, delay) = (turn.now + repeat.delay, repeat.delay.0);
    let row = turn.task_mut(no);
    row.round = over;
    row.previous = Some(output);
    if !mutant::is(Mutant::FailuresAcrossRounds) {
        row.failures = 0;
    }
    row.unknown = 0;
    row.deliveries = None;
    row.start_by = None;
    row.error = None;
    if delay == 0 {
        return offer::become_ready(turn, no);
    }
    row.wake_at = Some(until);
    turn.enter(no, TaskState::Retrying);
}

/// The task fails, though its attempt succeeded.
fn give_up(turn: &mut Turn<'_>, no: TaskNo, error: &ErrorObject) {
    close(turn, no);
    end::end(turn, no, End::failed(error));
}

fn close(turn: &mut Turn<'_>, no: TaskNo) {
    attempt::close(turn, no, false, true);
    attempt::record(turn, no, Outcome::Succeeded);
}
