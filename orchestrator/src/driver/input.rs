//! What reaches the driver, and the answers it gives.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use warrener_engine::event::{DeathReason, Reported, Started};
use warrener_shared::id::{JobId, JobNo, QueueName, TaskAddress, Ticket};
use warrener_shared::job::{JobSpec, Problem};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::Message;
use warrener_shared::wire::submit::{EventBody, ReplyAddress, ReplyMode};

use crate::filter::fits::{Candidate, Tasks};
use crate::store::view::filter::Filter;
use crate::store::{DeadLetter, EventChunkNo, Submitted};

/// Inputs that came together. Nothing of a packet counts as handled before it is committed.
#[derive(Debug)]
pub struct Packet {
    /// What came.
    pub inputs: Vec<Input>,
    /// Told once all of it is committed; dropped untold if it cannot be.
    pub done: Option<oneshot::Sender<()>>,
}

impl From<Input> for Packet {
    fn from(input: Input) -> Self {
        Self { inputs: vec![input], done: None }
    }
}

/// One thing for the driver to take into account.
#[derive(Debug)]
pub enum Input {
    /// A sound job.
    Submit(Box<Submission>),
    /// A report of a worker.
    Report(Reported),
    /// A worker was heard of, with the tickets that it works on; perhaps none.
    Heartbeat(Heard),
    /// How many messages were ready in a queue, and the highest dispatch that had been confirmed before asking.
    Depth(Depth),
    /// Every report that the broker had confirmed by a moment has been handed over before this input.
    ResultsRead {
        /// That moment, on the monotonic clock of the driver. No time limit is judged later than this: a report that
        /// was confirmed within its limit may wait to be read.
        upto: Duration,
    },
    /// The broker has these dispatches.
    Published(Vec<i64>),
    /// These dispatches may not have reached the broker.
    Unpublished(Vec<i64>),
    /// These answers reached the broker.
    Replied(Vec<i64>),
    /// These answers did not.
    NotReplied(Vec<i64>),
    /// This answer can never be sent as it is.
    Unanswerable(i64),
    /// A submit is refused, and somebody is to be told.
    Refuse(Refused),
    /// The message of a dead letter reached the broker again.
    Replayed(i64),
    /// Events up to this chunk reached the broker, or nobody listened.
    EventsPublished(EventChunkNo),
    /// Something that a person must look at.
    Dead(DeadLetter),
    /// The broker gave up on the message of an attempt: why, and what to keep of it.
    DeadTask(Ticket, DeathReason, Box<DeadLetter>),
    /// The message of an attempt found no queue; it is to be published again.
    Unrouted(Ticket),
    /// The queue at the broker of somebody else was found, or is missing.
    LaneFound(i64, bool),
    /// The queue at the broker was made anew; what it held is gone.
    LaneLost(i64),
    /// The queue of reports was gone; what it held was not read.
    ReportsLost,
    /// A worker asked for a queue that is new.
    Queue(QueueName),
    /// An answer to all built-in tasks that wait for this event.
    Event(EventBody, Asker),
    /// A request of a person.
    Command(Command, Asker),
    /// The session with the broker ended: nothing can be published for now.
    Disconnected,
    /// A session with the broker began; open attempts may have to be published, leases start anew.
    Connected {
        /// Whether the broker lost what it had.
        wiped: bool,
    },
}

/// A job to be kept.
#[derive(Debug)]
pub struct Submission {
    /// What it is.
    pub spec: Arc<JobSpec>,
    /// As it came.
    pub submitted: Submitted,
    /// Where answers go, if anybody wants one.
    pub reply: Option<ReplyTo>,
    /// Asker, who is told what became of it.
    pub asker: Asker,
}

/// Somebody who wants something of the driver.
#[derive(Debug, Default)]
pub struct Asker {
    /// Told what became of it.
    pub answer: Option<oneshot::Sender<Answer>>,
    /// In whose name; `None` for what came over the broker.
    pub by: Option<Arc<Requester>>,
}

impl From<oneshot::Sender<Answer>> for Asker {
    fn from(answer: oneshot::Sender<Answer>) -> Self {
        Self { answer: Some(answer), by: None }
    }
}

/// Somebody who changes something over HTTP.
#[derive(Clone, Debug)]
pub struct Requester {
    /// Name in the audit.
    pub who: Arc<str>,
    /// The address that it came from, if it came over HTTP.
    pub from: Option<String>,
    /// The jobs that exist for it; `None` for all.
    pub only: Option<Arc<Filter>>,
}

