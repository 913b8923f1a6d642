//! Inputs of the driver, the answers to them, and its outputs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use warrener_engine::event::{DeathReason, Reported, SendAttempt, SendOutcome, Started};
use warrener_engine::limit::{KeySettings, LimitKey};
use warrener_engine::schedule::Backfill;
use warrener_shared::id::{JobId, JobNo, LimitName, QueueName, ScheduleName, TaskAddress, Ticket};
use warrener_shared::job::{JobSpec, Problem};
use warrener_shared::schedule::ScheduleSpec;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::submit::{EventBody, ReplyAddress, ReplyMode};
use warrener_shared::wire::{Message, Parcel};

use crate::filter::fits::{Candidate, Tasks};
use crate::limits::LimitDefinition;
use crate::store::view::filter::Filter;
use crate::store::{BulkRow, DeadLetter, DelayedChanges, EventChunkNo, Submitted};

/// Inputs that came together. None of a packet counts as handled before all of it is committed.
#[derive(Debug)]
pub struct Packet {
    /// Inputs, in order.
    pub inputs: Vec<Input>,
    /// Told once all inputs are committed; dropped untold if they cannot be. `None` if nobody waits.
    pub done: Option<oneshot::Sender<()>>,
}

impl From<Input> for Packet {
    fn from(input: Input) -> Self {
        Self { inputs: vec![input], done: None }
    }
}

/// Input of the driver: a message, a notice of the broker side, or a request.
#[derive(Debug)]
pub enum Input {
    /// A sound job was submitted.
    Submit(Box<Submission>),
    /// A worker reported on an attempt.
    Report(Reported),
    /// A worker was heard of, with the tickets that it works on, perhaps none.
    Heartbeat(Heard),
    /// Number of messages that were ready in a queue, and the highest dispatch that had been confirmed before asking.
    Depth(Depth),
    /// Mark: every report that the broker had confirmed by a moment has been handed over before this input.
    ResultsRead {
        /// Time of that moment, on the monotonic clock of the driver. No time limit is judged later than this: a report
        /// that was confirmed within its limit may wait to be read.
        upto: Duration,
    },
    /// Numbers of dispatches that the broker has.
    Published(Vec<i64>),
    /// Numbers of dispatches that may not have reached the broker.
    Unpublished(Vec<i64>),
    /// Messages that tasks send, and what became of each.
    Sent(Vec<(SendAttempt, SendOutcome)>),
    /// Numbers of answers that reached the broker.
    Replied(Vec<i64>),
    /// Numbers of answers that may not have reached the broker.
    NotReplied(Vec<i64>),
    /// Number of an answer that can never be sent as it is, such as one with too long an address.
    Unanswerable(i64),
    /// A submit is refused before it reaches the driver, and its sender is to be told.
    Refuse(Refused),
    /// Number of a dead letter whose message reached the broker again.
    Replayed(i64),
    /// Number of a dead letter whose message did not, and the reason.
    NotReplayed(i64, &'static str),
    /// Events up to this chunk reached the broker, or nobody listens to them.
    EventsPublished(EventChunkNo),
    /// A message that nobody can process, and a person must look at.
    Dead(DeadLetter),
    /// Messages that go out later: kept from now on, put off, or gone; with the offset of the wall clock by which
    /// their times were found.
    Delayed(DelayedChanges, i64),
    /// The broker gave up on the message of an attempt, with the reason and the letter to be kept of it.
    DeadTask(Ticket, DeathReason, Box<DeadLetter>),
    /// The message of an attempt found no queue; it is to be published again.
    Unrouted(Ticket),
    /// Number of a queue of somebody else, and whether it is there at the broker.
    LaneFound(i64, bool),
    /// Number of a queue that was made anew at the broker; its messages are gone.
    LaneLost(i64),
    /// The queue of reports was gone; its messages were not read.
    ReportsLost,
    /// A worker serves this queue, which may be new.
    Queue(QueueName),
    /// An answer to all built-in tasks that wait for this event.
    Event(EventBody, Asker),
    /// A request of a person.
    Command(Command, Asker),
    /// A request about a schedule.
    Schedule(Box<ScheduleCommand>, Asker),
    /// The same by a message, with the address of the answer that it was carried out; `None` if nobody wants any.
    ScheduleMessage(Box<ScheduleCommand>, Asker, Option<ReplyAddress>),
    /// The session with the broker ended: nothing can be published for now.
    Disconnected,
    /// A session with the broker began; open attempts may have to be published, leases start anew.
    Connected {
        /// True if the broker lost its data, or never had any of this prefix.
        wiped: bool,
    },
}

/// A job to be kept, and who wants that.
#[derive(Debug)]
pub struct Submission {
    /// The job, parsed and sound.
    pub spec: Arc<JobSpec>,
    /// The job as it came, byte by byte.
    pub submitted: Submitted,
    /// Address of the answers; `None` if nobody wants any.
    pub reply: Option<ReplyTo>,
    /// Asker, who is told the verdict once it is committed.
    pub asker: Asker,
}

/// Asker of the driver, who may wait for the answer.
#[derive(Debug, Default)]
pub struct Asker {
    /// Channel for the answer; `None` if nobody waits. Dropped untold if the batch fails.
    pub answer: Option<oneshot::Sender<Answer>>,
    /// Requester in whose name it is done; `None` for what came over the broker.
    pub by: Option<Arc<Requester>>,
}

impl From<oneshot::Sender<Answer>> for Asker {
    fn from(answer: oneshot::Sender<Answer>) -> Self {
        Self { answer: Some(answer), by: None }
    }
}

/// Requester of a change, with a name for the audit.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Name in the audit.
    pub who: Arc<str>,
    /// Address that the request came from; `None` if it did not come over HTTP.
    pub from: Option<String>,
    /// Filter of the jobs that exist for the requester; `None` for all jobs.
    pub only: Option<Arc<Filter>>,
}

