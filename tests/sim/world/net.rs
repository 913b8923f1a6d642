//! The network: frames of a connection arrive in order, late, or never.

use std::collections::{BTreeMap, VecDeque};

use warrener_shared::wire::Message;

use super::{Happening, World};
use crate::broker::{Conn, ConsumerNo, Delivery, Routed};
use crate::plan::Fault;

/// What a client asks of the broker without waiting.
#[derive(Debug)]
pub(super) enum Up {
    Publish {
        exchange: String,
        key: String,
        message: Box<Message>,
        /// Repeated in the confirm; `None` wants none.
        confirm: Option<Confirm>,
    },
    Ack(u64),
    Reject(u64),
}

/// Whose publish it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Confirm {
    Task(i64),
    Reply(i64),
    Refusal(u64),
    Report(warrener_worker::session::Ticket, u64),
    Submit(usize),
}

/// What comes back.
#[derive(Debug)]
pub(super) enum Down {
    Deliver(Box<Delivery>),
    Confirmed(Confirm, bool),
}

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Party {
    Orchestrator,
    Worker(usize),
    Client,
}

#[derive(Debug)]
struct Wire {
    party: Party,
    up: VecDeque<Up>,
    down: VecDeque<Down>,
    /// Publishes whose confirm was lost.
    late: VecDeque<Confirm>,
    up_at: u64,
    down_at: u64,
    /// The client is stopped or gone: frames wait.
    frozen: bool,
    /// The broker has closed it.
    closed: bool,
    /// Publishes that wait for an answer.
    unconfirmed: u64,
}

/// All connections that a client still believes in.
#[derive(Debug, Default)]
pub(super) struct Net {
    wires: BTreeMap<Conn, Wire>,
    /// The broker is down.
    pub(super) broker_down: bool,
    /// The broker is stopped: no frame arrives anywhere.
    pub(super) broker_frozen: bool,
}

impl Net {
    pub(super) fn is_quiet(&self) -> bool {
        self.wires.values().all(|wire| wire.up.is_empty() && wire.down.is_empty() && wire.unconfirmed == 0)
    }

    pub(super) fn freeze(&mut self, conn: Conn) {
        if let Some(wire) = self.wires.get_mut(&conn) {
            wire.frozen = true;
        }
    }

    /// Whether questions over a connection are still answered.
    pub(super) fn is_open(&self, conn: Conn) -> bool {
        self.wires.get(&conn).is_some_and(|wire| !wire.closed)
    }

    /// Frames on their way to the broker, and to the client.
    pub(super) fn waiting(&self, conn: Conn) -> (usize, usize) {
        self.wires.get(&conn).map_or((0, 0), |wire| (wire.up.len(), wire.down.len()))
    }

    pub(super) fn conns(&self) -> Vec<Conn> {
        self.wires.keys().copied().collect()
    }
}

impl World {
    /// A new connection, if the broker is there.
    pub(super) fn connect(&mut self, party: Party) -> Option<Conn> {
        if self.net.broker_down || self.net.broker_frozen {
            return None;
        }
        let conn = self.broker.connect();
        let wire = Wire {
            party,
            up: VecDeque::new(),
            down: VecDeque::new(),
            late: VecDeque::new(),
            up_at: self.now,
            down_at: self.now,
            frozen: false,
            closed: false,
            unconfirmed: 0,
        };
        self.net.wires.insert(conn, wire);
        Some(conn)
    }

    pub(super) fn send(&mut self, conn: Conn, what: Up) {
        let way = self.dice.below(self.plan.latency_ms + 1);
        let Some(wire) = self.net.wires.get_mut(&conn).filter(|wire| !wire.closed) else { return };
        if matches!(what, Up::Publish { confirm: Some(_), .. }) {
            wire.unconfirmed += 1;
        }
        wire.up.push_back(what);
        wire.up_at = wire.up_at.max(self.now + way);
        let delay = wire.up_at - self.now;
        self.at(delay, Happening::AtBroker(conn));
    }

    pub(super) fn at_broker(&mut self, conn: Conn) {
        if self.net.broker_frozen {
            return;
        }
        let Some(wire) = self.net.wires.get_mut(&conn).filter(|wire| !wire.closed) else { return };
        if let Some(what) = wire.up.pop_front() {
            self.carry_out(conn, what);
            self.deliver();
        }
    }

    /// Before the answer to a question, everything that was sent before it has arrived.
    pub(super) fn flush(&mut self, conn: Conn) {
        while let Some(what) =
            self.net.wires.get_mut(&conn).filter(|wire| !wire.closed).and_then(|wire| wire.up.pop_front())
        {
            self.carry_out(conn, what);
        }
    }

    fn carry_out(&mut self, conn: Conn, what: Up) {
        match what {
            Up::Ack(tag) => {
                if !self.broker.ack(conn, tag) {
                    self.broker_drops(conn);
                }
            }
            Up::Reject(tag) => {
                if !self.broker.reject(conn, tag) {
                    self.broker_drops(conn);
                }
            }
            Up::Publish { exchange, key, message, confirm } => {
                if confirm.is_some() && self.frame_fault(Fault::PublishRefused) {
                    return self.answer(conn, confirm, false);
                }
                let routed = self.broker.publish(&exchange, &key, *message);
                if routed == Routed::NoExchange {
                    return self.broker_drops(conn);
                }
                if confirm.is_some() && self.frame_fault(Fault::ConfirmLost) {
                    return self.answer_late(conn, confirm);
                }
                self.answer(conn, confirm, true);
            }
        }
    }

