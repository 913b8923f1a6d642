//! One suite for all stores: whatever a driver of a database does, it does what the others do.

mod blame;
mod built_in;
mod bulk;
#[path = "../../../tests/src/certificates.rs"]
#[allow(unreachable_pub, reason = "shared with the tests of the whole")]
pub(crate) mod certificates;
mod commit;
mod damage;
mod dead;
mod evidence;
mod file;
mod find;
mod guard;
#[path = "../../../tests/src/postgres.rs"]
#[allow(missing_docs, unreachable_pub, dead_code, reason = "shared with the tests of the whole")]
pub(crate) mod postgres_server;
mod prune;
mod rows;
mod schedules;
mod server;
mod stops;
mod time;
pub(crate) mod wire;

use std::sync::Arc;

use warrener_engine::row::{AttemptRow, Counts, JobRow, Map, Stop, TaskRow};
use warrener_engine::slice::Changes;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo, Token};
use warrener_shared::state::{JobState, Outcome, TaskState};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use self::postgres_server::Shared;
use super::memory::Memory;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::{
    Asked, AuditRow, Blame, Boot, Caption, Commit, DEAD_ROW_BYTES, DeadLetter, DeadTotal, Death, DispatchNo,
    EventChunkNo, LogChunk, OwedReply, Rows as _, Store, StoreError, Submitted,
};

macro_rules! conformance {
    ($($area:ident { $($name:ident)* })*) => {
        mod memory {
            $($(#[test] fn $name() { super::$area::$name(&mut super::Memory::new()); })*)*
        }
        mod postgres {
            $($(#[test] fn $name() {
                let database = super::Shared::database();
                super::$area::$name(&mut super::Postgres::open(database.url()).unwrap());
            })*)*
        }
        mod sqlite {
            $($(#[test] fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$area::$name(&mut super::Sqlite::open(&folder.path().join("jobs.db")).unwrap());
            })*)*
        }
    };
}

conformance! {
    find {
        a_new_store_counts_from_one
        a_job_is_found_by_its_id_and_its_number
        jobs_are_found_by_many_ids_at_once
        what_was_submitted_comes_back_as_it_was
        a_unique_key_is_held_until_its_holder_is_over
        a_unique_key_can_be_held_until_the_start
        a_unique_key_can_be_given_up
        a_unique_key_can_be_held_for_a_span
        the_latest_job_that_was_given_a_key_holds_it
        the_content_of_a_job_is_replaced
        queues_are_numbered_once
        a_paused_queue_stays_paused
    }
    rows {
        rows_come_back_with_every_field
        tasks_come_in_ranges
        open_tasks_are_those_that_are_not_final
        items_are_shown_in_order_until_the_visitor_says_stop
        a_task_without_items_shows_none
        ready_tasks_come_best_first
        the_best_of_each_queue_that_is_parked_is_found
        slots_of_jobs_are_kept_until_they_are_given_up
        who_goes_out_is_no_longer_ready
        open_attempts_come_in_the_order_of_their_dispatch
    }
    time {
        due_tasks_come_earliest_first
        due_jobs_come_earliest_first
        the_next_due_is_the_earliest_of_all
        owed_replies_are_found_by_job
        owed_replies_of_several_jobs_are_found_at_once
        owed_replies_that_can_be_given_are_found
        a_number_of_a_reply_is_given_once
        timers_that_count_a_span_follow_the_clock
    }
    commit {
        a_commit_changes_rows
        a_commit_that_contradicts_a_row_leaves_nothing
        a_second_job_with_an_id_leaves_nothing
        a_second_task_with_a_number_leaves_nothing
        events_that_are_there_leave_nothing
        an_attempt_that_is_there_stays_as_it_is
        a_row_of_another_task_is_not_changed
        counters_go_on_behind_what_was_taken
        chunks_of_events_are_counted
        a_dispatch_number_that_was_published_is_not_given_again
        idle_is_what_need_not_be_written
    }
    stops {
        who_was_asked_to_stop_is_kept_until_it_has
        the_worker_that_was_seen_last_is_the_one_that_is_asked
        nobody_stops_who_was_not_asked
        who_was_asked_to_stop_goes_with_its_task
    }
    evidence {
        deaths_are_kept_once_in_the_order_in_which_they_were_found
        the_end_of_a_log_is_its_last_chunks
        deaths_go_with_their_task
    }
    bulk {
        a_set_is_kept_until_its_operation_is_over
    }
    dead {
        dead_letters_are_weighed_and_found_oldest_first
    }
    built_in {
        tasks_are_found_by_what_they_wait_for
        answers_are_kept_until_they_are_forgotten
        what_is_waited_for_comes_back
        items_that_are_given_up_are_gone
    }
    schedules {
        schedules_come_back_with_every_field
        due_schedules_come_earliest_first
        a_clock_that_is_set_back_has_schedules_looked_at
        ticks_are_kept_until_they_are_old_or_their_schedule_is_gone
    }
    prune {
        finished_jobs_are_removed_after_their_time
        so_many_and_no_more_are_removed
        old_rows_of_the_audit_are_removed
        a_final_job_is_removed_with_all_that_belongs_to_it
        open_jobs_stay
        everything_of_a_job_goes_with_it
        numbers_of_removed_jobs_are_not_given_again
    }
}

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn at(seconds: i64) -> Timestamp {
    Timestamp(NOW.0 + seconds * 1000)
}

fn id(text: &str) -> JobId {
    JobId::new(text).unwrap()
}

