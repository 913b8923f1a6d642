//! Answers of the API, as far as we read them. Unknown fields are ignored.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use warrener_shared::error::ErrorObject;
use warrener_shared::state::{JobState, TaskState};
pub use warrener_shared::wire::event::JobEvent;

/// Part of a list.
#[derive(Clone, Debug, Deserialize)]
pub struct Page<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Cursor of the next page; `None` at the end.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Something that an attempt wrote: part of a line, or several.
#[derive(Clone, Debug, Deserialize)]
pub struct LogPiece {
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// Number of the piece within the attempt, from 1.
    pub no: u32,
    /// Time of its arrival, RFC 3339.
    pub time: String,
    /// Text as it was written.
    pub text: String,
}

/// Somebody changed something.
#[derive(Clone, Debug, Deserialize)]
pub struct AuditEntry {
    /// Time of the change, RFC 3339.
    pub time: String,
    /// The name of a token, or who else it was.
    pub who: String,
    /// The address that it came from.
    #[serde(default)]
    pub from: Option<String>,
    /// Verb, such as `job.cancel`.
    pub verb: String,
    /// Target of the change.
    pub target: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// Reason of the refusal.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A job.
#[derive(Clone, Debug, Deserialize)]
pub struct JobDetails {
    /// Id of the job.
    pub id: String,
    /// Name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// The kind of a single.
    #[serde(default)]
    pub kind: Option<String>,
    /// Labels of the job.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// State of the job.
    pub state: JobState,
    /// True while none of its tasks is dispatched.
    #[serde(default)]
    pub paused: bool,
    /// True while it is being cancelled.
    #[serde(default)]
    pub cancelling: bool,
    /// RFC 3339.
    #[serde(default)]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// `None` unless it succeeded with something else than null.
    #[serde(default)]
    pub output: Option<Box<RawValue>>,
    /// The reason why it did not succeed; `None` if it did or has not ended.
    #[serde(default)]
    pub error: Option<ErrorObject>,
    /// Number of tasks in each state.
    #[serde(default)]
    pub tasks: BTreeMap<TaskState, u64>,
    /// The attempt that it runs for, if it is a sub-job.
    #[serde(default)]
    pub parent: Option<Parent>,
}

/// The attempt that a sub-job runs for.
#[derive(Clone, Debug, Deserialize)]
pub struct Parent {
    /// The id of its job.
    pub job: String,
    /// The name of its task.
    pub task: String,
    /// The item, if it is one.
    #[serde(default)]
    pub index: Option<u32>,
    /// Number of the attempt, from 1.
    #[serde(default)]
    pub attempt: u32,
}

impl Parent {
    /// `<job>/<task>`, or `<job>/<task>.<index>`.
    pub fn address(&self) -> String {
        let index = self.index.map_or_else(String::new, |index| format!(".{index}"));
        format!("{}/{}{index}", self.job, self.task)
    }
}

/// A task or item.
#[derive(Clone, Debug, Deserialize)]
pub struct Task {
    /// The task's name.
    pub task: String,
    /// The item, if it is one.
    #[serde(default)]
    pub index: Option<u32>,
    /// The kind.
    pub kind: String,
    /// The queue.
    #[serde(default)]
    pub queue: Option<String>,
    /// State of the task.
    pub state: TaskState,
    /// The reason why it is not running, in a sentence.
    #[serde(default)]
    pub reason: Option<String>,
    /// The latest attempt; 0 before the first.
    #[serde(default)]
    pub attempt: u32,
    /// Number of attempts that it may cost, from 1.
    #[serde(default)]
    pub max_attempts: u32,
    /// The round of a repeated task, from 1.
    #[serde(default)]
    pub round: Option<u32>,
    /// Tasks that it waits for.
    #[serde(default)]
    pub needs: Vec<String>,
    /// RFC 3339.
    #[serde(default)]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// The worker of the latest attempt.
    #[serde(default)]
    pub worker: Option<String>,
    /// The id of the job that was begun for it last.
    #[serde(default)]
    pub sub_job: Option<String>,
    /// The reason why it did not succeed; `None` if it did or has not ended.
    #[serde(default)]
    pub error: Option<ErrorObject>,
    /// Number of items of a mapped task; `None` of any other.
    #[serde(default)]
    pub total: Option<u64>,
    /// Number of items of a mapped task in each state.
    #[serde(default)]
    pub items: BTreeMap<TaskState, u64>,
    /// All tries, oldest first; only where one task or item was asked for.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}

impl Task {
    /// `<task>`, or `<task>.<index>`.
    pub fn address(&self) -> String {
        self.index.map_or_else(|| self.task.clone(), |index| format!("{}.{index}", self.task))
    }
}

/// An attempt at a task.
#[derive(Clone, Debug, Deserialize)]
pub struct Attempt {
    /// Number of the attempt, from 1.
    pub attempt: u32,
    /// The round of a repeated task that it belongs to, from 1.
    #[serde(default)]
    pub round: Option<u32>,
    /// Outcome of the attempt; `None` while it is open.
    #[serde(default)]
    pub outcome: Option<String>,
    /// Id of the worker that worked on it; `None` if none has said so.
    #[serde(default)]
    pub worker: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub finished_at: Option<String>,
    /// Time at which its worker was known to have stopped: of an attempt that was cancelled, timed out or lost. `None`
    /// as long as that is not known, and of one that ended by its worker's report. RFC 3339.
    #[serde(default)]
    pub stopped_at: Option<String>,
    /// The reason why it did not succeed; `None` if it did or is open.
    #[serde(default)]
    pub error: Option<ErrorObject>,
}

/// A queue.
#[derive(Clone, Debug, Deserialize)]
pub struct Queue {
    /// Name of the queue.
    pub name: String,
    /// The queue at the broker.
    #[serde(default)]
    pub address: Option<String>,
    /// True while no task is dispatched to it.
    #[serde(default)]
    pub paused: bool,
    /// Tasks that may go out.
    #[serde(default)]
    pub ready: u64,
    /// Attempts offered to workers.
    #[serde(default)]
    pub dispatched: u64,
    /// Workers that serve it.
    #[serde(default)]
    pub workers: u64,
    /// Time since which its oldest ready task waits. RFC 3339.
    #[serde(default)]
    pub oldest_ready_at: Option<String>,
}

/// A worker process.
#[derive(Clone, Debug, Deserialize)]
pub struct Worker {
    /// Id of the worker, new at each start.
    pub id: String,
    /// Version of the worker.
    #[serde(default)]
    pub version: String,
    /// The queues that it serves.
    #[serde(default)]
    pub queues: Vec<String>,
    /// The kinds that it knows.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Attempts that it can work on at once.
    #[serde(default)]
    pub slots: u64,
    /// Attempts that it works on.
    #[serde(default)]
    pub running: u64,
    /// True if it takes no more tasks.
    #[serde(default)]
    pub draining: bool,
    /// The reason why the broker takes no reports of it; `None` if it takes them. A worker whose reports are refused
    /// takes no tasks.
    #[serde(default)]
    pub refused: Option<String>,
    /// Time at which it was last heard of. RFC 3339.
    #[serde(default)]
    pub seen_at: Option<String>,
}

/// A task out of attempts, or a message nobody could process.
#[derive(Clone, Debug, Deserialize)]
pub struct DeadLetter {
    /// Id of the dead letter.
    pub id: String,
    /// `submit`, `task`, `result` or `unrouted`.
    pub from: String,
    /// Code of the reason why it is here, for programs.
    #[serde(default)]
    pub code: Option<String>,
    /// The reason why it is here, for people.
    #[serde(default)]
    pub message: Option<String>,
    /// The job that it belongs to.
    #[serde(default)]
    pub job: Option<String>,
    /// The task that it belongs to.
    #[serde(default)]
    pub task: Option<String>,
    /// RFC 3339.
    #[serde(default)]
    pub received_at: Option<String>,
    /// Bytes of its body.
    #[serde(default)]
    pub size: u64,
}
