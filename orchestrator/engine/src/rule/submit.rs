//! A submitted job becomes rows.

use warrener_shared::id::TaskNo;
use warrener_shared::job::{BuiltIn, Shape, Start};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::start;
use crate::event::Submitted;
use crate::row::{Counts, JobRow, OWN_QUEUE, Stop, TaskRow};
use crate::slice::{JobEntry, Read, Slice, counted};
use crate::turn::Turn;

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

pub(super) fn apply(turn: &mut Turn<'_>, submitted: &Submitted) {
    if turn.slice.job(submitted.job).is_some() {
        return;
    }
    let now = turn.now;
    let row = row(submitted, now, submitted.spec.start.later_than(now));
    turn.slice.insert_job(JobEntry { row, spec: submitted.spec.clone(), traceparent: submitted.traceparent.clone() });
    insert_tasks(turn, submitted);
}

/// Row of a job that is accepted now and starts at a time; `None` starts it at once.
pub(super) fn row(submitted: &Submitted, now: Timestamp, starts_at: Option<Timestamp>) -> JobRow {
    let mut counts = Counts::default();
    counts.add(TaskState::Waiting, counted(submitted.spec.tasks.len()));
    JobRow {
        no: submitted.job,
        id: submitted.id.clone(),
        state: JobState::Scheduled,
        paused: false,
        stop: Stop::None,
        begun: false,
        failing: false,
        created_at: now,
        scheduled_at: starts_at,
        after_delay: matches!(submitted.spec.start, Start::Delay(_)) && starts_at.is_some(),
        started_at: None,
        finished_at: None,
        deadline_at: None,
        wake_at: starts_at,
        first_task: submitted.first_task,
        counts,
        failures: 0,
        rounds: 0,
        sequence: 0,
        open_attempts: 0,
        output: None,
        error: None,
        parent: submitted.parent,
        level: submitted.level,
    }
}

/// Makes the rows of the tasks of a job that is in the slice, and begins it, unless it starts later.
pub(super) fn insert_tasks(turn: &mut Turn<'_>, submitted: &Submitted) {
    let first = submitted.first_task.0;
    for (position, task) in (0..).zip(&submitted.spec.tasks) {
        let no = TaskNo(first + i64::from(position));
        let queue = match BuiltIn::of(&task.kind) {
            Some(_) => OWN_QUEUE,
            None => turn.slice.loaded_lane(&task.policy.queue),
        };
        turn.slice.insert_task(TaskRow::new(no, submitted.job, position, queue, counted(task.needs.len())));
    }
    debug_assert!(submitted.spec.shape == Shape::Graph || submitted.spec.tasks.len() == 1);
    if turn.job(submitted.job).row.wake_at.is_some() {
        let now = turn.now;
        turn.slice.record_job(submitted.job, now);
    } else {
        start::begin(turn, submitted.job);
    }
}
