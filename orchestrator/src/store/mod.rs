//! The store of jobs: one trait in the words of the domain, and its drivers.
//!
//! The database is the only truth. A commit is atomic and durable when it returns; what it makes true may then
//! be acted on. Readers of the API use their own connections and never wait for the writer.

mod address;
mod audit;
mod bulk;
pub(crate) mod columns;
mod dead;
mod delayed;
mod error;
mod kept;
pub mod memory;
pub mod postgres;
mod rows;
pub mod schedules;
pub(crate) mod sql;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod tests;
mod url;
pub mod view;

use std::sync::Arc;

use warrener_engine::limit::LimitKey;
use warrener_engine::row::{Json, TaskRow};
use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_engine::slice::Changes;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::job::{JobSpec, Shape, Unique};
use warrener_shared::time::Timestamp;

pub use self::address::{DatabaseAddress, InvalidAddress, address, with_authorities};
pub use self::audit::{AUDIT_MAX, AuditRow};
pub use self::bulk::{BULK_MAX, BulkAction, BulkChange, BulkError, BulkRow, BulkState, BulkTarget, ERRORS_MAX};
pub(crate) use self::bulk::{BULKS_KEPT, PART, decode_part};
pub use self::dead::{DeadHead, DeadRow};
pub use self::delayed::{DelayedChanges, DelayedHead, DelayedMessage, PutOffMessage};
pub use self::error::{Blame, StoreError};
pub use self::kept::{KeptAnswer, KeptChanges};
pub use self::rows::{Item, KeptLimits, Rows};
use self::schedules::{ScheduleChanges, ScheduleQuery, SchedulesTotal, TickQuery};
pub(crate) use self::sql::row::event_text;

/// A submitted document as it came, with the message properties that shape the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The document, byte by byte.
    pub body: Arc<[u8]>,
    /// AMQP priority of the message; `None` if it had none, or the submit came over HTTP.
    pub priority: Option<u8>,
    /// W3C trace context of the submit, if it had one.
    pub traceparent: Option<Arc<str>>,
    /// SHA-256 of the canonical content, if the client chose the id.
    pub digest: Option<Digest>,
}

/// SHA-256 of the canonical content of a job.
pub type Digest = [u8; 32];

/// Number of the events of one job that were committed together; from 1, and it rises with each chunk. 0 stands before
/// all of them. Numbers of removed chunks are not used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventChunkNo(pub i64);

/// Place of an attempt in the order in which all of them were dispatched, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct DispatchNo(pub i64);

/// A job that was found by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Number of the job.
    pub no: JobNo,
    /// SHA-256 of its content; `None` if its client did not choose the id.
    pub digest: Option<Digest>,
}

/// Facts of a job that lists show without reading its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// Name of the job, if it has one.
    pub name: Option<String>,
    /// Kind of a job of one task; `None` for a graph.
    pub kind: Option<String>,
    /// Labels of the job as a JSON object; `{}` without any.
    pub labels: String,
    /// Number of its tasks, items not counted.
    pub tasks: u32,
    /// Unique key that it holds, with its rules, if it has one.
    pub unique: Option<Unique>,
}

impl Caption {
    /// Takes from a job what lists show of it.
    pub fn of(spec: &JobSpec) -> Self {
        Self {
            name: spec.name.clone(),
            kind: (spec.shape == Shape::Single).then(|| spec.tasks[0].kind.to_string()),
            labels: serde_json::to_string(&spec.labels).expect("labels are text"),
            tasks: u32::try_from(spec.tasks.len()).expect("the parser limits the tasks"),
            unique: spec.unique.clone(),
        }
    }
}

/// An answer that is owed to a submitter, until the broker has it or it is given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedReply {
    /// Number of the reply; 0 until it is kept.
    pub no: i64,
    /// Number of the job. For a refusal, which has none, a negative number by which it is found after the commit.
    pub job: JobNo,
    /// Queue that it goes to, through the default exchange.
    pub reply_to: String,
    /// Correlation id of the submit, which is echoed.
    pub correlation_id: Option<String>,
    /// True for the answer that the job is kept, false for the one when it is final.
    pub accepted: bool,
    /// Time at which it was asked for; 0 for one that an earlier version kept without it.
    pub owed_at: Timestamp,
    /// Body of an answer that is of no job: a refusal, or with `accepted` that a message about a schedule was carried
    /// out. `None` for an answer about a job.
    pub refusal: Option<Arc<[u8]>>,
}

