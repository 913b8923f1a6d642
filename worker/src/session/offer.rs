//! The judgement on a delivery: started, kept waiting, handed back or answered again.

use std::sync::Arc;

use warrener_shared::error::code;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;

use super::entry::{Claim, EntryStage, Held, NewAttempt, Run, TicketEntry};
use super::{Action, Destination, Offer, Session, Ticket};

/// A delivery that waits for a slot.
#[derive(Debug)]
pub(super) struct Surplus<D> {
    pub(super) ticket: Ticket,
    pub(super) job: NewAttempt,
    pub(super) held: Held<D>,
}

impl<D> Session<D> {
    /// Judges a delivery in the order in which the answers matter.
    pub(super) fn delivered(&mut self, offer: Offer<D>) {
        let Offer { lane, feed, assignment, earlier, delivery } = offer;
        self.lanes.took(lane, feed);
        let begun = assignment.deliveries.unwrap_or(0).saturating_add(earlier);
        let ticket = Ticket::from(assignment.ticket.as_str());
        let alone = assignment.deliveries.is_some();
        let job = NewAttempt { assignment, delivery: begun.saturating_add(1) };
        let Some(surplus) = self.attach(Surplus { ticket, job, held: Held { lane, feed, delivery } }) else { return };
        if earlier >= if alone { 1 } else { CRASHES } && !mutant::is(Mutant::NoCrashCount) {
            self.hand_back(surplus, Some(code::SUSPECT), Some(begun));
        } else if !self.rules.kinds.contains(&surplus.job.assignment.kind) {
            self.hand_back(surplus, Some(code::UNKNOWN_KIND), None);
        } else if self.is_closed() {
            self.hand_back(surplus, None, None);
        } else if alone {
            self.isolate(surplus);
        } else {
            self.surplus[lane].push_back(surplus);
        }
    }

    /// Starts what waits, queues in order of preference, while slots are free.
    pub(super) fn fill(&mut self, now: Millis) {
        while self.alone.is_none()
            && !self.rest.is_on()
            && self.running < self.rules.slots + usize::from(mutant::is(Mutant::Overbooks))
        {
            let Some(next) = self.surplus.iter_mut().find_map(|lane| lane.pop_front()) else { return };
            if let Some(next) = self.attach(next) {
                let to = self.destination(&next.job.assignment);
                let deliveries = vec![next.held];
                self.start(next.ticket, next.job, deliveries, to, now);
            }
        }
    }

    /// Adds a delivery to what is known of its ticket. Gives it back if nothing is.
    fn attach(&mut self, surplus: Surplus<D>) -> Option<Surplus<D>> {
        if self.cancelled.contains(&surplus.ticket) && !mutant::is(Mutant::BeginsCancelled) {
            self.ack(surplus.held);
            return None;
        }
        if mutant::is(Mutant::BeginsTwice) {
            return Some(surplus);
        }
        if let Some(entry) = self.entries.get_mut(&surplus.ticket) {
            self.unbalanced |= entry.is_orphan();
            if entry.is_claimed() {
                self.ack(surplus.held);
            } else {
                entry.deliveries.push(surplus.held);
            }
            return None;
        }
        let Some(report) = self.recent.get(&surplus.ticket) else { return Some(surplus) };
        let to = self.destination(&surplus.job.assignment);
        self.report_unheld(surplus.ticket, report, vec![surplus.held], to);
        None
    }

    pub(super) fn start(
        &mut self,
        ticket: Ticket,
        job: NewAttempt,
        deliveries: Vec<Held<D>>,
        to: Destination,
        now: Millis,
    ) {
        self.running += 1;
        let heartbeat = job.assignment.heartbeat;
        let stage = EntryStage::Running(Run { since: now, heartbeat, claim: Claim::None, stopping: None });
        self.entries.insert(ticket.clone(), TicketEntry { deliveries, to, sent: 0, stage });
        self.actions.push(Action::Start { ticket, assignment: job.assignment, delivery: job.delivery });
    }

    /// Returns a delivery unstarted: the attempt is released, which costs nothing.
    pub(super) fn hand_back(&mut self, surplus: Surplus<D>, code: Option<&str>, deliveries: Option<u32>) {
        // Whoever died of it before is not forgotten because this worker has no use for it.
        let before = surplus.job.delivery - 1;
        let deliveries = deliveries.or_else(|| (before > 0).then_some(before));
        let report = Report::Released { code: code.map(str::to_owned), deliveries, pause: None };
        let to = self.destination(&surplus.job.assignment);
        self.report_unheld(surplus.ticket, Arc::new(report), vec![surplus.held], to);
    }

    pub(super) fn hand_back_surplus(&mut self) {
        let all: Vec<_> = self.surplus.iter_mut().flat_map(|lane| lane.drain(..)).collect();
        for surplus in all {
            if let Some(surplus) = self.attach(surplus) {
                self.hand_back(surplus, None, None);
            }
        }
    }

    fn report_unheld(&mut self, ticket: Ticket, report: Arc<Report>, deliveries: Vec<Held<D>>, to: Destination) {
        let stage = EntryStage::Reporting(report);
        self.entries.insert(ticket.clone(), TicketEntry { deliveries, to, sent: 0, stage });
        self.send(&ticket);
    }

    /// Destination that a task wants for its reports.
    pub(super) fn destination(&self, assignment: &Assignment) -> Destination {
        if assignment.reply_to == self.rules.results {
            Destination::Results { together: assignment.max_reports }
        } else {
            Destination::Queue(Arc::from(assignment.reply_to.as_str()))
        }
    }
}

/// A delivery that was handed out this often before may be what killed those workers.
const CRASHES: u32 = 2;
