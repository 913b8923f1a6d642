//! Events that the session hears, and actions that it asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;

/// The ticket of an attempt, shared cheaply.
pub type Ticket = Arc<str>;

/// Settings of a session, told once.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Attempts worked on at once; at least 1.
    pub slots: usize,
    /// Number of queues served, in order of preference; deliveries name them by position.
    pub lanes: usize,
    /// Kinds with a handler.
    pub kinds: BTreeSet<String>,
    /// An attempt that lasts longer is claimed.
    pub claim_after: Millis,
    /// Length of the lease that a claim asks for.
    pub lease: Millis,
    /// Name of our own results, to which reports go unless a task names another place.
    pub results: String,
}

/// Something that happened. `D` is a delivery, to be settled exactly once.
#[derive(Debug)]
pub enum Event<D> {
    /// A connection is there; nothing is consumed yet.
    Opened,
    /// The connection is gone, and with it every delivery and every unconfirmed report.
    Lost,
    /// A task arrived.
    Delivered(Offer<D>),
    /// A consumer gets nothing any more: the broker has ended it, or keeps messages from it.
    Silenced {
        /// Position of its queue.
        lane: usize,
        /// Number of the consumer.
        feed: u32,
    },
    /// An attempt that was started has ended.
    Ended {
        /// Ticket of the attempt.
        ticket: Ticket,
        /// Outcome of the attempt.
        ending: Ending,
    },
    /// The broker answered for a report.
    Answered {
        /// Ticket of the report.
        ticket: Ticket,
        /// The number that the report was published under.
        serial: u64,
        /// True if the broker has the report safely. False if its fate is unknown or it was refused.
        confirmed: bool,
    },
    /// The orchestrator wants these attempts stopped.
    Cancel(Vec<String>),
    /// Take no more.
    Drain,
    /// The time for what is held is over.
    GraceOver,
    /// Time passed.
    Tick,
}

/// A task message that arrived.
#[derive(Debug)]
pub struct Offer<D> {
    /// Position of its queue.
    pub lane: usize,
    /// The consumer that it came through.
    pub feed: u32,
    /// The task as its message describes it.
    pub assignment: Assignment,
    /// Number of earlier deliveries of the message, as far as is known.
    pub earlier: u32,
    /// Handle that settles the delivery.
    pub delivery: D,
}

/// Destination of the reports on an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To our own results.
    Results {
        /// Most reports that may share a message there.
        together: u32,
    },
    /// To somebody else's queue, as an RPC server would answer.
    Queue(Arc<str>),
}

impl Destination {
    /// Most reports that may share a message there: 1 for an RPC client, which reads one from each message.
    pub const fn together(&self) -> u32 {
        match self {
            Self::Results { together } => *together,
            Self::Queue(_) => 1,
        }
    }
}

/// Outcome of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a success or a failure.
    Reported(Report),
    /// The attempt was stopped before it came to an end.
    Interrupted,
    /// The attempt could not begin: this machine is short of descriptors, processes or memory.
    NoRoom {
        /// The thing that is short, in words for people.
        why: String,
    },
}

/// Work for the driver, to be done in this order.
#[derive(Debug, PartialEq)]
pub enum Action<D> {
    /// Begin an attempt, and say so by [`Event::Ended`] when it is over.
    Start {
        /// Ticket of the attempt.
        ticket: Ticket,
        /// The task as its message describes it.
        assignment: Assignment,
        /// Number of this delivery of the task, from 1; deliveries that ended with a crash of their worker count too.
        delivery: u32,
    },
    /// Stop an attempt: ask, wait, force.
    Stop(Ticket),
    /// Send a report and tell by [`Event::Answered`] what became of it.
    Publish {
        /// Ticket that the report is about.
        ticket: Ticket,
        /// Number of the report, repeated in the answer.
        serial: u64,
        /// Destination of the report.
        to: Destination,
        /// The report.
        report: Arc<Report>,
    },
    /// Begin to consume a queue; a queue that is not there yet is tried again and again.
    Consume {
        /// Position of the queue.
        lane: usize,
        /// Number of the new consumer, never used before.
        feed: u32,
        /// Most unsettled deliveries that the consumer may have.
        prefetch: u32,
    },
    /// End a consumer; what it has delivered stays valid. The next action waits for it.
    Cancel {
        /// Position of the queue.
        lane: usize,
        /// Number of the consumer.
        feed: u32,
    },
    /// Acknowledge a delivery.
    Ack(D),
    /// All is done: leave.
    Leave,
}
