//! What the session hears and what it answers.

use std::collections::BTreeSet;
use std::sync::Arc;

use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;

/// The ticket of an attempt, shared cheaply.
pub type Ticket = Arc<str>;

/// What a session is told once.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Attempts worked on at once; at least 1.
    pub slots: usize,
    /// How many queues are served, in order of preference; deliveries name them by position.
    pub lanes: usize,
    /// Kinds with a handler.
    pub kinds: BTreeSet<String>,
    /// An attempt that lasts longer is claimed.
    pub claim_after: Millis,
    /// Length of the lease that a claim asks for.
    pub lease: Millis,
    /// Where reports go unless a task names another place.
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
        /// Which.
        ticket: Ticket,
        /// How.
        ending: Ending,
    },
    /// The broker answered for a report.
    Answered {
        /// Whose report.
        ticket: Ticket,
        /// The number that the report was published under.
        serial: u64,
        /// Whether it is safe with the broker; otherwise its fate is unknown or it was refused.
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
    /// What it says.
    pub assignment: Assignment,
    /// How often the broker handed it out before, as far as is known.
    pub earlier: u32,
    /// What settles it.
    pub delivery: D,
}

/// Where the reports on an attempt go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To our own results.
    Results {
        /// How many reports may share a message there.
        together: u32,
    },
    /// To somebody else's queue, as an RPC server would answer.
    Queue(Arc<str>),
}

impl Destination {
    /// How many reports may share a message there; an RPC client reads one from each.
    pub const fn together(&self) -> u32 {
        match self {
            Self::Results { together } => *together,
            Self::Queue(_) => 1,
        }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a success or a failure.
    Reported(Report),
    /// It was stopped before it came to an end.
    Interrupted,
    /// It could not begin: this machine is short of descriptors, processes or memory.
    NoRoom {
        /// What it is short of, in words for people.
        why: String,
    },
}

/// What the driver has to do, in this order.
#[derive(Debug, PartialEq)]
pub enum Action<D> {
    /// Begin an attempt, and say so by [`Event::Ended`] when it is over.
    Start {
        /// Its ticket.
        ticket: Ticket,
        /// What to do.
        assignment: Assignment,
        /// The how-manieth delivery of the task this is, from 1, crashes of earlier attempts included.
        delivery: u32,
    },
    /// Stop an attempt: ask, wait, force.
    Stop(Ticket),
    /// Send a report and tell by [`Event::Answered`] what became of it.
    Publish {
        /// Whose report.
        ticket: Ticket,
        /// To be repeated in the answer.
        serial: u64,
        /// Where it goes.
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
        /// How many unsettled deliveries it may have.
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
