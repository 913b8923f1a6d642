//! A final task or item is tried again by hand, and everything downstream of it with it, succeeded or not.
//!
//! Attempt numbers go on, the attempt budget starts afresh. The task itself keeps its list and its succeeded items if
//! it is mapped; what is downstream gets new lists, since what they are made of may change.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::JobSpec;
use warrener_shared::state::{JobState, TaskState};

use super::end::{self, End, job_error};
use super::fail_fast::downstream;
use super::loads::with_mapped;
use super::reopen::{are_loaded, range, reopen_job, reset};
use crate::event::Event;
use crate::row::{Ended, Map, Stop};
use crate::slice::{Read, Slice, counted};
use crate::turn::Turn;

/// The job, all its tasks, the items of the task, and the open items of what is downstream.
pub(super) fn missing(slice: &Slice, job: JobNo, position: u32) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    let (first, count) = (entry.row.first_task, entry.task_count());
    if !are_loaded(slice, first, count) {
        return vec![Read::Tasks(first, count)];
    }
    let own = entry.row.task_no(position);
    let mut reads = Vec::new();
    if let Some(map) = map_of(slice, own)
        && !are_loaded(slice, map.first_item, map.next)
    {
        reads.push(Read::Tasks(map.first_item, map.next));
    }
    for no in below(&entry.spec, position).map(|at| entry.row.task_no(at)) {
        if map_of(slice, no).is_some() && !slice.has_open_items(no) {
            reads.push(Read::OpenItems(no));
        }
    }
    reads
}

/// Reads that asking for a [`refusal`] takes: the job, the task, and the item if it has a row.
pub(super) fn missing_refusal(slice: &Slice, job: JobNo, position: u32, index: Option<u32>) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    let no = entry.row.task_no(position);
    let reads = with_mapped(slice, no);
    match (map_of(slice, no), index) {
        (Some(map), Some(index)) if index < map.next => with_mapped(slice, TaskNo(map.first_item.0 + i64::from(index))),
        _ => reads,
    }
}

/// Finds the reason why the task or item cannot be tried again as things are; `None` if it can.
pub fn refusal(slice: &Slice, job: JobNo, position: u32, index: Option<u32>) -> Option<String> {
    let row = &slice.job(job)?.row;
    if row.state == JobState::Scheduled {
        return Some("its job has not begun".to_owned());
    }
    if row.state == JobState::Running && row.stop != Stop::None {
        return Some("its job is being stopped; retry it once the job is final".to_owned());
    }
    let task = slice.task(row.task_no(position))?;
    let Some(index) = index else { return not_final(task.state) };
    match task.map {
        Some(map) if index < map.next => not_final(slice.task(TaskNo(map.first_item.0 + i64::from(index)))?.state),
        Some(map) if index < map.total => Some("the item was never dispatched; retry the whole task".to_owned()),
        _ => Some("there is no such item".to_owned()),
    }
}

fn not_final(state: TaskState) -> Option<String> {
    (!state.is_final()).then(|| format!("it is {state}; only what has ended is tried again"))
}

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo, position: u32, index: Option<u32>) {
    if refusal(turn.slice, job, position, index).is_some() {
        return;
    }
    let entry = turn.job(job);
    let (spec, was_final, own) = (entry.spec.clone(), entry.row.state.is_final(), entry.row.task_no(position));
    if was_final {
        reopen_job(turn, job);
    }
    let below: Vec<u32> = below(&spec, position).collect();
    for at in &below {
        start_over(turn, job, *at);
    }
    if let Some(map) = turn.task(own).map {
        reset_items(turn, own, map, index);
    }
    match turn.task(own).state {
        state if state.is_final() => reset(turn, own),
        // Only an item is tried again, while its task is at others.
        TaskState::Dispatched => turn.follow(Event::ItemsWaiting(own)),
        _ => {}
    }
    recount_failures(turn, job, &spec);
    for at in std::iter::once(position).chain(below) {
        count_needs(turn, job, &spec, at);
    }
}