/// A message that nobody could process, or a task out of attempts, kept for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Place where it was found: `submit`, `task`, `result`, `unrouted`, `delayed` or `answer`.
    pub from: &'static str,
    /// Stable word of the reason, for programs.
    pub code: String,
    /// Description of the reason for people, in a sentence.
    pub message: String,
    /// Id of the job, if it is known.
    pub job: Option<String>,
    /// Address of the task, if it is known.
    pub task: Option<String>,
    /// Time at which it was found, by the wall clock.
    pub received_at: Timestamp,
    /// Body of the message, cut to [`DEAD_BODY_MAX`] bytes; of a task its input.
    pub body: Vec<u8>,
    /// Bytes of the whole body. More than `body` has if that was cut.
    pub size: usize,
    /// Properties and headers of the message, exchange and routing key, as a JSON object.
    pub headers: String,
    /// Further facts as JSON: the error of a task, the problems of a refused submit, or the broker's account of a
    /// message that it gave up; `None` if there are none.
    pub evidence: Option<String>,
}

impl DeadLetter {
    /// Bytes that the letter takes in a database, about. Both databases compute the same.
    pub fn weight(&self) -> u64 {
        let texts = [&self.message, &self.headers].into_iter().chain(&self.evidence).map(String::len).sum::<usize>();
        (self.body.len() + texts) as u64 + DEAD_ROW_BYTES
    }
}

/// Bytes of a dead letter beside its body and its texts, about.
pub(crate) const DEAD_ROW_BYTES: u64 = 256;

/// Number and weight of the dead letters that are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadTotal {
    /// Number of letters.
    pub letters: u64,
    /// Sum of their weights, in bytes.
    pub bytes: u64,
}

/// A kept dead letter, by what its removal depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptDead {
    /// Number of the letter, by which it is discarded.
    pub no: i64,
    /// Time at which the letter was found.
    pub received_at: Timestamp,
    /// Weight of the letter, in bytes.
    pub bytes: u64,
}

/// Most bytes that are kept of a dead letter's body: enough to understand it, not enough to fill a disk.
pub const DEAD_BODY_MAX: usize = 1024 * 1024;

/// Text that an attempt wrote, as one report brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// The task or item.
    pub task: TaskNo,
    /// Number of the attempt.
    pub attempt: u32,
    /// Time at which it came.
    pub time: Timestamp,
    /// The text, as it was written: part of a line, or several.
    pub text: String,
}

/// A closed attempt whose worker was asked to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The task or item.
    pub task: TaskNo,
    /// Number of the attempt.
    pub attempt: u32,
    /// The worker.
    pub worker: Arc<str>,
    /// Time at which it was asked.
    pub at: Timestamp,
}

/// A worker that had the delivery of an attempt and never settled it: it died, or was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The task or item.
    pub task: TaskNo,
    /// Number of the attempt.
    pub attempt: u32,
    /// The worker.
    pub worker: Arc<str>,
    /// Deliveries of the task that were in vain by then, if the worker that got it next said so.
    pub deliveries: Option<u32>,
    /// Time at which it was found: another worker has the delivery.
    pub at: Timestamp,
}

/// Everything that one transaction writes. An empty field changes nothing.
#[derive(Debug, Default)]
pub struct Commit {
    /// Changes that the rules made.
    pub changes: Changes,
    /// Document and caption of each new job, in the order of `changes.new_jobs`.
    pub submitted: Vec<(JobNo, Submitted, Caption)>,
    /// Answers owed from now on.
    pub owed: Vec<OwedReply>,
    /// Numbers of answers that were given or given up.
    pub replied: Vec<i64>,
    /// Text of attempts, in order. Chunks beyond the limit of an attempt are left out.
    pub logs: Vec<LogChunk>,
    /// Workers that are asked to stop; a later one at the same attempt takes the place of the earlier.
    pub asked: Vec<Asked>,
    /// Attempts whose workers were asked to stop and did, with the time at which that was known. One that nobody was
    /// asked to stop is left out.
    pub stopped: Vec<(TaskNo, u32, Timestamp)>,
    /// Workers that never settled what they had. The same worker counts once for an attempt.
    pub deaths: Vec<Death>,
    /// Dead letters to be kept.
    pub dead: Vec<DeadLetter>,
    /// Numbers of dead letters that are not kept any longer.
    pub discarded: Vec<i64>,
    /// Changes of messages that go out later.
    pub delayed: DelayedChanges,
    /// Rows of the audit for the changes in this commit.
    pub audit: Vec<AuditRow>,
    /// Jobs that no longer hold their unique key, although they may run again.
    pub released: Vec<JobNo>,
    /// Queues by number, with true for paused and false for resumed.
    pub paused: Vec<(i64, bool)>,
    /// Changes of schedules and of their ticks.
    pub schedules: ScheduleChanges,
    /// Limits that were made over the API, by name, as JSON; `None` removes one.
    pub limits: Vec<(String, Option<String>)>,
    /// Keys of limits of which nothing needs to be kept.
    pub idle_keys: Vec<LimitKey>,
    /// Answers that are kept, given or kept no longer.
    pub kept: KeptChanges,
    /// Bulk operations that begin, go on or end.
    pub bulk: Vec<BulkChange>,
    /// Number below which every number of a job is taken; `None` leaves it as it is.
    pub jobs_below: Option<JobNo>,
    /// Number below which every number of a task or item is taken; `None` leaves it as it is.
    pub taken_below: Option<TaskNo>,
    /// Number below which every dispatch is published; `None` leaves it as it is. May go down.
    pub published_below: Option<DispatchNo>,
    /// Chunk of events up to which all are published; `None` leaves it as it is.
    pub events_published: Option<EventChunkNo>,
    /// Time of the wall clock at the commit; `None` leaves it as it is.
    pub seen_at: Option<Timestamp>,
    /// Trust in the wall clock; `None` leaves it as it is.
    pub trust: Option<ClockTrust>,
}