/// A running job whose tasks begin at a hundred times its number.
fn job(no: i64) -> JobRow {
    JobRow {
        no: JobNo(no),
        id: id(&format!("job-{no}")),
        state: JobState::Running,
        paused: false,
        stop: Stop::None,
        begun: false,
        failing: false,
        created_at: NOW,
        scheduled_at: None,
        after_delay: false,
        started_at: Some(NOW),
        finished_at: None,
        deadline_at: None,
        wake_at: None,
        first_task: TaskNo(no * 100),
        counts: Counts::default(),
        failures: 0,
        rounds: 0,
        sequence: 0,
        open_attempts: 0,
        output: None,
        error: None,
        parent: None,
        level: 0,
    }
}

/// The next numbers of jobs, tasks and dispatches, and that below which all dispatches are published.
fn numbers(boot: &Boot) -> (i64, i64, i64, i64) {
    (boot.next_job.0, boot.next_task.0, boot.next_dispatch.0, boot.published_below.0)
}

fn ended_job(no: i64, finished: Timestamp) -> JobRow {
    JobRow { state: JobState::Failed, finished_at: Some(finished), ..job(no) }
}

fn task(no: i64) -> TaskRow {
    TaskRow::new(TaskNo(no), JobNo(no / 100), u32::try_from(no % 100).unwrap(), 1, 0)
}

fn ready(no: i64, rank: i64) -> TaskRow {
    TaskRow { state: TaskState::Ready, ready_at: Some(NOW), rank: Some(rank), ..task(no) }
}

fn dispatched(no: i64, dispatch: i64) -> TaskRow {
    let (token, dispatch_no) = (Token(u128::MAX - 5), Some(dispatch));
    TaskRow { state: TaskState::Dispatched, attempt: 1, token, dispatch_no, ..task(no) }
}

fn succeeded(no: i64, output: &str) -> TaskRow {
    let output = Some(output.as_bytes().into());
    TaskRow { state: TaskState::Succeeded, attempt: 1, output, finished_at: Some(NOW), ..task(no) }
}

/// An item of the task with the number 100 of job 1.
fn item(no: i64, index: u32, row: TaskRow) -> TaskRow {
    TaskRow { no: TaskNo(no), job: JobNo(1), position: 0, index: Some(index), ..row }
}

fn mapped(no: i64, first_item: i64, total: u32) -> TaskRow {
    let map = Map { total, first_item: TaskNo(first_item), next: total, counts: Counts::default() };
    TaskRow { state: TaskState::Dispatched, map: Some(map), ..task(no) }
}

fn attempt(task: i64, attempt: u32) -> AttemptRow {
    AttemptRow {
        task: TaskNo(task),
        attempt,
        round: 0,
        outcome: Outcome::Lost,
        worker: Some("w1".into()),
        dispatched_at: Some(NOW),
        started_at: None,
        finished_at: NOW,
        error: None,
    }
}

fn event(sequence: u64) -> JobEvent {
    JobEvent {
        sequence,
        time: NOW.to_rfc3339().into(),
        kind: "task.ready".into(),
        task: Some("a".into()),
        index: None,
        attempt: None,
        state: "ready".into(),
        error: None,
    }
}

fn submitted() -> Submitted {
    Submitted { body: Arc::from(*br#"{"kind":"k"}"#), priority: None, traceparent: None, digest: None }
}

/// A commit of new jobs (with 100 tasks each) and tasks.
fn new(jobs: Vec<JobRow>, tasks: Vec<TaskRow>) -> Commit {
    let caption = || Caption { tasks: 50, labels: "{}".to_owned(), ..Caption::default() };
    let kept = jobs.iter().map(|row| (row.no, submitted(), caption())).collect();
    let new_tasks = tasks.into_iter().map(Arc::new).collect();
    let changes = Changes { new_jobs: jobs, new_tasks, ..Changes::default() };
    Commit { changes, submitted: kept, ..Commit::default() }
}

fn changed(jobs: Vec<JobRow>, tasks: Vec<TaskRow>) -> Commit {
    let tasks = tasks.into_iter().map(Arc::new).collect();
    Commit { changes: Changes { jobs, tasks, ..Changes::default() }, ..Commit::default() }
}

fn owed(job: i64, accepted: bool) -> OwedReply {
    let correlation_id = Some("c".to_owned());
    let reply_to = "q".to_owned();
    OwedReply { no: 0, job: JobNo(job), reply_to, correlation_id, accepted, owed_at: NOW, refusal: None }
}

fn dead() -> DeadLetter {
    DeadLetter {
        from: "submit",
        code: "invalid_json".to_owned(),
        message: "it is no job".to_owned(),
        job: None,
        task: None,
        received_at: NOW,
        body: b"{".to_vec(),
        size: 1,
        headers: "{}".to_owned(),
        evidence: None,
    }
}

fn queue(store: &mut dyn Store, name: &str) -> i64 {
    store.queue(&QueueName::new(name).unwrap()).unwrap().no
}

fn task_numbers(rows: &[TaskRow]) -> Vec<i64> {
    rows.iter().map(|row| row.no.0).collect()
}

/// Everything that the store tells of one job, for comparing.
fn all_of(store: &mut dyn Store, job: i64) -> String {
    let boot = store.boot().unwrap();
    let (row, submitted) = (store.job(JobNo(job)).unwrap(), store.submitted(JobNo(job)).unwrap());
    let tasks = store.tasks(TaskNo(0), 10_000).unwrap();
    let owed = store.owed_replies(&[JobNo(job)]).unwrap();
    format!("{boot:?} {row:?} {submitted:?} {tasks:?} {owed:?}")
}
