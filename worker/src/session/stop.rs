//! Cancel and drain.

use std::sync::Arc;

use warrener_shared::wire::result::Report;

use super::entry::{EntryStage, Why};
use super::{Action, Session, Ticket};

impl<D> Session<D> {
    /// Stops what runs, drops what waits, and remembers the rest for deliveries still to come.
    pub(super) fn cancel(&mut self, tickets: Vec<String>) {
        for ticket in tickets {
            let ticket = Ticket::from(ticket);
            self.cancelled.insert(ticket.clone());
            match self.entries.get(&ticket).map(|entry| &entry.stage) {
                Some(EntryStage::Running(_)) => self.stop(&ticket, Why::Cancel),
                Some(_) => self.drop_entry(&ticket),
                None => {}
            }
        }
        self.drop_cancelled_surplus();
    }

    fn drop_cancelled_surplus(&mut self) {
        for lane in 0..self.surplus.len() {
            for surplus in std::mem::take(&mut self.surplus[lane]) {
                if self.cancelled.contains(&surplus.ticket) {
                    self.ack(surplus.held);
                } else {
                    self.surplus[lane].push_back(surplus);
                }
            }
        }
    }

    pub(super) fn drain(&mut self) {
        if self.draining {
            return;
        }
        self.draining = true;
        self.unbalanced = true;
        self.hand_back_surplus();
        if let Some(ticket) = self.alone.clone() {
            self.hand_back_alone(&ticket);
        }
    }

    fn hand_back_alone(&mut self, ticket: &Ticket) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        if matches!(entry.stage, EntryStage::Waiting(_) | EntryStage::Announcing(_)) {
            entry.stage =
                EntryStage::Reporting(Arc::new(Report::Released { code: None, deliveries: None, pause: None }));
            self.forget_alone(ticket);
            self.send(ticket);
        }
    }

    pub(super) fn grace_over(&mut self) {
        let running = |stage: &EntryStage| matches!(stage, EntryStage::Running(run) if run.stopping.is_none());
        let tickets: Vec<Ticket> =
            self.entries.iter().filter(|(_, entry)| running(&entry.stage)).map(|(t, _)| t.clone()).collect();
        for ticket in tickets {
            self.stop(&ticket, Why::Drain);
        }
    }

    fn stop(&mut self, ticket: &Ticket, why: Why) {
        let Some(entry) = self.entries.get_mut(ticket) else { return };
        let EntryStage::Running(run) = &mut entry.stage else { return };
        let first = run.stopping.replace(why).is_none();
        if first {
            self.actions.push(Action::Stop(ticket.clone()));
        }
    }
}
