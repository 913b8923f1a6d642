//! From the end of an attempt to the acknowledgement of its delivery.

use std::sync::Arc;

use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::Millis;
use warrener_shared::wire::result::Report;

use super::entry::{Claim, EntryStage, TicketEntry, Why};
use super::isolate::sign_of_life;
use super::{Action, Ending, Session, Ticket};

impl<D> Session<D> {
    pub(super) fn ended(&mut self, ticket: &Ticket, ending: Ending, now: Millis) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        let EntryStage::Running(run) = &entry.stage else { return };
        let dropped = run.stopping == Some(Why::Cancel);
        self.running -= 1;
        self.unbalanced |= entry.deliveries.is_empty();
        entry.stage = EntryStage::Reporting(Arc::new(match ending {
            Ending::Reported(report) => {
                self.rest.reset();
                report
            }
            Ending::Interrupted => Report::Released { code: None, deliveries: None, pause: None },
            Ending::NoRoom { .. } => {
                self.rest.begin(now);
                self.unbalanced = true;
                Report::Released { code: Some(NO_RESOURCES.to_owned()), deliveries: None, pause: None }
            }
        }));
        self.forget_alone(ticket);
        if dropped {
            self.drop_entry(ticket);
        } else {
            self.send(ticket);
        }
        if mutant::is(Mutant::AcksFirst) {
            let deliveries =
                self.entries.get_mut(ticket).map_or_else(Vec::new, |entry| std::mem::take(&mut entry.deliveries));
            self.ack_all(deliveries);
        }
    }

    pub(super) fn claim(&mut self, ticket: &Ticket) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        let EntryStage::Running(run) = &mut entry.stage else { return };
        run.claim = Claim::Asked;
        self.send(ticket);
    }

    /// Publishes what the ticket's stage has to say, if there is a connection.
    pub(super) fn send(&mut self, ticket: &Ticket) {
        if !self.connected {
            return;
        }
        let lease = self.rules.lease;
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        let report = match &entry.stage {
            EntryStage::Reporting(report) => report.clone(),
            EntryStage::Announcing(_) => sign_of_life(),
            EntryStage::Running(_) => Arc::new(Report::Claimed { lease }),
            EntryStage::Waiting(_) => return,
        };
        self.last_serial += 1;
        entry.sent = self.last_serial;
        let (serial, to) = (entry.sent, entry.to.clone());
        self.actions.push(Action::Publish { ticket: ticket.clone(), serial, to, report });
    }

    /// Sends again what was refused or never left.
    pub(super) fn send_unsent(&mut self) {
        let unsent = |entry: &TicketEntry<D>| {
            entry.sent == 0 && matches!(entry.stage, EntryStage::Reporting(_) | EntryStage::Announcing(_))
        };
        let tickets: Vec<Ticket> =
            self.entries.iter().filter(|(_, entry)| unsent(entry)).map(|(ticket, _)| ticket.clone()).collect();
        for ticket in tickets {
            self.send(&ticket);
        }
    }

    pub(super) fn answered(&mut self, ticket: Ticket, serial: u64, confirmed: bool, now: Millis) {
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        if entry.sent != serial {
            return;
        }
        entry.sent = 0;
        match &mut entry.stage {
            EntryStage::Running(run) if !confirmed => run.claim = Claim::None,
            EntryStage::Running(_) => self.claimed(&ticket),
            EntryStage::Announcing(_) if confirmed => self.announced(&ticket, now),
            EntryStage::Reporting(_) if confirmed => self.reported(ticket),
            _ => {}
        }
    }

    /// The lease stands. Its consumers end before the acknowledgement could fill the place with another task.
    fn claimed(&mut self, ticket: &Ticket) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        if let EntryStage::Running(run) = &mut entry.stage {
            run.claim = Claim::Held;
        }
        self.unbalanced = true;
        for held in std::mem::take(&mut entry.deliveries) {
            self.lanes.cut(held.lane, held.feed, &mut self.actions);
            self.lanes.settled(held.lane, held.feed);
            self.late_acks.push(held.delivery);
        }
    }

    fn reported(&mut self, ticket: Ticket) {
        let Some(entry) = self.entries.remove(&ticket) else { return };
        self.unbalanced |= entry.deliveries.is_empty();
        self.ack_all(entry.deliveries);
        if let EntryStage::Reporting(report) = entry.stage {
            self.recent.insert(ticket, report);
        }
    }

    /// Settles the deliveries of a ticket that nobody waits for any more.
    pub(super) fn drop_entry(&mut self, ticket: &Ticket) {
        let Some(entry) = self.entries.remove(ticket) else { return };
        self.unbalanced |= entry.deliveries.is_empty();
        self.forget_alone(ticket);
        self.ack_all(entry.deliveries);
    }
}

/// Tells whether a report says how the work ended, and not only that the task goes back.
pub(super) const fn is_result(report: &Report) -> bool {
    matches!(report, Report::Succeeded { .. } | Report::Failed { .. })
}

/// Code of a release: this machine has no room for another program.
const NO_RESOURCES: &str = "no_resources";