    fn frame_fault(&mut self, fault: Fault) -> bool {
        let hit = self.plan.faults.has(fault) && self.dice.below(1000) < self.plan.faults.rate;
        if hit {
            self.struck(fault);
        }
        hit
    }

    pub(super) fn loses_control(&mut self) -> bool {
        self.frame_fault(Fault::ControlLost)
    }

    pub(super) fn reports_twice(&mut self) -> bool {
        self.frame_fault(Fault::ReportTwice)
    }

    fn answer(&mut self, conn: Conn, confirm: Option<Confirm>, yes: bool) {
        if let Some(confirm) = confirm {
            self.send_down(conn, Down::Confirmed(confirm, yes));
        }
    }

    /// The confirm is lost; whoever waits for it gives up in the end.
    fn answer_late(&mut self, conn: Conn, confirm: Option<Confirm>) {
        if let (Some(confirm), Some(wire)) = (confirm, self.net.wires.get_mut(&conn)) {
            wire.late.push_back(confirm);
            self.at(CONFIRM_PATIENCE_MS, Happening::GaveUp(conn));
        }
    }

    pub(super) fn gave_up(&mut self, conn: Conn) {
        let Some(wire) = self.net.wires.get_mut(&conn) else { return };
        if let Some(confirm) = wire.late.pop_front() {
            self.hear(conn, Down::Confirmed(confirm, false));
        }
    }

    fn send_down(&mut self, conn: Conn, what: Down) {
        let way = self.dice.below(self.plan.latency_ms + 1);
        let Some(wire) = self.net.wires.get_mut(&conn).filter(|wire| !wire.closed) else { return };
        wire.down.push_back(what);
        wire.down_at = wire.down_at.max(self.now + way);
        let delay = wire.down_at - self.now;
        self.at(delay, Happening::AtClient(conn));
    }

    /// What the broker hands out goes on its way.
    pub(super) fn deliver(&mut self) {
        for delivery in self.broker.hand_out() {
            self.send_down(delivery.conn, Down::Deliver(Box::new(delivery)));
        }
    }

    pub(super) fn at_client(&mut self, conn: Conn) {
        let is_held = self.net.broker_frozen;
        let Some(wire) = self.net.wires.get_mut(&conn) else { return };
        if wire.frozen || is_held {
            return;
        }
        if let Some(what) = wire.down.pop_front() {
            self.hear(conn, what);
        }
    }

    fn hear(&mut self, conn: Conn, what: Down) {
        let Some(wire) = self.net.wires.get_mut(&conn) else { return };
        if matches!(what, Down::Confirmed(..)) {
            wire.unconfirmed -= 1;
        }
        match wire.party {
            Party::Orchestrator => self.orchestrator_hears(conn, what),
            Party::Worker(at) => self.worker_hears(at, conn, what),
            Party::Client => self.client_hears(conn, what),
        }
    }

    /// A stopped client goes on: what waited for it reaches it now.
    pub(super) fn thaw(&mut self, conn: Conn) {
        let Some(wire) = self.net.wires.get_mut(&conn) else { return };
        wire.frozen = false;
        for _ in 0..wire.down.len() {
            self.at(0, Happening::AtClient(conn));
        }
    }

    /// What had been delivered to a consumer before it ended.
    pub(super) fn leftovers(&mut self, conn: Conn, consumer: ConsumerNo) -> Vec<Delivery> {
        let Some(wire) = self.net.wires.get_mut(&conn) else { return Vec::new() };
        let (of_it, rest): (Vec<Down>, Vec<Down>) = std::mem::take(&mut wire.down)
            .into_iter()
            .partition(|down| matches!(down, Down::Deliver(delivery) if delivery.consumer == consumer));
        wire.down = rest.into();
        of_it.into_iter().filter_map(|down| if let Down::Deliver(one) = down { Some(*one) } else { None }).collect()
    }

    /// The broker's end of a connection closes; the client notices later.
    pub(super) fn broker_drops(&mut self, conn: Conn) {
        self.broker.disconnect(conn);
        if let Some(wire) = self.net.wires.get_mut(&conn).filter(|wire| !wire.closed) {
            wire.closed = true;
            wire.up.clear();
            let delay = self.dice.below(200);
            self.at(delay, Happening::Noticed(conn));
        }
        self.deliver();
    }

    /// The client's end goes with its process; the broker notices sooner or later.
    pub(super) fn client_dies(&mut self, conn: Conn) {
        if let Some(wire) = self.net.wires.remove(&conn)
            && !wire.closed
        {
            // What had left the process may still arrive.
            let arrives = self.dice.index(wire.up.len() + 1);
            for what in wire.up.into_iter().take(arrives) {
                self.carry_out(conn, what);
            }
            let delay = if self.dice.percent(80) { self.dice.below(50) } else { self.dice.below(15_000) };
            self.at(delay, Happening::BrokerNotices(conn));
            self.deliver();
        }
    }

    pub(super) fn noticed(&mut self, conn: Conn) {
        let Some(wire) = self.net.wires.get(&conn) else { return };
        if wire.frozen {
            return self.at(500, Happening::Noticed(conn));
        }
        let party = wire.party;
        self.net.wires.remove(&conn);
        match party {
            Party::Orchestrator => self.orchestrator_lost(conn),
            Party::Worker(at) => self.worker_lost(at, conn),
            Party::Client => self.client_lost(),
        }
    }
}

/// How long a confirm is waited for.
const CONFIRM_PATIENCE_MS: u64 = 30_000;
