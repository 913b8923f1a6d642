//! The store of jobs: one trait in the words of the domain, and its drivers.
//!
//! The database is the only truth. A commit is atomic and durable when it returns; what it makes true may then
//! be acted on. Readers of the API use their own connections and never wait for the writer.

mod address;
pub(crate) mod columns;
mod error;
pub mod memory;
pub mod postgres;
mod rows;
pub(crate) mod sql;
pub mod sqlite;
#[cfg(test)]
pub(crate) mod tests;
mod url;
pub mod view;

use std::borrow::Cow;
use std::sync::Arc;

use warrener_engine::row::TaskRow;
use warrener_engine::slice::Changes;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::job::{JobSpec, Shape, Unique};
use warrener_shared::time::Timestamp;

pub use self::address::{DatabaseAddress, InvalidAddress, address};
pub use self::error::{Blame, StoreError};
pub use self::rows::{Item, Rows};

/// A submitted document as it came, with the message properties that shape the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The document.
    pub body: Arc<[u8]>,
    /// The AMQP priority.
    pub priority: Option<u8>,
    /// The W3C trace context.
    pub traceparent: Option<Arc<str>>,
    /// SHA-256 of the canonical content, if the client chose the id.
    pub digest: Option<Digest>,
}

/// SHA-256 of the canonical content of a job.
pub type Digest = [u8; 32];

/// Number of the events of one job that were committed together; rises with each commit. 0 stands before all of them.
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
    /// Of its content, if its client chose the id.
    pub digest: Option<Digest>,
}

/// Facts of a job that lists show without reading its document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// Name of the job.
    pub name: Option<String>,
    /// The kind of a job of one task.
    pub kind: Option<String>,
    /// Labels of the job as a JSON object.
    pub labels: String,
    /// Number of its tasks.
    pub tasks: u32,
    /// The key that it holds.
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

/// An answer that is owed to a submitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwedReply {
    /// Number of the reply; 0 until it is kept.
    pub no: i64,
    /// The job. A refusal has none: a negative number by which it is found after the commit.
    pub job: JobNo,
    /// Queue that it goes to, through the default exchange.
    pub reply_to: String,
    /// Echoed.
    pub correlation_id: Option<String>,
    /// True for the answer when the job is kept, false for the one when it is final.
    pub accepted: bool,
    /// Time at which it was asked for.
    pub owed_at: Timestamp,
    /// The body of a refusal.
    pub refusal: Option<Arc<[u8]>>,
}

/// Something that a person must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// `submit`, `task`, `result` or `unrouted`.
    pub from: &'static str,
    /// A stable word for programs.
    pub code: String,
    /// Description for people, in a sentence.
    pub message: String,
    /// The id of the job, if known.
    pub job: Option<String>,
    /// The task's address, if known.
    pub task: Option<String>,
    /// Time at which it was found.
    pub received_at: Timestamp,
    /// The bytes, at most [`DEAD_BODY_MAX`] of them.
    pub body: Vec<u8>,
    /// Number of bytes of the whole body.
    pub size: usize,
    /// Properties and headers as a JSON object.
    pub headers: String,
    /// Other facts, as JSON.
    pub evidence: Option<String>,
}

impl DeadLetter {
    /// Bytes that it takes in a database, about.
    pub fn weight(&self) -> u64 {
        let texts = [&self.message, &self.headers].into_iter().chain(&self.evidence).map(String::len).sum::<usize>();
        (self.body.len() + texts) as u64 + DEAD_ROW_BYTES
    }
}

/// Bytes of a dead letter beside its body and its texts, about.
pub(crate) const DEAD_ROW_BYTES: u64 = 256;

/// How much is kept of dead letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeadTotal {
    /// Number of letters.
    pub letters: u64,
    /// Their weights together, in bytes.
    pub bytes: u64,
}

/// A kept dead letter by what its removal depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptDead {
    /// Its number.
    pub no: i64,
    /// When it was found.
    pub received_at: Timestamp,
    /// Its weight in bytes.
    pub bytes: u64,
}

/// Somebody changed something, or tried to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Time of the change.
    pub time: Timestamp,
    /// A token's name, or in other words who it was.
    pub who: Arc<str>,
    /// The address that it came from, if it came over HTTP.
    pub from: Option<String>,
    /// Verb, such as `job.cancel`.
    pub verb: Cow<'static, str>,
    /// Target of the change.
    pub target: String,
    /// `done`, or `refused` where the state of things did not allow it.
    pub outcome: Cow<'static, str>,
    /// Reason of the refusal.
    pub reason: Option<String>,
}

