//! A final job is retried: what did not succeed goes back to waiting, what succeeded stays.
//!
//! Attempt numbers go on; the attempt budget and the deadline start afresh. A mapped task keeps its list and its
//! succeeded items.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::JobSpec;
use warrener_shared::state::{JobState, Outcome, TaskState};
use warrener_shared::time::Timestamp;

use super::Decision;
use crate::event::Event;
use crate::row::{AttemptRow, Map, Stop, TaskRow};
use crate::slice::{Read, Slice};

/// The job, all its tasks, and all items that have a row of those that did not succeed.
pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    if !may_reopen(entry.row.state) {
        return Vec::new();
    }
    let first = entry.row.first_task;
    let count = u32::try_from(entry.spec.tasks.len()).expect("the parser limits the tasks");
    if !are_loaded(slice, first, count) {
        return vec![Read::Tasks(first, count)];
    }
    let maps = range(first, count).filter_map(|no| unfinished_map(slice, no));
    let absent = maps.filter(|map| !are_loaded(slice, map.first_item, map.next));
    absent.map(|map| Read::Tasks(map.first_item, map.next)).collect()
}

pub(super) fn apply(slice: &mut Slice, job: JobNo, now: Timestamp, out: &mut Decision) {
    let entry = slice.job(job).expect("the job was loaded");
    if !may_reopen(entry.row.state) {
        return;
    }
    let spec = entry.spec.clone();
    let first = entry.row.first_task;
    let count = u32::try_from(spec.tasks.len()).expect("the parser limits the tasks");
    reopen_job(slice, job, &spec, now);
    for no in range(first, count) {
        if slice.task(no).is_some_and(|row| row.state != TaskState::Succeeded) {
            reset_with_items(slice, no, now);
        }
    }
    count_needs(slice, job, &spec, out);
    if slice.job(job).is_some_and(|entry| entry.row.counts.open() == 0) {
        out.follow.push(Event::AllEnded(job));
    }
}

/// The job goes on as if it had not ended; its deadline starts afresh.
pub(super) fn reopen_job(slice: &mut Slice, job: JobNo, spec: &JobSpec, now: Timestamp) {
    let row = slice.job_mut(job);
    row.stop = Stop::None;
    row.failing = false;
    row.failures = 0;
    row.error = None;
    row.output = None;
    row.finished_at = None;
    row.started_at = row.started_at.or(Some(now));
    row.deadline_at = spec.deadline.map(|span| now + span);
    row.wake_at = row.deadline_at;
    slice.enter_job(job, JobState::Running, now);
}

const fn may_reopen(state: JobState) -> bool {
    matches!(state, JobState::Failed | JobState::Cancelled | JobState::TimedOut)
}

pub(super) fn range(first: TaskNo, count: u32) -> impl Iterator<Item = TaskNo> {
    (first.0..first.0 + i64::from(count)).map(TaskNo)
}

pub(super) fn are_loaded(slice: &Slice, first: TaskNo, count: u32) -> bool {
    range(first, count).all(|no| slice.task(no).is_some())
}

fn unfinished_map(slice: &Slice, no: TaskNo) -> Option<Map> {
    slice.task(no).filter(|row| row.state != TaskState::Succeeded).and_then(|row| row.map)
}

fn reset_with_items(slice: &mut Slice, no: TaskNo, now: Timestamp) {
    if let Some(map) = unfinished_map(slice, no) {
        for item in range(map.first_item, map.next) {
            if slice.task(item).is_some_and(|row| row.state != TaskState::Succeeded) {
                reset(slice, item, now);
            }
        }
    }
    reset(slice, no, now);
}

/// The latest attempt becomes history; everything else starts afresh.
pub(super) fn reset(slice: &mut Slice, no: TaskNo, now: Timestamp) {
    let row = slice.task(no).expect("the task was loaded").clone();
    if row.attempt > 0 {
        slice.close_attempt(history(&row, now));
    }
    let position = TaskRow::new(row.no, row.job, row.position, row.queue, 0);
    *slice.task_mut(no) = TaskRow {
        index: row.index,
        state: row.state,
        attempt: row.attempt,
        token: row.token,
        map: row.map,
        ..position
    };
    slice.enter(no, TaskState::Waiting, now);
}

fn history(row: &TaskRow, now: Timestamp) -> AttemptRow {
    let code = row.error.as_deref().and_then(ErrorObject::from_json).map(|error| error.code);
    let outcome = match row.state {
        TaskState::Succeeded => Outcome::Succeeded,
        TaskState::TimedOut => Outcome::TimedOut,
        TaskState::Failed if code.as_deref() == Some(code::LOST) => Outcome::Lost,
        TaskState::Failed => Outcome::Failed,
        _ => Outcome::Cancelled,
    };
    AttemptRow {
        task: row.no,
        attempt: row.attempt,
        outcome,
        worker: row.worker.clone(),
        dispatched_at: row.dispatched_at,
        started_at: row.started_at,
        finished_at: row.finished_at.unwrap_or(now),
        error: row.error.clone(),
    }
}

/// Only succeeded needs count as ended; tasks that wait for no other are judged anew.
fn count_needs(slice: &mut Slice, job: JobNo, spec: &JobSpec, out: &mut Decision) {
    let entry = slice.job(job).expect("the job was loaded").row.clone();
    for (at, task) in (0..).zip(&spec.tasks) {
        let no = entry.task_no(at);
        if slice.task(no).expect("the task was loaded").state != TaskState::Waiting {
            continue;
        }
        let ended = |need: &&u32| slice.task(entry.task_no(**need)).is_some_and(|row| row.state.is_final());
        let ok = u32::try_from(task.needs.iter().filter(ended).count()).expect("the parser limits the needs");
        let open = u32::try_from(task.needs.len()).expect("the parser limits the needs") - ok;
        let row = slice.task_mut(no);
        row.needs_ok = ok;
        row.needs_open = open;
        if open == 0 {
            out.follow.push(Event::NeedsEnded(job, at));
        }
    }
}