impl Requester {
    /// Tells whether this job exists for it. One that does must have `tasks` of its tasks where its filter wants them.
    pub(crate) fn sees(&self, job: Candidate<'_>, tasks: Tasks, now: Timestamp) -> bool {
        self.only.as_ref().is_none_or(|only| only.fits(job, tasks, now))
    }
}

/// Where the answers to a submit go.
#[derive(Clone, Debug)]
pub struct ReplyTo {
    /// A queue, and what is echoed.
    pub to: ReplyAddress,
    /// Which answers.
    pub mode: ReplyMode,
}

/// Whom to tell why a submit is refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// A queue, and what is echoed.
    pub to: ReplyAddress,
    /// The reason: problem+json.
    pub body: Vec<u8>,
}

/// A heartbeat, reduced to what the driver needs.
#[derive(Debug)]
pub struct Heard {
    /// The worker.
    pub worker: Arc<str>,
    /// What it works on.
    pub tickets: Vec<Ticket>,
}

/// The answer to a passive declare.
#[derive(Clone, Copy, Debug)]
pub struct Depth {
    /// The queue.
    pub queue: i64,
    /// Messages ready in it.
    pub ready: u32,
    /// The highest dispatch that was confirmed before it was asked.
    pub upto: i64,
}

/// A request of a person.
#[derive(Clone, Debug)]
pub enum Command {
    /// Stop the job.
    Cancel(JobId),
    /// Hold the job, or let it go on.
    Pause(JobId, bool),
    /// Try a final job again.
    Retry(JobId),
    /// Try a final task or item again, and what is downstream of it.
    RetryTask(JobId, TaskAddress),
    /// Leave an open task or item out.
    Skip(JobId, TaskAddress),
    /// Remove the final job and all that belongs to it.
    Delete(JobId),
    /// Have the worker take no more and leave.
    Drain(Arc<str>),
    /// Forget a dead letter.
    Discard(i64),
    /// Publish the message of a dead letter again, and forget it once the broker has it.
    Replay(i64, Box<Parcel>),
    /// Hold the queue, or let it go on.
    PauseQueue(QueueName, bool),
}

/// A message with where it goes.
#[derive(Clone, Debug)]
pub struct Parcel {
    /// The exchange; empty for the default exchange.
    pub exchange: String,
    /// The routing key.
    pub key: String,
    /// The message.
    pub message: Message,
}

/// What became of an input that somebody waits for.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The job is kept.
    Kept {
        /// Its id.
        id: JobId,
        /// Its number.
        no: JobNo,
        /// Whether it was there already.
        existing: bool,
    },
    /// The job is not kept.
    Refused(Vec<Problem>),
    /// So many tasks waited for it and have it now.
    Answered(usize),
    /// It is done.
    Done,
    /// There is no such thing.
    NotFound,
    /// It cannot be done in the state that things are in.
    Conflict(String),
}

/// For a worker that is seen at an attempt.
pub(super) fn started(ticket: Ticket, worker: Option<Arc<str>>) -> warrener_engine::Event {
    warrener_engine::Event::Started(Started { ticket, worker })
}

/// What the driver asks the world to do, after a commit.
#[derive(Debug)]
pub enum Output {
    /// Publish these attempts.
    Publish(Vec<Outgoing>),
    /// Publish these answers, and say of each when it is confirmed.
    Reply(Vec<Reply>),
    /// Tell workers to stop these attempts.
    Stop(Vec<(Ticket, Option<Arc<str>>)>),
    /// Tell a worker to take no more and leave.
    Drain(Arc<str>),
    /// Publish the message of a dead letter, and say when it is confirmed.
    Replay(i64, Box<Parcel>),
    /// A queue is new and must be declared.
    Declare(i64, QueueName),
}

/// An answer on its way out.
#[derive(Debug)]
pub struct Reply {
    /// Its number, for [`Input::Replied`].
    pub no: i64,
    /// Where it goes, through the default exchange.
    pub reply_to: String,
    /// The answer.
    pub message: Message,
}

/// An attempt on its way out.
#[derive(Debug)]
pub struct Outgoing {
    /// Its place in the order of all dispatches.
    pub dispatch_no: i64,
    /// Its queue.
    pub queue: i64,
    /// Its name.
    pub name: QueueName,
    /// The message.
    pub message: Box<Message>,
}
