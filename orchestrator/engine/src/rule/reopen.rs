//! A final job is retried: what did not succeed goes back to waiting, what succeeded stays.
//!
//! Attempt numbers go on; the attempt budget and the deadline start afresh. A mapped task keeps its list and its
//! succeeded items.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::state::{JobState, TaskState};

use super::attempt;
use crate::event::Event;
use crate::row::{Map, Stop, TaskRow};
use crate::slice::{Read, Slice, counted};
use crate::turn::Turn;

/// The job, all its tasks, and all items that have a row of those that did not succeed.
pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    if !may_reopen(entry.row.state) {
        return Vec::new();
    }
    let (first, count) = (entry.row.first_task, entry.task_count());
    if !are_loaded(slice, first, count) {
        return vec![Read::Tasks(first, count)];
    }
    let maps = range(first, count).filter_map(|no| unfinished_map(slice, no));
    let absent = maps.filter(|map| !are_loaded(slice, map.first_item, map.next));
    absent.map(|map| Read::Tasks(map.first_item, map.next)).collect()
}

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo) {
    let entry = turn.job(job);
    if !may_reopen(entry.row.state) {
        return;
    }
    let (first, count) = (entry.row.first_task, entry.task_count());
    reopen_job(turn, job);
    for no in range(first, count) {
        if turn.task(no).state != TaskState::Succeeded {
            reset_with_items(turn, no);
        }
    }
    count_needs(turn, job);
    if turn.job(job).row.counts.open() == 0 {
        turn.follow(Event::AllEnded(job));
    }
}

/// The job goes on as if it had not ended; its deadline starts afresh.
pub(super) fn reopen_job(turn: &mut Turn<'_>, job: JobNo) {
    let (deadline, now) = (turn.job(job).spec.deadline, turn.now);
    let row = turn.job_mut(job);
    row.stop = Stop::None;
    row.failing = false;
    row.failures = 0;
    row.rounds = 0;
    row.error = None;
    row.output = None;
    row.finished_at = None;
    row.started_at = row.started_at.or(Some(now));
    row.deadline_at = deadline.map(|span| now + span);
    row.wake_at = row.deadline_at;
    turn.enter_job(job, JobState::Running);
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

fn reset_with_items(turn: &mut Turn<'_>, no: TaskNo) {
    if let Some(map) = unfinished_map(turn.slice, no) {
        for item in range(map.first_item, map.next) {
            if turn.task(item).state != TaskState::Succeeded {
                reset(turn, item);
            }
        }
    }
    reset(turn, no);
}

/// The latest attempt becomes history; everything else starts afresh.
pub(super) fn reset(turn: &mut Turn<'_>, no: TaskNo) {
    attempt::record_latest(turn, no);
    let row = turn.task_mut(no);
    let fresh = TaskRow::new(row.no, row.job, row.position, row.queue, 0);
    *row =
        TaskRow { index: row.index, state: row.state, attempt: row.attempt, token: row.token, map: row.map, ..fresh };
    turn.enter(no, TaskState::Waiting);
}

/// Only succeeded needs count as ended; tasks that wait for no other are judged anew.
fn count_needs(turn: &mut Turn<'_>, job: JobNo) {
    let entry = turn.job(job);
    let (spec, first) = (entry.spec.clone(), entry.row.first_task);
    let number = |at: u32| TaskNo(first.0 + i64::from(at));
    for (at, task) in (0..).zip(&spec.tasks) {
        if turn.task(number(at)).state != TaskState::Waiting {
            continue;
        }
        let ok = counted(task.needs.iter().filter(|need| turn.task(number(**need)).state.is_final()).count());
        let open = counted(task.needs.len()) - ok;
        let row = turn.task_mut(number(at));
        row.needs_ok = ok;
        row.needs_open = open;
        if open == 0 {
            turn.follow(Event::NeedsEnded(job, at));
        }
    }
}
