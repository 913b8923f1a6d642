//! A job is stopped: by a person, or by its deadline.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::JobNo;
use warrener_shared::job::RunOn;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{JobState, TaskState};

use super::end::{self, End};
use crate::event::Event;
use crate::limit::{Claim, LimitKey};
use crate::row::Stop;
use crate::slice::{Read, Slice};
use crate::turn::Turn;

/// Reads that stopping the job of a task that ended takes.
pub(super) fn missing_with_parent(slice: &Slice, job: JobNo) -> Vec<Read> {
    match slice.job(job) {
        Some(entry) if entry.row.state.is_final() => Vec::new(),
        _ => missing(slice, job),
    }
}

/// The job, its open tasks and their open items.
pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    if slice.job(job).is_none() {
        return vec![Read::Job(job)];
    }
    if !slice.has_open_tasks(job) {
        return vec![Read::OpenTasks(job)];
    }
    let open = slice.open_tasks_of(job).into_iter();
    open.filter(|no| slice.task(*no).is_some_and(|row| row.map.is_some()) && !slice.has_open_items(*no))
        .map(Read::OpenItems)
        .collect()
}

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo) {
    let row = &turn.job(job).row;
    let next = match (row.state, row.stop) {
        (JobState::Scheduled, _) => Stop::CancelHalt,
        (JobState::Running, Stop::None) => Stop::Cancel,
        (JobState::Running, Stop::Cancel) => Stop::CancelHalt,
        (JobState::Running, Stop::Deadline) => Stop::DeadlineHalt,
        _ => return,
    };
    if row.paused {
        // What runs always must be able to go out.
        turn.follow(Event::PauseRequested(job, false));
    }
    stop(turn, job, next);
}

/// The task that the job runs for has ended: the job is stopped, unless it is being stopped already.
pub(super) fn with_parent(turn: &mut Turn<'_>, job: JobNo) {
    if turn.job(job).row.stop == Stop::None {
        apply(turn, job);
    }
}

/// The job found every slot of a key taken, and its limit turns away who comes then: it is cancelled, and says why.
pub(super) fn turned_away(turn: &mut Turn<'_>, job: JobNo, key: &LimitKey) {
    let row = &turn.job(job).row;
    let is_waiting = matches!(turn.slice.claim(job, key), Some(Claim::Waits(_)));
    if row.state.is_final() || row.stop != Stop::None || !is_waiting {
        return;
    }
    let text = format!("limit {}, key {}: {} jobs run", key.limit(), key.key(), turn.slice.key(key).running);
    turn.job_mut(job).error = Some(ErrorObject::new(code::LIMITED, text).to_json().into());
    apply(turn, job);
}

/// Ends what is open, apart from `run_on: done` tasks unless the stop halts those too.
pub(super) fn stop(turn: &mut Turn<'_>, job: JobNo, stop: Stop) {
    let row = turn.job_mut(job);
    row.stop = stop;
    row.wake_at = None;
    if row.error.is_none() {
        row.error = Some(reason(stop).to_json().into());
    }
    for no in turn.slice.open_tasks_of(job) {
        let is_spared = mutant::is(Mutant::SparesRetrying) && turn.task(no).state == TaskState::Retrying;
        if !is_spared && (stop.halts() || turn.spec(no).run_on != RunOn::Done) {
            end::end_with_items(turn, no, End::cancelled());
        }
    }
    if turn.job(job).row.counts.open() == 0 {
        turn.follow(Event::AllEnded(job));
    }
}

fn reason(stop: Stop) -> ErrorObject {
    if stop.by_deadline() {
        ErrorObject::new(code::TIMED_OUT, "the deadline of the job passed")
    } else {
        ErrorObject::new(code::CANCELLED, "the job was cancelled")
    }
}
