//! One final task or item is tried again by hand, and everything downstream of it with it, succeeded or not.
//!
//! Attempt numbers go on, the attempt budget starts afresh. The task itself keeps its list and its succeeded items if
//! it is mapped; what is downstream gets new lists, since what they are made of may change.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::JobSpec;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::end::{End, job_error};
use super::fail_fast::downstream;
use super::reopen::{are_loaded, range, reopen_job, reset};
use super::{Decision, cancel};
use crate::event::Event;
use crate::row::{Ended, Map, Stop};
use crate::slice::{Read, Slice};

/// The job, all its tasks, the items of the task, and the open items of what is downstream.
pub(super) fn missing(slice: &Slice, job: JobNo, position: u32) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    let first = entry.row.first_task;
    let count = u32::try_from(entry.spec.tasks.len()).expect("the parser limits the tasks");
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

/// Why the task or item cannot be tried again as things are; `None` if it can.
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

pub(super) fn apply(
    slice: &mut Slice,
    job: JobNo,
    position: u32,
    index: Option<u32>,
    now: Timestamp,
    out: &mut Decision,
) {
    if refusal(slice, job, position, index).is_some() {
        return;
    }
    let entry = slice.job(job).expect("the job was loaded");
    let (spec, was_final) = (entry.spec.clone(), entry.row.state.is_final());
    let own = entry.row.task_no(position);
    if was_final {
        reopen_job(slice, job, &spec, now);
    }
    let below: Vec<u32> = below(&spec, position).collect();
    for at in &below {
        start_over(slice, job, *at, now, out);
    }
    if let Some(map) = map_of(slice, own) {
        reset_items(slice, own, map, index, now);
    }
    match slice.task(own).map(|row| row.state) {
        Some(state) if state.is_final() => reset(slice, own, now),
        // Only an item is tried again, while its task is at others.
        Some(TaskState::Dispatched) => out.follow.push(Event::ItemsWaiting(own)),
        _ => {}
    }
    recount_failures(slice, job, &spec);
    for at in std::iter::once(position).chain(below) {
        count_needs(slice, job, &spec, at, out);
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

/// What is downstream waits again, as if it had never been judged.
fn start_over(slice: &mut Slice, job: JobNo, position: u32, now: Timestamp, out: &mut Decision) {
    let no = slice.job(job).expect("the job was loaded").row.task_no(position);
    let row = slice.task(no).expect("the task was loaded");
    if row.state == TaskState::Waiting {
        return;
    }
    if !row.state.is_final() {
        // It ends without being told to those that need it: they start over too.
        let mut quiet = Decision::default();
        cancel::end_with_items(slice, no, End::cancelled(), now, &mut quiet);
        out.effects.append(&mut quiet.effects);
        out.follow.extend(quiet.follow.into_iter().filter(|event| matches!(event, Event::ParentEnded(_))));
    }
    let map = map_of(slice, no);
    reset(slice, no, now);
    slice.task_mut(no).map = None;
    if let Some(map) = map {
        slice.drop_items(no, map.first_item, map.total);
    }
}

/// Items that did not succeed wait again; if all did, all of them. With an index only that one.
fn reset_items(slice: &mut Slice, own: TaskNo, map: Map, index: Option<u32>, now: Timestamp) {
    slice.forget_lists(own);
    let all = map.counts.get(TaskState::Succeeded) == map.total;
    for (at, item) in (0..).zip(range(map.first_item, map.next)) {
        let state = slice.task(item).expect("the items were loaded").state;
        let wanted = index.map_or(all || state != TaskState::Succeeded, |index| index == at);
        if wanted && state.is_final() {
            reset(slice, item, now);
        }
    }
}

/// What failed and is not tried again still counts, and the first of it is the error of the job.
fn recount_failures(slice: &mut Slice, job: JobNo, spec: &JobSpec) {
    let row = slice.job(job).expect("the job was loaded").row.clone();
    let failed = (0..).zip(&spec.tasks).filter_map(|(at, task)| {
        let row = slice.task(row.task_no(at)).expect("the tasks were loaded");
        let counts = matches!(row.state, TaskState::Failed | TaskState::TimedOut) && !task.allow_failure;
        counts.then_some((row, task))
    });
    let failed: Vec<_> = failed.collect();
    let first = failed.iter().min_by_key(|(row, _)| row.finished_at);
    let error = first.and_then(|(row, task)| job_error(row.error.as_deref(), task.name.as_str(), row.attempt));
    let failures = u32::try_from(failed.len()).expect("the parser limits the tasks");
    let row = slice.job_mut(job);
    row.failures = failures;
    row.failing = false;
    row.error = error;
}

fn count_needs(slice: &mut Slice, job: JobNo, spec: &JobSpec, position: u32, out: &mut Decision) {
    let row = slice.job(job).expect("the job was loaded").row.clone();
    let no = row.task_no(position);
    if slice.task(no).expect("the task was loaded").state != TaskState::Waiting {
        return;
    }
    let (mut open, mut ok, mut failed) = (0, 0, 0);
    for need in &spec.tasks[position as usize].needs {
        let task = slice.task(row.task_no(*need)).expect("the task was loaded");
        if !task.state.is_final() {
            open += 1;
            continue;
        }
        match task.ended(spec.tasks[*need as usize].allow_failure) {
            Ended::Ok => ok += 1,
            Ended::Failed => failed += 1,
            Ended::Neutral => {}
        }
    }
    let task = slice.task_mut(no);
    (task.needs_open, task.needs_ok, task.needs_failed) = (open, ok, failed);
    if open == 0 {
        out.follow.push(Event::NeedsEnded(job, position));
    }
}
