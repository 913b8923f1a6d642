//! The checker of rows bites: it finds each contradiction, and only that.

use warrener_shared::id::{JobNo, TaskNo, Token};
use warrener_shared::state::{JobState, TaskState};

use super::world::{EPOCH, World};
use crate::invariant::{of_task, violations};
use crate::row::{JobRow, Json, Map, TaskRow};

fn json() -> Option<Json> {
    Some((*b"1").into())
}

fn task(state: TaskState) -> TaskRow {
    let finished_at = state.is_final().then_some(EPOCH);
    TaskRow { state, finished_at, ..TaskRow::new(TaskNo(1), JobNo(1), 0, 1, 0) }
}

fn dispatched() -> TaskRow {
    TaskRow { attempt: 1, token: Token(1), dispatch_no: Some(1), ..task(TaskState::Dispatched) }
}

fn with_items(state: TaskState) -> TaskRow {
    let map = Map { total: 0, first_item: TaskNo(9), next: 0, counts: crate::row::Counts::default() };
    TaskRow { map: Some(map), ..task(state) }
}

#[test]
fn sound_tasks_are_sound() {
    let sound = [
        task(TaskState::Waiting),
        TaskRow { rank: Some(1), ..task(TaskState::Ready) },
        dispatched(),
        with_items(TaskState::Dispatched),
        with_items(TaskState::Succeeded),
        TaskRow { wake_at: Some(EPOCH), ..task(TaskState::Retrying) },
        TaskRow { output: json(), ..task(TaskState::Succeeded) },
        task(TaskState::Failed),
        task(TaskState::Skipped),
    ];
    for row in sound {
        assert_eq!(of_task(&row), [""; 0], "{row:?}");
    }
}

#[test]
fn each_contradiction_of_a_task_is_found() {
    let wrong = [
        (TaskRow { state: TaskState::Ready, ..dispatched() }, "an open attempt outside dispatched"),
        (TaskRow { dispatch_no: None, ..dispatched() }, "dispatched without an open attempt"),
        (TaskRow { needs_open: 1, ..task(TaskState::Ready) }, "ready with open needs"),
        (TaskRow { rank: Some(1), ..task(TaskState::Failed) }, "final and offered"),
        (TaskRow { wake_at: Some(EPOCH), ..task(TaskState::Failed) }, "final with a timer"),
        (task(TaskState::Retrying), "retrying without a timer"),
        (task(TaskState::Succeeded), "succeeded without output"),
        (TaskRow { output: json(), ..task(TaskState::Failed) }, "an output without success"),
        (TaskRow { finished_at: None, ..task(TaskState::Failed) }, "final and finished_at disagree"),
        (TaskRow { finished_at: Some(EPOCH), ..task(TaskState::Ready) }, "final and finished_at disagree"),
    ];
    for (row, what) in wrong {
        assert_eq!(of_task(&row), [what], "{row:?}");
    }
}

/// A job of one task that succeeded.
fn ended() -> (JobRow, TaskRow) {
    let mut world = World::new();
    let submitted = world.accept(br#"{"kind":"k"}"#);
    world.batch(&[submitted]);
    let mut job = world.jobs.into_values().next().unwrap();
    let row = TaskRow { output: json(), ..task(TaskState::Succeeded) };
    job.counts = crate::row::Counts::default();
    job.counts.add(TaskState::Succeeded, 1);
    (JobRow { state: JobState::Succeeded, output: json(), finished_at: Some(EPOCH), ..job }, row)
}

#[test]
fn each_contradiction_of_a_job_is_found() {
    let (job, row) = ended();
    assert_eq!(violations(&job, std::slice::from_ref(&row)), [""; 0]);
    let running = TaskRow { position: 0, ..dispatched() };
    let mut open = job.clone();
    open.counts.shift(TaskState::Succeeded, TaskState::Dispatched);
    let wrong = [
        (job.clone(), task(TaskState::Failed), "counts"),
        (open, running, "the job is succeeded with 1 open tasks"),
        (JobRow { finished_at: None, ..job.clone() }, row.clone(), "final and finished_at disagree"),
        (JobRow { wake_at: Some(EPOCH), ..job.clone() }, row.clone(), "final with a timer"),
        (JobRow { state: JobState::Failed, ..job.clone() }, row.clone(), "an output without success"),
        (job, TaskRow { output: None, ..row }, "task 0: succeeded without output"),
    ];
    for (job, row, what) in wrong {
        let found = violations(&job, &[row]);
        assert!(found.len() == 1 && found[0].starts_with(what), "{what}: {found:?}");
    }
}