/// Trust in the wall clock, by which the age of what is kept is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTrust {
    /// Identity of the start of the machine on which `offset_ms` holds.
    pub boot: i64,
    /// Wall clock less the time since that start, in milliseconds, when this start was first seen.
    pub offset_ms: i64,
    /// Furthest that the wall clock was behind `offset_ms` since then, in milliseconds; 0 if it never was.
    pub behind_ms: i64,
}

impl Commit {
    /// Counters that the commit moves, by their keys in `meta`.
    pub(crate) fn counters(&self) -> impl Iterator<Item = (&'static str, i64)> {
        let last = |rows: &[Arc<TaskRow>]| rows.iter().filter_map(|row| row.dispatch_no).max();
        let dispatched = last(&self.changes.new_tasks).max(last(&self.changes.tasks)).map(|no| no + 1);
        let values = [
            ("next_dispatch", dispatched),
            ("next_job", self.jobs_below.map(|no| no.0)),
            ("next_task", self.taken_below.map(|no| no.0)),
            ("published_below", self.published_below.map(|no| no.0)),
            ("events_published", self.events_published.map(|chunk| chunk.0)),
            ("seen_at", self.seen_at.map(|time| time.0)),
            ("clock_boot", self.trust.map(|trust| trust.boot)),
            ("clock_offset", self.trust.map(|trust| trust.offset_ms)),
            ("clock_behind", self.trust.map(|trust| trust.behind_ms)),
        ];
        values.into_iter().filter_map(|(key, value)| Some((key, value?)))
    }

    /// True if nothing must be written now. Counters alone need no commit: they go with the next one.
    pub fn is_idle(&self) -> bool {
        self.changes.is_empty()
            && self.submitted.is_empty()
            && self.owed.is_empty()
            && self.replied.is_empty()
            && self.logs.is_empty()
            && self.asked.is_empty()
            && self.stopped.is_empty()
            && self.deaths.is_empty()
            && self.dead.is_empty()
            && self.discarded.is_empty()
            && self.delayed.is_empty()
            && self.audit.is_empty()
            && self.paused.is_empty()
            && self.schedules.is_empty()
            && self.limits.is_empty()
            && self.idle_keys.is_empty()
            && self.bulk.is_empty()
            && self.kept.is_empty()
    }
}

/// Counters and marks of a database, for a process that starts or lost its connection.
#[derive(Debug, Default)]
pub struct Boot {
    /// Identity of the database, made when it was created.
    pub database: String,
    /// Lowest free number of a job.
    pub next_job: JobNo,
    /// Lowest free number of a task or item.
    pub next_task: TaskNo,
    /// Lowest free number of a dispatch.
    pub next_dispatch: DispatchNo,
    /// Number below which every dispatch was published.
    pub published_below: DispatchNo,
    /// All queues, by number.
    pub queues: Vec<QueueRow>,
    /// Time of the wall clock at the last commit; `None` before the first.
    pub seen_at: Option<Timestamp>,
    /// Trust in the wall clock at the last commit that stored it.
    pub trust: Option<ClockTrust>,
}

/// A queue, from the first time that a job, a heartbeat or the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRow {
    /// Number of the queue in this database.
    pub no: i64,
    /// Name of the queue.
    pub name: QueueName,
    /// True while a person has it paused.
    pub paused: bool,
}

/// Needs of the driver from a database. There is one writer per database, and every call may block.
pub trait Store: Rows + Send {
    /// Reads the counters. After a transient error of whatever call, this is the one to make next: a database that was
    /// away is opened again by it alone, so that nobody goes on with what he read before.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    fn boot(&mut self) -> Result<Boot, StoreError>;

