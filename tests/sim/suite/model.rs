//! The model as a stage.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use warrener_shared::wire::Message;

use super::{End, Got, Habits, Kind, Line, Made, Published, Receipt, Stage, Tap};
use crate::broker::{Broker, Conn, ConsumerNo, Routed, Routing, Shape};

/// The model, and who consumes from it.
#[derive(Debug, Default)]
pub(super) struct Model {
    broker: Broker,
    lines: Vec<Conn>,
    taps: Vec<ModelTap>,
    numbers: BTreeMap<ConsumerNo, Tap>,
}

#[derive(Debug)]
struct ModelTap {
    conn: Conn,
    no: ConsumerNo,
    inbox: VecDeque<Got>,
    unsettled: BTreeSet<u64>,
    is_open: bool,
}

impl Model {
    /// What the broker hands out reaches the consumers.
    fn carry(&mut self) {
        for delivery in self.broker.hand_out() {
            let tap = self.numbers[&delivery.consumer];
            let source = &mut self.taps[tap.0];
            source.unsettled.insert(delivery.tag);
            source.inbox.push_back(Got {
                receipt: Receipt { tap, tag: delivery.tag },
                body: String::from_utf8_lossy(&delivery.message.body).into_owned(),
                exchange: delivery.exchange,
                key: delivery.key,
                redelivered: delivery.returned > 0,
                returned: delivery.returned,
                death: delivery.death,
            });
        }
    }

    /// A channel that is used wrongly ends with its connection, as its owners have it.
    fn settle(&mut self, receipt: Receipt, how: impl Fn(&mut Broker, Conn, u64) -> bool) {
        let source = &mut self.taps[receipt.tap.0];
        source.unsettled.remove(&receipt.tag);
        let conn = source.conn;
        if !how(&mut self.broker, conn, receipt.tag) {
            self.disconnect(conn);
        }
        self.carry();
    }

    fn disconnect(&mut self, conn: Conn) {
        self.broker.disconnect(conn);
        self.taps.iter_mut().filter(|source| source.conn == conn).for_each(|source| source.is_open = false);
    }

    /// The next message of a consumer, if there is one.
    pub(super) fn take_next(&mut self, tap: Tap) -> Option<Got> {
        self.taps[tap.0].inbox.pop_front()
    }

    /// Messages in all queues, handed out or not, against what came and went.
    pub(super) fn is_balanced(&self) -> bool {
        let books = self.broker.books;
        books.put == books.acked + books.dead + books.dropped + self.broker.held()
    }
}

impl Stage for Model {
    fn habits(&self) -> Habits {
        Habits { ignores_priority: true, has_no_limit_by_default: true, begins_dead_letters_anew: true }
    }

    async fn connect(&mut self) -> Line {
        self.lines.push(self.broker.connect());
        Line(self.lines.len() - 1)
    }

    async fn end(&mut self, line: Line, _: End) {
        self.disconnect(self.lines[line.0]);
        self.carry();
    }

    async fn exchange(&mut self, name: &str, kind: Kind, alternate: Option<&str>) {
        let routing = match kind {
            Kind::Direct | Kind::Topic => Routing::Direct,
            Kind::Fanout => Routing::Fanout,
        };
        self.broker.declare_exchange(name, routing, alternate);
    }

    async fn has_exchange(&mut self, name: &str) -> bool {
        self.broker.has_exchange(name)
    }

    async fn queue(&mut self, name: &str, made: Made) {
        let dead_letter = made.dead_letter.map(|(exchange, key)| (exchange.to_owned(), key.to_owned()));
        let exclusive = made.exclusive.map(|line| self.lines[line.0]);
        let Made { limit, at_least_once, .. } = made;
        self.broker.declare_queue(name, Shape { limit, dead_letter, at_least_once, exclusive });
    }

    async fn bind(&mut self, queue: &str, exchange: &str, key: &str) {
        self.broker.bind(queue, exchange, key);
    }

    async fn delete_queue(&mut self, name: &str) {
        self.broker.delete_queue(name);
    }

    async fn ready(&mut self, queue: &str) -> Option<usize> {
        self.broker.depth(queue)
    }

    async fn wait(&mut self) {}

    async fn publish_with(&mut self, _: Line, to: (&str, &str), body: &str, priority: Option<u8>) -> Published {
        let message = Message { priority, ..Message::json("test", body.as_bytes().to_vec()) };
        let published = match self.broker.publish(to.0, to.1, message) {
            Routed::Queued => Published::Confirmed,
            Routed::Nowhere => Published::Returned,
            Routed::NoExchange => Published::Closed,
        };
        self.carry();
        published
    }

    async fn consume(&mut self, line: Line, queue: &str, prefetch: u16) -> Option<Tap> {
        let conn = self.lines[line.0];
        let no = self.broker.consume(conn, queue, usize::from(prefetch))?;
        let tap = Tap(self.taps.len());
        self.numbers.insert(no, tap);
        self.taps.push(ModelTap { conn, no, inbox: VecDeque::new(), unsettled: BTreeSet::new(), is_open: true });
        self.carry();
        Some(tap)
    }

    async fn cancel(&mut self, tap: Tap) {
        self.broker.cancel(self.taps[tap.0].no);
        self.carry();
    }

    async fn next(&mut self, tap: Tap) -> Got {
        self.take_next(tap).unwrap_or_else(|| panic!("nothing comes to {tap:?}: {self:#?}"))
    }

    async fn is_silent(&mut self, tap: Tap) -> bool {
        self.take_next(tap).is_none()
    }

    async fn ack(&mut self, receipt: Receipt) {
        self.settle(receipt, Broker::ack);
    }

    async fn ack_up_to(&mut self, receipt: Receipt) {
        let up_to: Vec<u64> = self.taps[receipt.tap.0].unsettled.range(..=receipt.tag).copied().collect();
        for tag in up_to {
            self.settle(Receipt { tag, ..receipt }, Broker::ack);
        }
    }

    async fn reject(&mut self, receipt: Receipt) {
        self.settle(receipt, Broker::reject);
    }

    async fn release(&mut self, receipt: Receipt) {
        self.settle(receipt, Broker::release);
    }

    async fn is_open(&mut self, tap: Tap) -> bool {
        self.taps[tap.0].is_open
    }

    async fn restart(&mut self) {
        self.broker.restart(true);
        self.taps.iter_mut().for_each(|source| source.is_open = false);
    }

    async fn wipe(&mut self) {
        self.broker.wipe();
        self.taps.iter_mut().for_each(|source| source.is_open = false);
    }
}
