//! Effects: work to be done in the world once the changes are committed.

use std::sync::Arc;

use warrener_shared::id::{JobNo, TaskNo, Ticket};
use warrener_shared::time::Millis;
use warrener_shared::wire::Parcel;
use warrener_shared::wire::dispatch::Dispatch;

use crate::event::SendAttempt;

/// An act outside the database. Every one is safe to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Publish the attempt to its queue.
    Publish {
        /// Position in the order of all dispatches.
        dispatch_no: i64,
        /// Content of the message.
        dispatch: Box<Dispatch>,
    },
    /// Publish the message that a built-in task sends, and say what became of it.
    Send(SendAttempt, Box<Parcel>),
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
        /// True if a worker finished the attempt, which says how fast the queue is.
        finished: bool,
    },
    /// An attempt is open: watch it.
    Opened {
        /// The attempt.
        ticket: Ticket,
        /// Number of the queue.
        queue: i64,
        /// Position in the order of all dispatches.
        dispatch_no: i64,
        /// Longest silence of its worker; `None` if the task does not limit it.
        silence: Option<Millis>,
    },
    /// A report changed nothing: its attempt was closed, or never existed.
    Ignored(Ticket),
}
