//! Every task of a job is final: its output is made, and it becomes final itself.

use std::sync::Arc;

use warrener_shared::error::code;
use warrener_shared::expr::{ExprError, Reference};
use warrener_shared::id::JobNo;
use warrener_shared::job::{JobSpec, Shape};
use warrener_shared::json::ObjectWriter;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::Decision;
use crate::effect::Effect;
use crate::event::{Event, SubJobEnded};
use crate::row::Stop;
use crate::scope;
use crate::slice::{JobEntry, Read, Slice};

pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    if entry.row.counts.open() > 0 || final_state(entry) != JobState::Succeeded {
        return Vec::new();
    }
    scope::missing(slice, job, &references(&entry.spec))
}

pub(super) fn apply(slice: &mut Slice, job: JobNo, now: Timestamp, out: &mut Decision) {
    let entry = slice.job(job).expect("the job was loaded");
    if entry.row.state.is_final() || entry.row.counts.open() > 0 {
        return;
    }
    let mut state = final_state(entry);
    let mut output = None;
    let mut failure = None;
    if state == JobState::Succeeded {
        match evaluate(slice, entry) {
            Ok(bytes) => output = Some(Arc::from(bytes)),
            Err(error) => {
                state = JobState::Failed;
                failure = Some(Arc::from(error.to_object().to_json()));
            }
        }
    }
    let row = slice.job_mut(job);
    row.finished_at = Some(now);
    row.wake_at = None;
    row.paused = false;
    row.output = output;
    row.error = match state {
        JobState::Succeeded => None,
        _ => failure.or_else(|| row.error.take()),
    };
    let parent = row.parent;
    slice.enter_job(job, state, now);
    out.effects.push(Effect::Reply(job));
    if let Some(parent) = parent {
        out.follow.push(Event::SubJobEnded(SubJobEnded { parent, job }));
    }
}

/// `failed` if a failure counts, else what stopped it, else `succeeded`.
fn final_state(entry: &JobEntry) -> JobState {
    match (entry.row.failures, entry.row.stop, entry.row.state) {
        (_, _, JobState::Scheduled) => JobState::Cancelled,
        (1.., ..) => JobState::Failed,
        (_, stop, _) if stop.by_deadline() => JobState::TimedOut,
        (_, Stop::Cancel | Stop::CancelHalt, _) => JobState::Cancelled,
        _ => JobState::Succeeded,
    }
}

fn references(spec: &JobSpec) -> Vec<Reference> {
    if let Some(output) = &spec.output {
        return output.references().to_vec();
    }
    let sinks = spec.tasks.iter().filter(|task| task.dependents.is_empty());
    sinks.map(|task| Reference { task: task.name.to_string(), output: true, error: false, results: false }).collect()
}

fn evaluate(slice: &Slice, entry: &JobEntry) -> Result<Vec<u8>, ExprError> {
    let references = references(&entry.spec);
    let scope = scope::build(slice, entry, &references, None)?;
    if let Some(output) = &entry.spec.output {
        return output.render(&scope, &slice.limits);
    }
    if entry.spec.shape == Shape::Single {
        return Ok(scope.tasks["task"].output.bytes().to_vec());
    }
    let mut object = ObjectWriter::new(slice.limits.resolved_bytes);
    for task in entry.spec.tasks.iter().filter(|task| task.dependents.is_empty()) {
        let output = scope.tasks[task.name.as_str()].output.bytes();
        object.push(task.name.as_str(), output).map_err(|_| too_large(slice.limits.resolved_bytes))?;
    }
    object.finish().map_err(|_| too_large(slice.limits.resolved_bytes))
}

fn too_large(limit: usize) -> ExprError {
    let message =
        format!("the output of the job is larger than resolved_bytes ({limit} bytes); give `output` an expression");
    ExprError { code: code::TOO_LARGE, message }
}
