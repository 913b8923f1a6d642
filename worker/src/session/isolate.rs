//! Work on a task that may kill its worker: alone, after a confirmed sign of life.
//!
//! Neighbours would be accused with it, so what is prefetched is handed back and nothing is taken meanwhile.
//! Attempts that already run are waited for, unless they are claimed: their deliveries are settled, so the
//! broker accuses nobody of them, and the wait lasts no longer than `claim_after`.

use std::sync::Arc;

use warrener_shared::time::Millis;
use warrener_shared::wire::result::{Progress, Report};

use super::entry::{EntryStage, TicketEntry};
use super::offer::Surplus;
use super::{Session, Ticket};

impl<D> Session<D> {
    pub(super) fn isolate(&mut self, surplus: Surplus<D>) {
        let to = self.destination(&surplus.job.assignment);
        let stage = EntryStage::Waiting(surplus.job);
        let entry = TicketEntry { deliveries: vec![surplus.held], to, sent: 0, stage };
        self.entries.insert(surplus.ticket.clone(), entry);
        self.alone = Some(surplus.ticket);
        self.unbalanced = true;
        self.hand_back_surplus();
    }

    /// Announces the lone attempt as soon as no neighbour could be accused.
    pub(super) fn advance_alone(&mut self) {
        let Some(ticket) = self.alone.clone() else { return };
        let accusable = self.entries.values().any(|e| matches!(e.stage, EntryStage::Running(_)) && !e.is_claimed());
        if accusable || self.running >= self.rules.slots {
            return;
        }
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        let stage = std::mem::replace(&mut entry.stage, EntryStage::Reporting(sign_of_life()));
        entry.stage = match stage {
            EntryStage::Waiting(job) => EntryStage::Announcing(job),
            other => {
                entry.stage = other;
                return;
            }
        };
        self.send(&ticket);
    }

    /// The sign of life is safe: begin.
    pub(super) fn announced(&mut self, ticket: &Ticket, now: Millis) {
        let Some(entry) = self.entries.remove(ticket) else { return };
        if let EntryStage::Announcing(job) = entry.stage {
            self.start(ticket.clone(), job, entry.deliveries, entry.to, now);
        }
    }

    /// Drops or hands back a lone ticket that has not begun.
    pub(super) fn forget_alone(&mut self, ticket: &Ticket) {
        if self.alone.as_ref() == Some(ticket) {
            self.alone = None;
            self.unbalanced = true;
        }
    }
}

pub(super) fn sign_of_life() -> Arc<Report> {
    Arc::new(Report::Progress(Progress::default()))
}
