//! Memory of attempts that the worker no longer holds.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use warrener_shared::wire::result::Report;

use super::Ticket;

/// Reports of the latest attempts: a ticket that is delivered once more gets the same answer again.
#[derive(Debug, Default)]
pub(super) struct Recent {
    reports: HashMap<Ticket, Arc<Report>>,
    order: VecDeque<Ticket>,
    bytes: usize,
}

impl Recent {
    pub(super) fn get(&self, ticket: &str) -> Option<Arc<Report>> {
        self.reports.get(ticket).cloned()
    }

    pub(super) fn insert(&mut self, ticket: Ticket, report: Arc<Report>) {
        self.bytes += size(&report);
        if let Some(old) = self.reports.insert(ticket.clone(), report) {
            self.bytes -= size(&old);
        } else {
            self.order.push_back(ticket);
        }
        while self.order.len() > RECENT || self.bytes > RECENT_BYTES {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= self.reports.remove(&oldest).map_or(0, |report| size(&report));
        }
    }
}

/// Tickets that were cancelled: a delivery that comes after its cancel is dropped.
#[derive(Debug, Default)]
pub(super) struct Cancelled {
    tickets: HashSet<Ticket>,
    order: VecDeque<Ticket>,
}

impl Cancelled {
    pub(super) fn contains(&self, ticket: &str) -> bool {
        self.tickets.contains(ticket)
    }

    pub(super) fn insert(&mut self, ticket: Ticket) {
        if self.tickets.insert(ticket.clone()) {
            self.order.push_back(ticket);
        }
        if self.order.len() > CANCELLED
            && let Some(oldest) = self.order.pop_front()
        {
            self.tickets.remove(&oldest);
        }
    }
}

fn size(report: &Report) -> usize {
    match report {
        Report::Succeeded { output } => output.len(),
        Report::Failed { error, .. } => error.message.len() + error.details.as_ref().map_or(0, |d| d.get().len()),
        _ => 0,
    }
}

/// Redeliveries follow a lost connection within seconds; a worker at full speed ends this many in 100 ms,
/// and a ticket that was forgotten is worked on again, which at-least-once allows.
const RECENT: usize = 1024;
/// Room for a few of the largest outputs.
const RECENT_BYTES: usize = 8 * 1024 * 1024;
/// A broadcast cancel names tickets of other workers too; 10,000 is a whole dispatch window and about 1 MB.
const CANCELLED: usize = 10_000;
