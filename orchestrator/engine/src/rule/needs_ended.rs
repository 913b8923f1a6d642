//! All needs of a task are final: does it run? `run_on` is judged, then `if`, then `for_each`.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::expr::{ExprError, expand};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::{RunOn, TaskSpec};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::end::{self, End};
use super::{Decision, cancel, fan_out};
use crate::row::{Skip, TaskRow, rank};
use crate::scope;
use crate::slice::{Read, Slice};

pub(super) fn missing(slice: &Slice, job: JobNo, position: u32) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    let no = entry.row.task_no(position);
    let Some(row) = slice.task(no) else { return vec![Read::Task(no)] };
    let spec = &entry.spec.tasks[position as usize];
    let mut reads = Vec::new();
    if row.map.is_some() && !slice.has_open_items(no) {
        // After a retry of its job it has items that end with it if it does not run this time.
        reads.push(Read::OpenItems(no));
    }
    if run_on(spec, row).is_err() {
        return reads;
    }
    if let Some(condition) = &spec.condition {
        reads.extend(scope::missing(slice, job, condition.references()));
    }
    if let Some(for_each) = spec.for_each.as_ref().filter(|_| row.map.is_none()) {
        reads.extend(scope::missing(slice, job, &scope::of_source(&for_each.source)));
        if reads.is_empty() && !slice.has_numbers(items_max(slice)) {
            reads.push(Read::Numbers(items_max(slice)));
        }
    }
    reads
}

/// Numbers are taken for the longest list allowed, and given back if it is shorter.
fn items_max(slice: &Slice) -> u32 {
    u32::try_from(slice.limits.tasks).unwrap_or(u32::MAX)
}

pub(super) fn apply(slice: &mut Slice, job: JobNo, position: u32, now: Timestamp, out: &mut Decision) {
    let entry = slice.job(job).expect("the job was loaded");
    let no = entry.row.task_no(position);
    let row = slice.task(no).expect("the task was loaded");
    let may_run = entry.row.state == JobState::Running && !entry.row.stop.halts();
    if row.state != TaskState::Waiting || row.needs_open > 0 || !may_run {
        return;
    }
    let spec = entry.spec.clone();
    let spec = &spec.tasks[position as usize];
    if let Err(skip) = run_on(spec, row) {
        return cancel::end_with_items(slice, no, End::skipped(skip), now, out);
    }
    match holds(slice, job, spec) {
        Err(error) => cancel::end_with_items(slice, no, End::failed(&error.to_object()), now, out),
        Ok(false) if !mutant::is(Mutant::NoCondition) => {
            cancel::end_with_items(slice, no, End::skipped(Skip::Rule), now, out)
        }
        Ok(_) if row.map.is_some() => fan_out::resume(slice, no, spec, now, out),
        Ok(_) if spec.for_each.is_some() => expand_items(slice, job, no, spec, now, out),
        Ok(_) => become_ready(slice, no, now),
    }
}

/// Whether the task runs after how its needs ended, and if not, why.
fn run_on(spec: &TaskSpec, row: &TaskRow) -> Result<(), Skip> {
    match spec.run_on {
        RunOn::Done => Ok(()),
        RunOn::Failure if row.needs_failed > 0 || mutant::is(Mutant::RunOnFailure) => Ok(()),
        RunOn::Failure => Err(Skip::Rule),
        RunOn::Success if row.needs_failed > 0 => Err(Skip::Upstream),
        RunOn::Success if spec.needs.is_empty() || row.needs_ok > 0 => Ok(()),
        RunOn::Success => Err(Skip::Rule),
    }
}

fn holds(slice: &Slice, job: JobNo, spec: &TaskSpec) -> Result<bool, ExprError> {
    let Some(condition) = &spec.condition else { return Ok(true) };
    let entry = slice.job(job).expect("the job was loaded");
    let scope = scope::build(slice, entry, condition.references(), None)?;
    condition.judge(&scope, &slice.limits)
}

fn expand_items(slice: &mut Slice, job: JobNo, no: TaskNo, spec: &TaskSpec, now: Timestamp, out: &mut Decision) {
    let source = &spec.for_each.as_ref().expect("only mapped tasks are expanded").source;
    let references = scope::of_source(source);
    let entry = slice.job(job).expect("the job was loaded");
    let scope = scope::build(slice, entry, &references, None);
    let expanded = scope.and_then(|scope| expand(source, &scope, &slice.limits));
    match expanded {
        Err(error) => end::end(slice, no, End::failed(&error.to_object()), now, out),
        Ok(items) => fan_out::begin(slice, no, spec, Arc::new(items), now, out),
    }
}

/// The task may go out as soon as its queue has room.
pub(super) fn become_ready(slice: &mut Slice, no: TaskNo, now: Timestamp) {
    let row = slice.task(no).expect("the task was loaded");
    let entry = slice.job(row.job).expect("the job was loaded");
    let policy = entry.spec.tasks[row.position as usize].policy.clone();
    let paused = entry.row.paused;
    let first_time = row.ready_at.is_none();
    let row = slice.task_mut(no);
    row.ready_at = Some(now);
    row.rank = (!paused).then(|| rank(policy.priority, now));
    if first_time {
        row.start_by = policy.start_within.map(|span| now + span);
    }
    row.wake_at = row.start_by;
    slice.enter(no, TaskState::Ready, now);
}

/// Why a task that needed a failed one was skipped.
pub(super) fn upstream_failed() -> ErrorObject {
    ErrorObject::new(code::UPSTREAM_FAILED, "a task that it needs failed or was stopped")
}