impl Requester {
    /// Tells whether this job exists for the requester. It must have `tasks` of its tasks where the filter wants them.
    pub(crate) fn sees(&self, job: Candidate<'_>, tasks: Tasks, now: Timestamp) -> bool {
        self.only.as_ref().is_none_or(|only| only.fits(job, tasks, now))
    }
}

/// Destination of the answers to a submit.
#[derive(Clone, Debug)]
pub struct ReplyTo {
    /// A queue, and the correlation id that is echoed.
    pub to: ReplyAddress,
    /// Answers that are wanted: when accepted, when finished, or both.
    pub mode: ReplyMode,
}

/// Destination and reason of a refusal.
#[derive(Clone, Debug)]
pub struct Refused {
    /// A queue, and the correlation id that is echoed.
    pub to: ReplyAddress,
    /// Reason, as problem+json.
    pub body: Vec<u8>,
}

/// A heartbeat, reduced to what the driver needs.
#[derive(Debug)]
pub struct Heard {
    /// Id of the worker.
    pub worker: Arc<str>,
    /// Tickets of all attempts that the worker has at this moment.
    pub tickets: Vec<Ticket>,
}

/// The broker's answer to a passive declare of a task queue.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// Number of the queue.
    pub queue: i64,
    /// Messages ready in it.
    pub ready: u32,
    /// The highest dispatch that had been confirmed when the queue was asked.
    pub upto: i64,
}

/// A request of a person about a job, a task, a queue, a worker or a dead letter.
#[derive(Clone, Debug)]
pub enum Command {
    /// Cancel the job.
    Cancel(JobId),
    /// Pause the job if true, else resume it.
    Pause(JobId, bool),
    /// Reopen a job that ended without success.
    Retry(JobId),
    /// Try a final task or item again, and reset everything downstream of it.
    RetryTask(JobId, TaskAddress),
    /// Skip an open task or item.
    Skip(JobId, TaskAddress),
    /// Remove a final job and all that belongs to it.
    Delete(JobId),
    /// Have the worker with this id take no more and leave.
    Drain(Arc<str>),
    /// Forget the dead letter with this number.
    Discard(i64),
    /// Publish the message of a dead letter again, and forget the letter once the broker has it.
    Replay(i64, Box<Parcel>),
    /// Forget the delayed message with this number.
    CancelDelayed(i64),
    /// Pause the queue if true, else resume it.
    PauseQueue(QueueName, bool),
    /// Keep the limit under this name.
    PutLimit(LimitName, Box<LimitDefinition>),
    /// Remove the limit.
    RemoveLimit(LimitName),
    /// Give a key of a limit these settings, and pause it until a time.
    SetKey(LimitKey, KeySettings, Option<Timestamp>),
    /// Begin a bulk operation on the members with these numbers.
    Bulk(Box<BulkRow>, Arc<[i64]>),
    /// Stop the bulk operation with this number.
    StopBulk(i64),
}

