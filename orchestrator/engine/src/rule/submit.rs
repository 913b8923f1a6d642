//! A submitted job becomes rows.

use warrener_shared::job::{BuiltIn, Shape};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::{Decision, start};
use crate::event::Submitted;
use crate::row::{Counts, JobRow, OWN_QUEUE, Stop, TaskRow};
use crate::slice::{JobEntry, Read, Slice};

pub(super) fn missing(slice: &Slice, submitted: &Submitted) -> Vec<Read> {
    let mut reads: Vec<Read> = submitted
        .spec
        .tasks
        .iter()
        .filter(|task| BuiltIn::of(&task.kind).is_none() && slice.lane(&task.policy.queue).is_none())
        .map(|task| Read::Queue(task.policy.queue.clone()))
        .collect();
    reads.sort();
    reads.dedup();
    reads
}

pub(super) fn apply(slice: &mut Slice, submitted: &Submitted, now: Timestamp, out: &mut Decision) {
    if slice.job(submitted.job).is_some() {
        return;
    }
    let starts_at = submitted.spec.start.later_than(now);
    let mut counts = Counts::default();
    counts.add(TaskState::Waiting, u32::try_from(submitted.spec.tasks.len()).expect("the parser limits the tasks"));
    let row = JobRow {
        no: submitted.job,
        id: submitted.id.clone(),
        state: JobState::Scheduled,
        paused: false,
        stop: Stop::None,
        begun: false,
        failing: false,
        created_at: now,
        scheduled_at: starts_at,
        started_at: None,
        finished_at: None,
        deadline_at: None,
        wake_at: starts_at,
        first_task: submitted.first_task,
        counts,
        failures: 0,
        sequence: 0,
        output: None,
        error: None,
        parent: submitted.parent,
        level: submitted.level,
    };
    slice.insert_job(JobEntry { row, spec: submitted.spec.clone(), traceparent: submitted.traceparent.clone() });
    for (position, task) in submitted.spec.tasks.iter().enumerate() {
        let position = u32::try_from(position).expect("the parser limits the tasks");
        let needs = u32::try_from(task.needs.len()).expect("the parser limits the needs");
        let no = slice.job(submitted.job).expect("just inserted").row.task_no(position);
        let queue = match BuiltIn::of(&task.kind) {
            Some(_) => OWN_QUEUE,
            None => slice.lane(&task.policy.queue).expect("the queue was loaded"),
        };
        slice.insert_task(TaskRow::new(no, submitted.job, position, queue, needs));
    }
    debug_assert!(submitted.spec.shape == Shape::Graph || submitted.spec.tasks.len() == 1);
    if starts_at.is_some() {
        slice.record_job(submitted.job, now);
    } else {
        start::begin(slice, submitted.job, now, out);
    }
}
