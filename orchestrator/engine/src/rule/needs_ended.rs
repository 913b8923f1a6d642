//! All needs of a task are final: does it run? `run_on` is judged, then `if`, then `for_each`.

use std::sync::Arc;

use warrener_shared::expr::{ExprError, expand};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::TaskSpec;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{JobState, TaskState};

use super::end::{self, End};
use super::{fan_out, offer};
use crate::row::Skip;
use crate::scope;
use crate::slice::{JobEntry, Read, Slice, TaskOf};
use crate::turn::Turn;

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
    if row.judge_needs(spec).is_err() {
        return reads;
    }
    if let Some(condition) = &spec.condition {
        reads.extend(scope::missing(slice, job, condition.references()));
    }
    if let Some(for_each) = spec.for_each.as_ref().filter(|_| row.map.is_none()) {
        reads.extend(scope::missing(slice, job, &scope::of_source(&for_each.source)));
        if reads.is_empty() && !slice.has_numbers(slice.numbers_max()) {
            reads.push(Read::Numbers(slice.numbers_max()));
        }
    }
    reads
}

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo, position: u32) {
    let entry = turn.job(job);
    let no = entry.row.task_no(position);
    let row = turn.task(no);
    let may_run = entry.row.state == JobState::Running && !entry.row.stop.halts();
    if row.state != TaskState::Waiting || row.needs_open > 0 || !may_run {
        return;
    }
    let spec = entry.spec_at(position);
    if let Err(skip) = row.judge_needs(&spec) {
        return end::end_with_items(turn, no, End::skipped(skip));
    }
    match holds(turn.slice, entry, &spec) {
        Err(error) => end::end_with_items(turn, no, End::failed(&error.to_object())),
        Ok(false) if !mutant::is(Mutant::NoCondition) => end::end_with_items(turn, no, End::skipped(Skip::Rule)),
        Ok(_) if row.map.is_some() => fan_out::resume(turn, no, &spec),
        Ok(_) if spec.for_each.is_some() => expand_items(turn, no, &spec),
        Ok(_) => offer::become_ready(turn, no),
    }
}

fn holds(slice: &Slice, entry: &JobEntry, spec: &TaskSpec) -> Result<bool, ExprError> {
    let Some(condition) = &spec.condition else { return Ok(true) };
    condition.judge(&scope::build(slice, entry, condition.references(), None)?, &slice.limits)
}

fn expand_items(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf) {
    let source = &spec.each().source;
    let references = scope::of_source(source);
    let scope = scope::build(turn.slice, turn.job_of(no), &references, None);
    let expanded = scope.and_then(|scope| expand(source, &scope, &turn.slice.limits));
    match expanded {
        Err(error) => end::end(turn, no, End::failed(&error.to_object())),
        Ok(items) => fan_out::begin(turn, no, spec, Arc::new(items)),
    }
}
