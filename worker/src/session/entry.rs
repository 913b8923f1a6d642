//! The session's record of a ticket.

use std::sync::Arc;

use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;

use super::Destination;

/// The session's record of a ticket that it holds.
#[derive(Debug)]
pub(super) struct TicketEntry<D> {
    /// Unsettled deliveries of the ticket; more than one if the orchestrator published it twice.
    pub(super) deliveries: Vec<Held<D>>,
    /// Destination of the reports.
    pub(super) to: Destination,
    /// Number of the report that waits for the broker's answer; 0 if none does.
    pub(super) sent: u64,
    pub(super) stage: EntryStage,
}

/// A delivery and the consumer whose credit it uses.
#[derive(Debug)]
pub(super) struct Held<D> {
    pub(super) lane: usize,
    pub(super) feed: u32,
    pub(super) delivery: D,
}

#[derive(Debug)]
pub(super) enum EntryStage {
    /// To be worked on alone: waits for its neighbours.
    Waiting(NewAttempt),
    /// To be worked on alone: its sign of life is on the way.
    Announcing(NewAttempt),
    /// A slot works on it.
    Running(Run),
    /// The report is on the way, or kept for the next connection.
    Reporting(Arc<Report>),
}

/// An attempt that has not begun.
#[derive(Debug)]
pub(super) struct NewAttempt {
    pub(super) assignment: Assignment,
    pub(super) delivery: u32,
}

/// An attempt that has begun.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) since: Millis,
    pub(super) heartbeat: Option<Millis>,
    pub(super) claim: Claim,
    pub(super) stopping: Option<Why>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    None,
    Asked,
    Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Cancel,
    Drain,
}

impl<D> TicketEntry<D> {
    pub(super) const fn is_claimed(&self) -> bool {
        matches!(self.stage, EntryStage::Running(Run { claim: Claim::Held, .. }))
    }

    /// A result that no delivery would bring back: it takes up room for one, so that the number of kept
    /// results is bounded by the slots.
    pub(super) fn is_orphan(&self) -> bool {
        matches!(self.stage, EntryStage::Reporting(_)) && self.deliveries.is_empty()
    }
}