/// Rows of the audit that are kept; beyond them the oldest go before their time.
pub const AUDIT_MAX: i64 = 1_000_000;

/// Bytes of a dead letter that are kept; enough to understand it, not enough to fill a disk.
pub const DEAD_BODY_MAX: usize = 1024 * 1024;

/// Something that an attempt wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChunk {
    /// The task or item.
    pub task: TaskNo,
    /// Number of the attempt.
    pub attempt: u32,
    /// Time at which it came.
    pub time: Timestamp,
    /// As it was written.
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
    /// Number of deliveries of the task that were in vain by then, if the worker that got it next said so.
    pub deliveries: Option<u32>,
    /// Time at which it was found: another worker has the delivery.
    pub at: Timestamp,
}

/// The first of them that have so many bytes together.
fn last_of(newest_first: impl Iterator<Item = LogChunk>, bytes: usize) -> Vec<LogChunk> {
    let mut total = 0;
    let wanted = |chunk: &LogChunk| {
        let is_wanted = total < bytes;
        total += chunk.text.len();
        is_wanted
    };
    newest_first.take_while(wanted).collect()
}

/// Changes of a transaction.
#[derive(Debug, Default)]
pub struct Commit {
    /// Changes that the rules made.
    pub changes: Changes,
    /// For each new job, what was submitted; in the order of `changes.new_jobs`.
    pub submitted: Vec<(JobNo, Submitted, Caption)>,
    /// Answers owed from now on.
    pub owed: Vec<OwedReply>,
    /// Answers given.
    pub replied: Vec<i64>,
    /// Log text of attempts.
    pub logs: Vec<LogChunk>,
    /// Workers that are asked to stop; a later one at the same attempt takes the place of the earlier.
    pub asked: Vec<Asked>,
    /// Attempts whose workers were asked to stop and did, and when that was known. One that nobody was asked to stop
    /// is left out.
    pub stopped: Vec<(TaskNo, u32, Timestamp)>,
    /// Workers that never settled what they had; each once for an attempt.
    pub deaths: Vec<Death>,
    /// Dead letters.
    pub dead: Vec<DeadLetter>,
    /// Dead letters that are not kept any longer.
    pub discarded: Vec<i64>,
    /// Rows of the audit for it.
    pub audit: Vec<AuditRow>,
    /// Jobs that no longer hold their unique key.
    pub released: Vec<JobNo>,
    /// Queues that were paused or resumed.
    pub paused: Vec<(i64, bool)>,
    /// Every number of a job below this one is taken.
    pub jobs_below: Option<JobNo>,
    /// Every number of a task or item below this one is taken.
    pub taken_below: Option<TaskNo>,
    /// Every dispatch below this number is published.
    pub published_below: Option<DispatchNo>,
    /// Every chunk of events up to this number is published.
    pub events_published: Option<EventChunkNo>,
    /// What the wall clock says.
    pub seen_at: Option<Timestamp>,
    /// Trust in the wall clock.
    pub trust: Option<ClockTrust>,
}

/// Trust in the wall clock for the age of what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockTrust {
    /// Identity of the start of the machine on which `offset_ms` holds.
    pub boot: i64,
    /// Wall clock less the time since that start, in milliseconds, when this start was first seen.
    pub offset_ms: i64,
    /// Furthest that the wall clock was behind this since then, in milliseconds.
    pub behind_ms: i64,
}

impl Commit {
    /// The counters that it moves, by their keys.
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

    /// Tells whether there is nothing that must be written now.
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
            && self.audit.is_empty()
            && self.paused.is_empty()
    }
}

/// Counters, and work that was not finished when the last process stopped.
#[derive(Debug, Default)]
pub struct Boot {
    /// Identity of the database, made when it was created.
    pub database: String,
    /// The next number of a job.
    pub next_job: JobNo,
    /// The next number of a task or item.
    pub next_task: TaskNo,
    /// The next number of a dispatch.
    pub next_dispatch: DispatchNo,
    /// Every dispatch below this number was published.
    pub published_below: DispatchNo,
    /// The queues.
    pub queues: Vec<QueueRow>,
    /// Time of the wall clock at the last commit; `None` before the first.
    pub seen_at: Option<Timestamp>,
    /// Trust in the wall clock at the last commit that stored it.
    pub trust: Option<ClockTrust>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueRow {
    /// Number of the queue in this database.
    pub no: i64,
    /// Name of the queue.
    pub name: QueueName,
    /// True while a person has it paused.
    pub paused: bool,
}

/// Needs of the writer from a database. One writer per database; every call may block.
pub trait Store: Rows + Send {
    /// Reads the counters. After a transient error of whatever call, this is the one to make next: a database that was
    /// away is opened again by it alone, so that nobody goes on with what he read before.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    fn boot(&mut self) -> Result<Boot, StoreError>;

