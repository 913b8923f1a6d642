//! Invariants of every job after every decision; asserted in tests and simulation.

use warrener_shared::state::TaskState;

use crate::row::{Counts, JobRow, TaskRow};

/// Everything about a job's rows that is not as it must be. `tasks` are all its tasks, without items.
pub fn violations(job: &JobRow, tasks: &[TaskRow]) -> Vec<String> {
    let mut found = Vec::new();
    let mut counts = Counts::default();
    for task in tasks {
        counts.add(task.state, 1);
        found.extend(of_task(task).into_iter().map(|what| format!("task {}: {what}", task.position)));
    }
    if counts != job.counts {
        found.push(format!("counts {:?} of the job, {:?} of its tasks", job.counts, counts));
    }
    if job.state.is_final() && counts.open() > 0 {
        found.push(format!("the job is {} with {} open tasks", job.state, counts.open()));
    }
    if job.state.is_final() != job.finished_at.is_some() {
        found.push("final and finished_at disagree".to_owned());
    }
    if job.state.is_final() && job.wake_at.is_some() {
        found.push("final with a timer".to_owned());
    }
    if job.output.is_some() && job.state != warrener_shared::state::JobState::Succeeded {
        found.push("an output without success".to_owned());
    }
    found
}

/// Everything about a task or item that is not as it must be.
pub fn of_task(task: &TaskRow) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut must = |holds: bool, what| {
        if !holds {
            found.push(what);
        }
    };
    let open = task.dispatch_no.is_some();
    must(!open || task.state == TaskState::Dispatched, "an open attempt outside dispatched");
    let works = open || task.waits_for.is_some() || task.map.is_some();
    must(works || task.state != TaskState::Dispatched, "dispatched without an open attempt");
    must(task.waits_for.is_none() || task.state == TaskState::Dispatched, "waits for something outside dispatched");
    must(task.state != TaskState::Ready || task.needs_open == 0, "ready with open needs");
    must(!task.state.is_final() || task.rank.is_none(), "final and offered");
    must(task.parked.is_none() || task.rank.is_none(), "parked and offered");
    must(!task.state.is_final() || task.parked.is_none(), "final and parked");
    must(task.line.is_none() || task.parked.is_some(), "in a line and not parked");
    must(!task.state.is_final() || task.wake_at.is_none(), "final with a timer");
    must(task.state != TaskState::Retrying || task.wake_at.is_some(), "retrying without a timer");
    must(task.state != TaskState::Succeeded || task.output.is_some() || task.map.is_some(), "succeeded without output");
    must(task.output.is_none() || task.state == TaskState::Succeeded, "an output without success");
    must(task.state.is_final() == task.finished_at.is_some(), "final and finished_at disagree");
    found
}
