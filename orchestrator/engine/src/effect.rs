//! What is to be done in the world once the changes are committed.

use std::sync::Arc;

use warrener_shared::id::{JobNo, TaskNo, Ticket};
use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Dispatch;

/// An act outside the database. Every one is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Publish the attempt to its queue.
    Publish {
        /// Its place in the order of all dispatches.
        dispatch_no: i64,
        /// What the message says.
        dispatch: Box<Dispatch>,
    },
    /// Tell whoever works on the attempt to stop.
    Stop {
        /// The attempt.
        ticket: Ticket,
        /// The worker, if it is known.
        worker: Option<Arc<str>>,
    },
    /// Answer those who wait for the end of the job.
    Reply(JobNo),
    /// Keep the task where a person finds it: it is out of attempts.
    DeadLetter(TaskNo),
    /// An attempt is no longer open: stop watching it.
    Closed {
        /// The attempt.
        ticket: Ticket,
        /// The queue that has room again.
        queue: i64,
        /// Whether a worker finished it, which says how fast the queue is.
        finished: bool,
    },
    /// An attempt is open: watch it.
    Opened {
        /// The attempt.
        ticket: Ticket,
        /// Its queue.
        queue: i64,
        /// Its place in the order of all dispatches.
        dispatch_no: i64,
        /// How long its worker may be silent, if the task says so.
        silence: Option<Millis>,
    },
    /// A report changed nothing: its attempt was closed, or never existed.
    Ignored(Ticket),
}