fn map_of(slice: &Slice, no: TaskNo) -> Option<Map> {
    slice.task(no).and_then(|row| row.map)
}

/// Positions of what needs the task, directly or not.
fn below(spec: &JobSpec, position: u32) -> impl Iterator<Item = u32> {
    let reached = downstream(spec, std::iter::once(position));
    (0..).zip(reached).filter(move |(at, reached)| *reached && *at != position).map(|(at, _)| at)
}

/// Makes a task downstream wait again, as if it had never been judged.
fn start_over(turn: &mut Turn<'_>, job: JobNo, position: u32) {
    let no = turn.job(job).row.task_no(position);
    let row = turn.task(no);
    if row.state == TaskState::Waiting {
        return;
    }
    if !row.state.is_final() {
        // It ends without being told to those that need it: they start over too.
        let stop = |turn: &mut Turn<'_>| end::end_with_items(turn, no, End::cancelled());
        let is_told = |event: &Event| matches!(event, Event::Ended(..) | Event::AllEnded(_) | Event::FailFast(..));
        turn.keep_follow(stop, |event| !is_told(event));
    }
    reset(turn, no);
    if let Some(map) = turn.task_mut(no).map.take() {
        turn.slice.drop_items(no, map.first_item, map.total);
    }
}

/// Items that did not succeed wait again; if all did, or as many as are enough, all of them. With an index only that
/// one.
fn reset_items(turn: &mut Turn<'_>, own: TaskNo, map: Map, index: Option<u32>) {
    turn.slice.forget_lists(own);
    let enough = turn.spec(own).each().is_enough(map.succeeded());
    let all = enough || map.counts.get(TaskState::Succeeded) == map.total;
    for (at, item) in (0..).zip(range(map.first_item, map.next)) {
        let state = turn.task(item).state;
        let wanted = index.map_or(all || state != TaskState::Succeeded, |index| index == at);
        if wanted && state.is_final() {
            reset(turn, item);
        }
    }
}

/// Counts the failures that are left, those that are not tried again; the first of them is the error of the job.
fn recount_failures(turn: &mut Turn<'_>, job: JobNo, spec: &JobSpec) {
    let row = &turn.job(job).row;
    let failed = (0..).zip(&spec.tasks).filter_map(|(at, task)| {
        let row = turn.task(row.task_no(at));
        let failed = matches!(row.state, TaskState::Failed | TaskState::TimedOut);
        let counts = failed && !row.is_allowed(&task.allow_failure);
        counts.then_some((row, task))
    });
    let failed: Vec<_> = failed.collect();
    let first = failed.iter().min_by_key(|(row, _)| row.finished_at);
    let error = first.and_then(|(row, task)| job_error(row.error.as_deref(), task, row.attempt));
    let failures = counted(failed.len());
    let row = turn.job_mut(job);
    row.failures = failures;
    row.failing = false;
    row.error = error;
}

fn count_needs(turn: &mut Turn<'_>, job: JobNo, spec: &JobSpec, position: u32) {
    let row = &turn.job(job).row;
    let no = row.task_no(position);
    if turn.task(no).state != TaskState::Waiting {
        return;
    }
    let (mut open, mut ok, mut failed) = (0, 0, 0);
    for need in &spec.tasks[position as usize].needs {
        let task = turn.task(row.task_no(*need));
        if !task.state.is_final() {
            open += 1;
            continue;
        }
        match task.ended(&spec.tasks[*need as usize].allow_failure) {
            Ended::Ok => ok += 1,
            Ended::Failed => failed += 1,
            Ended::Neutral => {}
        }
    }
    let task = turn.task_mut(no);
    (task.needs_open, task.needs_ok, task.needs_failed) = (open, ok, failed);
    if open == 0 {
        turn.follow(Event::NeedsEnded(job, position));
    }
}