    /// Checks that the database is still there and ours. Called each second, so that one that went away while nothing
    /// was asked of it is noticed.
    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Jobs with these ids, as far as there are any. To a database that is asked over a wire this is one question.
    fn find_all(&mut self, ids: &[&JobId]) -> Result<Vec<(JobId, Found)>, StoreError> {
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.find(id)?.map(|found| ((*id).clone(), found)));
        }
        Ok(all)
    }

    /// Row of a queue. A queue without a number gets one, at once and not with the next commit.
    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError>;

    /// Candidates for dispatch in a queue: rank and task, best first, at most `most`.
    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError>;

    /// Numbers of the built-in tasks that wait for this event and key.
    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError>;

    /// Answers that are kept for tasks which begin to wait, by number.
    fn kept_answers(&mut self) -> Result<Vec<KeptAnswer>, StoreError>;

    /// Payload of a kept answer; `None` if there is none of this number.
    fn kept_payload(&mut self, no: i64) -> Result<Option<Json>, StoreError>;

    /// Numbers of the kept answers that a task was given.
    fn given_answers(&mut self, task: TaskNo) -> Result<Vec<i64>, StoreError>;

    /// Tasks whose time has come by `now`, earliest first, at most `most`.
    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError>;

    /// Jobs whose time has come by `now`, earliest first, at most `most`.
    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError>;

    /// Earliest time at which something is due; `None` if no row has a timer.
    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError>;

    /// All open attempts, in the order of their dispatch.
    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError>;

    /// All that is kept of limits, and how many tasks wait for each key.
    fn limits(&mut self) -> Result<KeptLimits, StoreError>;

    /// All workers that were asked to stop and are not known to have done so, by task and attempt.
    fn asked(&mut self) -> Result<Vec<Asked>, StoreError>;

    /// Workers that never settled an attempt of this task, in the order in which that was found.
    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError>;

    /// End of what the attempts of a task wrote, oldest chunk first: the last chunks, of at least so many bytes
    /// together if there are as many.
    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError>;

    /// Answers that are owed for these jobs, or under these numbers of refusals.
    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError>;

    /// Answers that can be given, by number and address: at most `most` of those above a number, lowest first.
    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError>;

    /// Answers with these numbers, as far as they are still owed.
    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError>;

    /// Number and weight of the dead letters that are kept. Looks at each of them, so it is slow where there are many.
    fn dead_total(&mut self) -> Result<DeadTotal, StoreError>;

    /// Dead letters that were kept first, at most `most`.
    fn oldest_dead(&mut self, most: usize) -> Result<Vec<KeptDead>, StoreError>;

    /// Dead letter with this number.
    fn dead_letter(&mut self, no: i64) -> Result<Option<DeadRow>, StoreError>;

    /// Number of the latest bulk operation, 0 before the first, and those that are not over, the oldest first.
    fn bulks(&mut self) -> Result<(i64, Vec<(i64, BulkRow)>), StoreError>;

    /// Members of a part of the set of a bulk operation; `None` if there is no such part.
    fn bulk_part(&mut self, no: i64, part: i64) -> Result<Option<Vec<i64>>, StoreError>;

    /// Reads schedules.
    fn schedules(&mut self, which: ScheduleQuery<'_>) -> Result<Vec<ScheduleRow>, StoreError>;

    /// Reads ticks, in the order of schedule, tick and run.
    fn ticks(&mut self, which: TickQuery) -> Result<Vec<TickRow>, StoreError>;

    /// Reads the highest number of a schedule, and when one is due next.
    fn schedules_total(&mut self) -> Result<SchedulesTotal, StoreError>;

    /// Makes all of the commit true, or nothing of it. Durable when it returns.
    ///
    /// # Errors
    /// [`StoreError`]; its blame tells whether to wait, to call a person, or to set an input aside. After a transient
    /// one nobody knows whether the commit was kept.
    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError>;

    /// Number of the latest chunk of events, kept or removed since, as of the latest `boot` or commit that succeeded.
    fn last_events(&self) -> EventChunkNo;

    /// Moves timers, after the wall clock was set by `by` milliseconds and now says `now`. Timers that count a span
    /// move along, those that name a time stay. Schedules that were ahead of it are to be looked at now.
    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError>;

    /// Removes some of the jobs that were final before a time, the longest over first, and their parts, in at most
    /// `most` steps. Gives the number of steps; 0 means that nothing is left to remove.
    ///
    /// A job of few tasks is one step, a large one takes several. A slice may end early so that nobody waits for it.
    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError>;

    /// Removes a final job with all that belongs to it, its dead letters too. False if there is no such job or it is
    /// not final. The tasks of a large one go with the next calls of [`Store::prune`].
    fn remove(&mut self, job: JobNo) -> Result<bool, StoreError>;

    /// Removes rows of the audit that were written before a time, and those beyond [`AUDIT_MAX`], at most `most`, the
    /// oldest first. Gives their number.
    fn prune_audit(&mut self, written_before: Timestamp, most: usize) -> Result<usize, StoreError>;
}
