//! Every task of a job is final: its output is made, and it becomes final itself.

use std::sync::Arc;

use warrener_shared::error::code;
use warrener_shared::expr::ExprError;
use warrener_shared::id::JobNo;
use warrener_shared::job::{JobSpec, Shape, TaskSpec};
use warrener_shared::json::ObjectWriter;
use warrener_shared::state::JobState;

use super::ended::extend;
use super::job_slot;
use crate::effect::Effect;
use crate::event::{Event, SubJobEnded};
use crate::row::Stop;
use crate::scope;
use crate::slice::{JobEntry, Read, Slice};
use crate::turn::Turn;

pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    if entry.row.counts.open() > 0 || final_state(entry) != JobState::Succeeded {
        return Vec::new();
    }
    match &entry.spec.output {
        Some(output) => scope::missing(slice, job, output.references()),
        None => missing_outputs(slice, entry),
    }
}

/// The rows of the tasks nobody needs, and the lists of those that are mapped. By position: there may be 100,000.
fn missing_outputs(slice: &Slice, entry: &JobEntry) -> Vec<Read> {
    let mut reads = Vec::new();
    for (position, _) in sinks(&entry.spec) {
        let task = entry.row.task_no(position);
        match slice.task(task) {
            None => extend(&mut reads, task.0),
            Some(row) if row.map.is_some() && slice.lists(task).is_none() => {
                reads.push(Read::Lists { task, results: false });
            }
            Some(_) => {}
        }
    }
    reads
}

pub(super) fn apply(turn: &mut Turn<'_>, job: JobNo) {
    let entry = turn.job(job);
    if entry.row.state.is_final() || entry.row.counts.open() > 0 {
        return;
    }
    let mut state = final_state(entry);
    let mut output = None;
    let mut failure = None;
    if state == JobState::Succeeded {
        match evaluate(turn.slice, entry) {
            Ok(bytes) => output = Some(Arc::from(bytes)),
            Err(error) => {
                state = JobState::Failed;
                failure = Some(Arc::from(error.to_object().to_json()));
            }
        }
    }
    let now = turn.now;
    let row = turn.job_mut(job);
    row.finished_at = Some(now);
    row.wake_at = None;
    row.paused = false;
    row.output = output;
    row.error = match state {
        JobState::Succeeded => None,
        _ => failure.or_else(|| row.error.take()),
    };
    let parent = row.parent;
    turn.enter_job(job, state);
    turn.effect(Effect::Reply(job));
    if turn.slice.has_limits() {
        job_slot::ended(turn, job);
    }
    if let Some(parent) = parent {
        turn.follow(Event::SubJobEnded(SubJobEnded { parent, job }));
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

/// The tasks nobody needs, whose outputs are the job's unless it says otherwise.
fn sinks(spec: &JobSpec) -> impl Iterator<Item = (u32, &TaskSpec)> {
    (0..).zip(&spec.tasks).filter(|(_, task)| task.dependents.is_empty())
}

fn evaluate(slice: &Slice, entry: &JobEntry) -> Result<Vec<u8>, ExprError> {
    if let Some(output) = &entry.spec.output {
        let scope = scope::build(slice, entry, output.references(), None)?;
        return output.render(&scope, &slice.limits);
    }
    if entry.spec.shape == Shape::Single {
        return Ok(scope::output(slice, entry, 0)?.bytes().to_vec());
    }
    let most = slice.limits.resolved_bytes;
    let mut object = ObjectWriter::new(most);
    for (position, task) in sinks(&entry.spec) {
        let output = scope::output(slice, entry, position)?;
        object.push(task.name.as_str(), output.bytes()).map_err(|_| too_large(most))?;
    }
    object.finish().map_err(|_| too_large(most))
}

fn too_large(limit: usize) -> ExprError {
    let message =
        format!("the output of the job is larger than resolved_bytes ({limit} bytes); give `output` an expression");
    ExprError { code: code::TOO_LARGE, message }
}
