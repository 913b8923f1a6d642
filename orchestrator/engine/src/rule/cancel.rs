//! A job is stopped: by a person, or by its deadline.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::RunOn;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::Decision;
use super::end::{self, End};
use super::{fan_out, pause};
use crate::event::Event;
use crate::row::Stop;
use crate::slice::{Read, Slice};

/// The job; and if it is running, its open tasks with their open items.
pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    missing_open(slice, job)
}

/// The job, its open tasks and their open items.
pub(super) fn missing_open(slice: &Slice, job: JobNo) -> Vec<Read> {
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

pub(super) fn apply(slice: &mut Slice, job: JobNo, now: Timestamp, out: &mut Decision) {
    let row = &slice.job(job).expect("the job was loaded").row;
    let next = match (row.state, row.stop) {
        (JobState::Scheduled, _) => Stop::CancelHalt,
        (JobState::Running, Stop::None) => Stop::Cancel,
        (JobState::Running, Stop::Cancel) => Stop::CancelHalt,
        (JobState::Running, Stop::Deadline) => Stop::DeadlineHalt,
        _ => return,
    };
    // What runs always must be able to go out.
    pause::apply(slice, job, false, now);
    stop(slice, job, next, now, out);
}

/// The task that the job runs for has ended: the job is stopped, unless it is being stopped already.
pub(super) fn with_parent(slice: &mut Slice, job: JobNo, now: Timestamp, out: &mut Decision) {
    if slice.job(job).is_some_and(|entry| entry.row.stop == Stop::None) {
        apply(slice, job, now, out);
    }
}

/// Ends what is open, apart from `run_on: done` tasks unless the stop halts those too.
pub(super) fn stop(slice: &mut Slice, job: JobNo, stop: Stop, now: Timestamp, out: &mut Decision) {
    let spec = slice.job(job).expect("the job was loaded").spec.clone();
    let row = slice.job_mut(job);
    row.stop = stop;
    row.wake_at = None;
    if row.error.is_none() {
        row.error = Some(reason(stop).to_json().into());
    }
    for no in slice.open_tasks_of(job) {
        let position = slice.task(no).expect("open tasks were loaded").position as usize;
        let is_spared =
            mutant::is(Mutant::SparesRetrying) && slice.task(no).is_some_and(|row| row.state == TaskState::Retrying);
        if !is_spared && (stop.halts() || spec.tasks[position].run_on != RunOn::Done) {
            end_with_items(slice, no, End::cancelled(), now, out);
        }
    }
    if slice.job(job).expect("the job was loaded").row.counts.open() == 0 {
        out.follow.push(Event::AllEnded(job));
    }
}

fn reason(stop: Stop) -> ErrorObject {
    if stop.by_deadline() {
        ErrorObject::new(code::TIMED_OUT, "the deadline of the job passed")
    } else {
        ErrorObject::new(code::CANCELLED, "the job was cancelled")
    }
}

/// Ends a task, and of a mapped one its open items too.
pub(super) fn end_with_items(slice: &mut Slice, no: TaskNo, how: End, now: Timestamp, out: &mut Decision) {
    end::end(slice, no, how, now, out);
    if slice.task(no).is_some_and(|row| row.map.is_some()) {
        fan_out::cancel_items(slice, no, now, out);
    }
}