/// A request about a schedule.
#[derive(Clone, Debug)]
pub enum ScheduleCommand {
    /// Make it what this document says, or make it.
    Apply {
        /// The document, parsed.
        spec: Arc<ScheduleSpec>,
        /// The document as it came.
        body: Arc<[u8]>,
        /// Demand on the schedule as it is.
        precondition: Precondition,
    },
    /// Pause it if true, else resume it.
    Pause(ScheduleName, bool, Precondition),
    /// Start a job of it now.
    Trigger(ScheduleName),
    /// Start ticks of the past that were not started.
    Backfill(ScheduleName, Backfill),
    /// Remove it with its ticks. Its jobs stay.
    Delete(ScheduleName, Precondition),
}

/// Demand on a schedule as it is, without which a request is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// None.
    None,
    /// No schedule of this name.
    New,
    /// A schedule of this name, whatever it says.
    Exists,
    /// A schedule of this name whose document has this revision.
    Revision(i64),
}

impl ScheduleCommand {
    /// Name of the schedule.
    pub fn name(&self) -> &ScheduleName {
        match self {
            Self::Apply { spec, .. } => &spec.name,
            Self::Pause(name, ..) | Self::Trigger(name) | Self::Backfill(name, _) | Self::Delete(name, _) => name,
        }
    }

    /// Demand on the schedule.
    pub(super) const fn precondition(&self) -> Precondition {
        match self {
            Self::Apply { precondition, .. } | Self::Pause(_, _, precondition) | Self::Delete(_, precondition) => {
                *precondition
            }
            Self::Trigger(_) | Self::Backfill(..) => Precondition::None,
        }
    }
}

/// Answer to an input that somebody waits for, told after the commit.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The job is kept.
    Kept {
        /// Id of the job, chosen by the client or drawn.
        id: JobId,
        /// Number of the job.
        no: JobNo,
        /// True if the job was there already; nothing was added then.
        existing: bool,
    },
    /// The job is not kept, for these reasons.
    Refused(Vec<Problem>),
    /// Number of tasks that waited for the event and have it now; never 0.
    Answered(usize),
    /// The bulk operation has begun, under this number.
    Begun(i64),
    /// The request was carried out.
    Done,
    /// The job, task, queue or event of the request does not exist, or not for the requester.
    NotFound,
    /// The schedule is kept.
    Applied {
        /// True if there was none of its name.
        is_new: bool,
    },
    /// The schedule is not as the request demands, which the text tells.
    Stale(String),
    /// The request cannot be carried out in the present state, which the text tells.
    Conflict(String),
}

/// Event for an attempt that started; `worker` is `None` if only its message was seen to have left the queue.
pub(super) fn started(ticket: Ticket, worker: Option<Arc<str>>) -> warrener_engine::Event {
    warrener_engine::Event::Started(Started { ticket, worker })
}

/// Request of the driver to the broker side, made only after the commit that makes it true.
#[derive(Debug)]
pub enum Output {
    /// Publish these attempts, and say of each whether the broker has it.
    Publish(Vec<Outgoing>),
    /// Publish these messages of tasks, and say what became of each.
    Send(Vec<(SendAttempt, Box<Parcel>)>),
    /// Publish these answers, and say of each whether the broker has it.
    Reply(Vec<Reply>),
    /// Tell workers to stop these attempts; all workers where none is named.
    Stop(Vec<(Ticket, Option<Arc<str>>)>),
    /// Tell a worker to take no more and leave.
    Drain(Arc<str>),
    /// Publish the message of a dead letter, and say whether the broker has it.
    Replay(i64, Box<Parcel>),
    /// Declare a queue that is new, by its number and name.
    Declare(i64, QueueName),
}

/// An answer on its way out.
#[derive(Debug)]
pub struct Reply {
    /// Number of the answer, which [`Input::Replied`] gives back.
    pub no: i64,
    /// Queue that the answer goes to, through the default exchange.
    pub reply_to: String,
    /// Message of the answer.
    pub message: Message,
}

/// An attempt on its way out.
#[derive(Debug)]
pub struct Outgoing {
    /// Place in the order of all dispatches, which [`Input::Published`] gives back.
    pub dispatch_no: i64,
    /// Number of the queue.
    pub queue: i64,
    /// Name of the queue.
    pub name: QueueName,
    /// Task message, without `reply_to`, which the broker side fills in.
    pub message: Box<Message>,
}
