//! The worker's rules, free of IO, clocks and tasks: events in, actions out.
//!
//! A delivery waits as *surplus* until a slot is free, is worked on, reported, and acknowledged once the
//! report is confirmed. A report that is not confirmed is kept and sent again, on the next connection if need
//! be; the ticket decides whether it still counts. Every ticket is held at most once: whatever is delivered
//! again attaches to what is there.

mod entry;
mod event;
mod isolate;
mod lanes;
mod memory;
mod offer;
mod report;
mod rest;
mod stop;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use warrener_shared::time::Millis;

use self::entry::{Claim, EntryStage, Held, Run, TicketEntry};
pub use self::event::{Action, Destination, Ending, Event, Offer, Rules, Ticket};
use self::lanes::Lanes;
use self::memory::{Cancelled, Recent};
use self::offer::Surplus;
use self::rest::Rest;

/// Everything that one worker process holds.
#[derive(Debug)]
pub struct Session<D> {
    rules: Rules,
    entries: BTreeMap<Ticket, TicketEntry<D>>,
    /// Deliveries without a slot, per queue.
    surplus: Vec<VecDeque<Surplus<D>>>,
    lanes: Lanes,
    /// The ticket that is worked on alone.
    alone: Option<Ticket>,
    /// Slots in use.
    running: usize,
    /// Deliveries that each queue may have outstanding, as of the last balance.
    capacity: usize,
    unbalanced: bool,
    connected: bool,
    draining: bool,
    left: bool,
    rest: Rest,
    recent: Recent,
    cancelled: Cancelled,
    last_serial: u64,
    actions: Vec<Action<D>>,
    /// Acknowledgements that make room which must be taken away first.
    late_acks: Vec<D>,
}

impl<D> Session<D> {
    /// A session that holds nothing and is not connected.
    pub fn new(rules: Rules) -> Self {
        Self {
            entries: BTreeMap::new(),
            surplus: (0..rules.lanes).map(|_| VecDeque::new()).collect(),
            lanes: Lanes::new(rules.lanes, rules.slots),
            alone: None,
            running: 0,
            capacity: 0,
            unbalanced: false,
            connected: false,
            draining: false,
            left: false,
            rest: Rest::default(),
            recent: Recent::default(),
            cancelled: Cancelled::default(),
            last_serial: 0,
            actions: Vec::new(),
            late_acks: Vec::new(),
            rules,
        }
    }

    /// Takes in what happened; `now` is any clock that never goes back.
    pub fn handle(&mut self, event: Event<D>, now: Millis) {
        match event {
            Event::Opened => self.opened(),
            Event::Lost => self.lost(),
            Event::Delivered(offer) => self.delivered(offer),
            Event::Silenced { lane, feed } => self.silenced(lane, feed),
            Event::Ended { ticket, ending } => self.ended(&ticket, ending, now),
            Event::Answered { ticket, serial, confirmed } => self.answered(ticket, serial, confirmed, now),
            Event::Cancel(tickets) => self.cancel(tickets),
            Event::Drain => self.drain(),
            Event::GraceOver => self.grace_over(),
            Event::Tick => self.tick(now),
        }
    }

    /// Takes all that is to be done after the events since the last call, in order.
    pub fn take_actions(&mut self, now: Millis) -> Vec<Action<D>> {
        self.fill(now);
        self.advance_alone();
        if self.unbalanced {
            self.balance();
        }
        self.actions.extend(self.late_acks.drain(..).map(Action::Ack));
        if self.draining && self.entries.is_empty() && !self.left {
            self.left = true;
            self.actions.push(Action::Leave);
        }
        std::mem::take(&mut self.actions)
    }

    /// The tickets that a heartbeat names: what is worked on, until it has really stopped, and results on their way.
    pub fn tickets(&self) -> Vec<String> {
        let named = self.entries.iter().filter(|(_, entry)| match &entry.stage {
            EntryStage::Running(_) => true,
            EntryStage::Reporting(report) => report::is_result(report),
            EntryStage::Waiting(_) | EntryStage::Announcing(_) => false,
        });
        named.map(|(ticket, _)| ticket.to_string()).collect()
    }