    /// Checks that the database is still there and ours, for one that may be away while nothing is asked of it.
    fn probe(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    /// The jobs with these ids, as far as there are. To a database that is asked over a wire this is one question.
    fn find_all(&mut self, ids: &[&JobId]) -> Result<Vec<(JobId, Found)>, StoreError> {
        let mut all = Vec::new();
        for id in ids {
            all.extend(self.find(id)?.map(|found| ((*id).clone(), found)));
        }
        Ok(all)
    }

    /// The number of a queue; it gets one if it has none.
    fn queue(&mut self, name: &QueueName) -> Result<QueueRow, StoreError>;

    /// Candidates for dispatch in a queue: rank and task, best first, at most `most`.
    fn ready(&mut self, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError>;

    /// Built-in tasks that wait for this event and key.
    fn waiting_for(&mut self, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError>;

    /// Tasks whose time has come, earliest first.
    fn due_tasks(&mut self, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError>;

    /// Jobs whose time has come, earliest first.
    fn due_jobs(&mut self, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError>;

    /// The next time that something is due.
    fn next_due(&mut self) -> Result<Option<Timestamp>, StoreError>;

    /// All open attempts, in the order of their dispatch.
    fn open_attempts(&mut self) -> Result<Vec<TaskRow>, StoreError>;

    /// All workers that were asked to stop and are not known to have done so, by task and attempt.
    fn asked(&mut self) -> Result<Vec<Asked>, StoreError>;

    /// The workers that never settled an attempt of this task, in the order in which that was found.
    fn deaths(&mut self, task: TaskNo) -> Result<Vec<Death>, StoreError>;

    /// The end of what the attempts of a task wrote: the last chunks, of at least so many bytes together if there are.
    fn last_logs(&mut self, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError>;

    /// Answers that are owed for these jobs.
    fn owed_replies(&mut self, jobs: &[JobNo]) -> Result<Vec<OwedReply>, StoreError>;

    /// Answers that can be given, by number and where they go: at most `most` of those above a number, lowest first.
    fn due_replies(&mut self, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError>;

    /// The answers of these numbers, as far as they are still owed.
    fn replies(&mut self, numbers: &[i64]) -> Result<Vec<OwedReply>, StoreError>;

    /// How much is kept of dead letters. It looks at each of them.
    fn dead_total(&mut self) -> Result<DeadTotal, StoreError>;

    /// The dead letters that were kept first, at most so many.
    fn oldest_dead(&mut self, most: usize) -> Result<Vec<KeptDead>, StoreError>;

    /// Makes all of it true, or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; its blame tells whether to wait, to call a person, or to set an input aside.
    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError>;

    /// Number of the latest chunk of events, kept or removed since, as of the latest `boot` or commit that succeeded.
    fn last_events(&self) -> EventChunkNo;

    /// The wall clock was set by so many milliseconds and now says this: timers that count a span move along, those
    /// that name a time stay.
    fn shift(&mut self, by: i64, now: Timestamp) -> Result<(), StoreError>;

    /// Removes some of the jobs that were final before a time, the longest over first, and of what they consist, in at
    /// most `most` steps; gives how many there were. A job of few tasks is one step, a large one takes several; 0 means
    /// that nothing is left to remove. It may stop early so that nobody waits for it.
    fn prune(&mut self, finished_before: Timestamp, most: usize) -> Result<usize, StoreError>;

    /// Removes a final job with all that belongs to it, its dead letters too; of a large one the tasks go with the next
    /// calls of [`Store::prune`]. False if there is no such job or it is not final.
    fn remove(&mut self, job: JobNo) -> Result<bool, StoreError>;

    /// Removes rows of the audit that were written before a time, and those beyond [`AUDIT_MAX`]: at most `most`, the
    /// oldest first; gives how many there were.
    fn prune_audit(&mut self, written_before: Timestamp, most: usize) -> Result<usize, StoreError>;
}