    /// The shortest silence that a running attempt allows; `None` if none asks for one.
    pub fn patience(&self) -> Option<Millis> {
        let runs = self.entries.values().filter_map(|entry| match &entry.stage {
            EntryStage::Running(run) => run.heartbeat,
            _ => None,
        });
        runs.min()
    }

    /// Tells whether the session has stopped taking deliveries for good.
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    fn opened(&mut self) {
        self.connected = true;
        self.unbalanced = true;
        self.send_unsent();
    }

    /// Deliveries die with their connection, attempts don't: they go on, and meet their ticket again.
    fn lost(&mut self) {
        self.connected = false;
        self.unbalanced = true;
        self.lanes.clear();
        self.surplus.iter_mut().for_each(VecDeque::clear);
        self.entries.retain(|_, entry| {
            let comes_again = !entry.deliveries.is_empty();
            entry.deliveries.clear();
            entry.sent = 0;
            match &mut entry.stage {
                EntryStage::Waiting(_) => false,
                EntryStage::Reporting(report) => report::is_result(report) || !comes_again,
                EntryStage::Running(run) if run.claim == Claim::Asked => {
                    run.claim = Claim::None;
                    true
                }
                _ => true,
            }
        });
        self.alone = self.alone.take().filter(|ticket| self.entries.contains_key(ticket));
    }

    /// The queues that have room for more, with the consumers that should bring it.
    pub fn hungry(&self) -> Vec<(usize, u32)> {
        if self.is_closed() || !self.connected { Vec::new() } else { self.lanes.hungry() }
    }

    /// Cuts off a consumer that brings nothing, so that another takes its place. Deliveries that it made stay valid.
    fn silenced(&mut self, lane: usize, feed: u32) {
        self.lanes.cut(lane, feed, &mut self.actions);
        self.unbalanced = true;
    }

    fn tick(&mut self, now: Millis) {
        self.unbalanced |= self.rest.is_over(now);
        if !self.connected {
            return;
        }
        self.claim_due(now);
        self.send_unsent();
        self.unbalanced |= self.lanes.are_off(self.capacity);
    }

    fn claim_due(&mut self, now: Millis) {
        let due = |entry: &TicketEntry<D>| match &entry.stage {
            EntryStage::Running(Run { since, claim: Claim::None, stopping: None, .. }) => {
                !entry.deliveries.is_empty() && now.0 >= since.0 + self.rules.claim_after.0
            }
            _ => false,
        };
        let tickets: Vec<Ticket> =
            self.entries.iter().filter(|(_, entry)| due(entry)).map(|(ticket, _)| ticket.clone()).collect();
        for ticket in tickets {
            self.claim(&ticket);
        }
    }

    /// Tells whether no delivery is taken at present.
    const fn is_closed(&self) -> bool {
        self.draining || self.alone.is_some() || self.capacity == 0 || self.rest.is_on()
    }

    fn balance(&mut self) {
        self.unbalanced = false;
        self.capacity = self.room();
        if self.capacity == 0 {
            self.hand_back_surplus();
        }
        if self.connected {
            let open = if self.alone.is_some() { 0 } else { self.capacity };
            self.lanes.balance(open, &mut self.actions);
        }
    }

    /// Deliveries that each queue may have outstanding.
    fn room(&self) -> usize {
        if self.draining || self.rest.is_on() {
            return 0;
        }
        let taken = self.entries.values().filter(|entry| entry.is_claimed() || entry.is_orphan()).count();
        self.rules.slots.saturating_sub(taken)
    }

    fn ack(&mut self, held: Held<D>) {
        self.lanes.settled(held.lane, held.feed);
        self.actions.push(Action::Ack(held.delivery));
    }

    fn ack_all(&mut self, deliveries: Vec<Held<D>>) {
        for held in deliveries {
            self.ack(held);
        }
    }
}
