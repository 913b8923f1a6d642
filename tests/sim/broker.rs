//! A model of the broker: what RabbitMQ does with quorum queues, prefetch, redelivery and dead letters.
//!
//! It knows no time and no network; whoever leads it carries its deliveries. That it is true is proven by the same
//! scenes and random walks on a real broker (`suite`). It is RabbitMQ 3.10. RabbitMQ 4 differs where the simulation
//! does not look: in priorities, in a limit where none is given, and in how often a dead letter is said to have come.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use warrener_shared::wire::Message;

/// A connection.
pub(crate) type Conn = u32;
/// A consumer; its number is never used again.
pub(crate) type ConsumerNo = u32;

/// How exchanges pick queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routing {
    Direct,
    Fanout,
}

#[derive(Clone, Debug)]
struct Exchange {
    routing: Routing,
    alternate: Option<String>,
    /// Key and queue.
    bindings: Vec<(String, String)>,
}

/// What a queue is made with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How often a message is returned before it becomes a dead letter.
    pub(crate) limit: Option<u32>,
    /// Exchange and key of dead letters.
    pub(crate) dead_letter: Option<(String, String)>,
    /// A dead letter is kept until it has arrived. That there is no queue for it is not modelled.
    pub(crate) at_least_once: bool,
    /// It goes with this connection.
    pub(crate) exclusive: Option<Conn>,
}

#[derive(Debug, Default)]
struct Queue {
    shape: Shape,
    ready: VecDeque<Stored>,
    /// How many of the first ones have come back. They are a line of their own, before all others.
    again: usize,
    consumers: Vec<Consumer>,
    /// Who gets the next message.
    turn: usize,
}

#[derive(Clone, Debug)]
struct Stored {
    message: Rc<Message>,
    exchange: String,
    key: String,
    returned: u32,
    death: Option<Death>,
}

/// Why a message is a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) queue: String,
    pub(crate) reason: &'static str,
    /// The key it had been published with.
    pub(crate) key: String,
}

#[derive(Clone, Debug)]
struct Consumer {
    no: ConsumerNo,
    conn: Conn,
    prefetch: usize,
    unsettled: usize,
}

#[derive(Debug)]
struct Unsettled {
    conn: Conn,
    consumer: ConsumerNo,
    queue: String,
    stored: Stored,
}

/// A message on its way to a consumer.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    pub(crate) conn: Conn,
    pub(crate) consumer: ConsumerNo,
    pub(crate) tag: u64,
    pub(crate) message: Rc<Message>,
    pub(crate) exchange: String,
    pub(crate) key: String,
    /// How often it was returned; the header `x-delivery-count`.
    pub(crate) returned: u32,
    pub(crate) death: Option<Death>,
}

/// What became of a publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Routed {
    Queued,
    /// Nobody wanted it; it is gone, and confirmed all the same.
    Nowhere,
    /// There is no such exchange: the channel is closed.
    NoExchange,
}

/// Where messages went: every one that was ever put into a queue is in one of these, or still there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) put: u64,
    pub(crate) acked: u64,
    pub(crate) dead: u64,
    pub(crate) dropped: u64,
}

#[cfg(test)]
type Declared = (Vec<(String, Routing, Option<String>)>, Vec<(String, Shape)>, Vec<(String, String, String)>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    exchanges: BTreeMap<String, Exchange>,
    queues: BTreeMap<String, Queue>,
    conns: Vec<Conn>,
    unsettled: BTreeMap<u64, Unsettled>,
    /// Handed out by queues that were deleted since: to settle them is right, and changes nothing.
    orphans: BTreeSet<(Conn, u64)>,
    last_conn: Conn,
    last_consumer: ConsumerNo,
    last_tag: u64,
    /// While the broker starts: dead letters are lost, since the queue that they go to is not up yet.
    loses_dead_letters: bool,
    /// Handed out while a connection ended.
    outgoing: Vec<Delivery>,
    pub(crate) books: Books,
}

impl Broker {
    pub(crate) fn connect(&mut self) -> Conn {
        self.last_conn += 1;
        self.conns.push(self.last_conn);
        self.last_conn
    }

    /// The consumers of a dying connection end one after the other: what one gives back may go to the next.
    pub(crate) fn disconnect(&mut self, conn: Conn) {
        let mine = |queue: &Queue| queue.consumers.iter().find(|consumer| consumer.conn == conn).map(|one| one.no);
        while let Some((name, no)) = self.queues.iter().find_map(|(name, queue)| Some((name.clone(), mine(queue)?))) {
            self.remove_consumer(&name, no);
            self.give_back(|one| one.consumer == no);
            let deliveries = self.assign(&name);
            self.outgoing.extend(deliveries);
        }
        self.give_back(|one| one.conn == conn);
        self.conns.retain(|open| *open != conn);
        self.orphans.retain(|(of, _)| *of != conn);
        let gone: Vec<String> = self
            .queues
            .iter()
            .filter(|(_, queue)| queue.shape.exclusive == Some(conn))
            .map(|(name, _)| name.clone())
            .collect();
        for name in &gone {
            self.delete_queue(name);
        }
    }

    pub(crate) fn declare_exchange(&mut self, name: &str, routing: Routing, alternate: Option<&str>) {
        let alternate = alternate.map(str::to_owned);
        let made = || Exchange { routing, alternate, bindings: Vec::new() };
        self.exchanges.entry(name.to_owned()).or_insert_with(made);
    }

    pub(crate) fn has_exchange(&self, name: &str) -> bool {
        self.exchanges.contains_key(name)
    }

    pub(crate) fn declare_queue(&mut self, name: &str, shape: Shape) {
        self.queues.entry(name.to_owned()).or_insert_with(|| Queue { shape, ..Queue::default() });
    }

    pub(crate) fn bind(&mut self, queue: &str, exchange: &str, key: &str) {
        let Some(exchange) = self.exchanges.get_mut(exchange) else { return };
        let binding = (key.to_owned(), queue.to_owned());
        if !exchange.bindings.contains(&binding) {
            exchange.bindings.push(binding);
        }
    }

    /// Deletes a queue with what it holds; its consumers end. Gives the tickets of the messages.
    pub(crate) fn delete_queue(&mut self, name: &str) -> Vec<String> {
        let mut tickets = Vec::new();
        if let Some(queue) = self.queues.remove(name) {
            let unsettled = self.unsettled.iter().filter(|(_, one)| one.queue == name);
            let orphans: Vec<(Conn, u64)> = unsettled.clone().map(|(tag, one)| (one.conn, *tag)).collect();
            self.books.dropped += (queue.ready.len() + orphans.len()) as u64;
            let messages = queue.ready.iter().chain(unsettled.map(|(_, one)| &one.stored));
            tickets.extend(messages.filter_map(|stored| stored.message.correlation_id.clone()));
            self.orphans.extend(orphans);
            self.unsettled.retain(|_, one| one.queue != name);
            for exchange in self.exchanges.values_mut() {
                exchange.bindings.retain(|(_, queue)| queue != name);
            }
        }
        tickets
    }

    /// All exchanges, queues, and bindings as exchange, key and queue.
    #[cfg(test)]
    pub(crate) fn declared(&self) -> Declared {
        let exchanges = self.exchanges.iter();
        let bindings = exchanges.clone().flat_map(|(name, exchange)| {
            exchange.bindings.iter().map(|(key, queue)| (name.clone(), key.clone(), queue.clone()))
        });
        (
            exchanges.map(|(name, exchange)| (name.clone(), exchange.routing, exchange.alternate.clone())).collect(),
            self.queues.iter().map(|(name, queue)| (name.clone(), queue.shape.clone())).collect(),
            bindings.collect(),
        )
    }

    /// The connections that consume a queue.
    pub(crate) fn consumers_of(&self, queue: &str) -> Vec<Conn> {
        let queue = self.queues.get(queue).into_iter();
        queue.flat_map(|queue| &queue.consumers).map(|consumer| consumer.conn).collect()
    }

    /// Messages that are ready in a queue, if there is one.
    pub(crate) fn depth(&self, queue: &str) -> Option<usize> {
        self.queues.get(queue).map(|queue| queue.ready.len())
    }

    /// Messages in all queues, handed out or not.
    pub(crate) fn held(&self) -> u64 {
        (self.unsettled.len() + self.queues.values().map(|queue| queue.ready.len()).sum::<usize>()) as u64
    }

    /// Queues that hold something, for whoever looks for the cause.
    pub(crate) fn glance(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.ready.is_empty())
            .map(|(name, queue)| format!("{name}: {} ready, {} consumers", queue.ready.len(), queue.consumers.len()))
            .collect();
        lines.extend(self.unsettled.values().map(|one| format!("{}: handed out to {}", one.queue, one.consumer)));
        lines
    }

    pub(crate) fn publish(&mut self, exchange: &str, key: &str, message: Message) -> Routed {
        let stored = Stored {
            message: Rc::new(message),
            exchange: exchange.to_owned(),
            key: key.to_owned(),
            returned: 0,
            death: None,
        };
        if exchange.is_empty() {
            let known = self.queues.contains_key(key);
            return if known { self.put(key, stored) } else { Routed::Nowhere };
        }
        if !self.exchanges.contains_key(exchange) {
            return Routed::NoExchange;
        }
        self.route(exchange, &stored)
    }

    fn route(&mut self, name: &str, stored: &Stored) -> Routed {
        let exchange = &self.exchanges[name];
        let wanted = |key: &str| exchange.routing == Routing::Fanout || key == stored.key;
        let queues: Vec<String> =
            exchange.bindings.iter().filter(|(key, _)| wanted(key)).map(|(_, queue)| queue.clone()).collect();
        if queues.is_empty() {
            let alternate = exchange.alternate.clone().filter(|name| self.exchanges.contains_key(name));
            return alternate.map_or(Routed::Nowhere, |name| self.route(&name, stored));
        }
        // A queue that is bound twice is one.
        for queue in queues.into_iter().collect::<BTreeSet<_>>() {
            self.put(&queue, stored.clone());
        }
        Routed::Queued
    }

    fn put(&mut self, queue: &str, stored: Stored) -> Routed {
        let Some(queue) = self.queues.get_mut(queue) else { return Routed::Nowhere };
        self.books.put += 1;
        queue.ready.push_back(stored);
        Routed::Queued
    }

    /// A consumer, unless the queue is missing.
    pub(crate) fn consume(&mut self, conn: Conn, queue: &str, prefetch: usize) -> Option<ConsumerNo> {
        let queue = self.queues.get_mut(queue)?;
        self.last_consumer += 1;
        queue.consumers.push(Consumer { no: self.last_consumer, conn, prefetch, unsettled: 0 });
        Some(self.last_consumer)
    }

    /// Ends a consumer; what it has stays handed out.
    pub(crate) fn cancel(&mut self, no: ConsumerNo) {
        let of = |queue: &Queue| queue.consumers.iter().any(|consumer| consumer.no == no);
        let name = self.queues.iter().find(|(_, queue)| of(queue)).map(|(name, _)| name.clone());
        if let Some(name) = name {
            self.remove_consumer(&name, no);
        }
    }

    fn remove_consumer(&mut self, queue: &str, no: ConsumerNo) {
        if let Some(queue) = self.queues.get_mut(queue) {
            queue.consumers.retain(|consumer| consumer.no != no);
        }
    }

    /// Acknowledges. If it is false there was nothing to acknowledge: the channel is closed.
    pub(crate) fn ack(&mut self, conn: Conn, tag: u64) -> bool {
        let done = self.settle(conn, tag).is_some();
        self.books.acked += u64::from(done);
        done || self.orphans.remove(&(conn, tag))
    }

    /// Refuses for good. If it is false there was nothing to refuse: the channel is closed.
    pub(crate) fn reject(&mut self, conn: Conn, tag: u64) -> bool {
        let Some(one) = self.settle(conn, tag) else { return self.orphans.remove(&(conn, tag)) };
        self.die(&one.queue, one.stored, "rejected");
        true
    }

    /// Gives back: `basic.reject` with requeue. Nobody does so in the simulation; it shows how returns are counted.
    #[cfg(test)]
    pub(crate) fn release(&mut self, conn: Conn, tag: u64) -> bool {
        let Some(one) = self.settle(conn, tag) else { return self.orphans.remove(&(conn, tag)) };
        match self.queues.get_mut(&one.queue).filter(|queue| queue.shape.limit.is_none()) {
            Some(queue) => queue.ready.push_back(Stored { returned: one.stored.returned + 1, ..one.stored }),
            None => self.take_back(&one.queue, one.stored),
        }
        true
    }

    fn settle(&mut self, conn: Conn, tag: u64) -> Option<Unsettled> {
        let one = self.unsettled.get(&tag).filter(|one| one.conn == conn)?;
        if let Some(consumer) = self
            .queues
            .get_mut(&one.queue)
            .and_then(|queue| queue.consumers.iter_mut().find(|consumer| consumer.no == one.consumer))
        {
            consumer.unsettled -= 1;
        }
        self.unsettled.remove(&tag)
    }

    fn give_back(&mut self, whose: impl Fn(&Unsettled) -> bool) {
        let tags: Vec<u64> = self.unsettled.iter().filter(|(_, one)| whose(one)).map(|(tag, _)| *tag).collect();
        for tag in tags {
            if let Some(conn) = self.unsettled.get(&tag).map(|one| one.conn)
                && let Some(one) = self.settle(conn, tag)
            {
                self.take_back(&one.queue, one.stored);
            }
        }
    }

    /// A message comes back and is before all that never did, unless it came back too often.
    fn take_back(&mut self, name: &str, mut stored: Stored) {
        stored.returned += 1;
        let Some(queue) = self.queues.get_mut(name) else { return };
        if queue.shape.limit.is_some_and(|limit| stored.returned > limit) {
            return self.die(name, stored, "delivery_limit");
        }
        queue.ready.insert(queue.again, stored);
        queue.again += 1;
    }

    fn die(&mut self, name: &str, stored: Stored, reason: &'static str) {
        self.books.dead += 1;
        let arrives = |shape: &&Shape| shape.at_least_once || !self.loses_dead_letters;
        let shape = self.queues.get(name).map(|queue| &queue.shape).filter(arrives);
        let target = shape.and_then(|shape| shape.dead_letter.clone());
        let Some((exchange, key)) = target else { return };
        if self.exchanges.contains_key(&exchange) {
            let death = Death { queue: name.to_owned(), reason, key: stored.key.clone() };
            let stored = Stored { exchange: exchange.clone(), key, returned: 0, death: Some(death), ..stored };
            self.route(&exchange, &stored);
        }
    }

    /// Hands out what can be handed out.
    pub(crate) fn hand_out(&mut self) -> Vec<Delivery> {
        let names: Vec<String> = self
            .queues
            .iter()
            .filter(|(_, queue)| !queue.ready.is_empty() && !queue.consumers.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        let mut deliveries = std::mem::take(&mut self.outgoing);
        deliveries.extend(names.iter().flat_map(|name| self.assign(name)));
        deliveries
    }

    fn assign(&mut self, name: &str) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        let Some(queue) = self.queues.get_mut(name) else { return deliveries };
        while !queue.ready.is_empty() {
            let count = queue.consumers.len();
            let open = (0..count).map(|step| (queue.turn + step) % count);
            let Some(at) = open.into_iter().find(|at| {
                let consumer = &queue.consumers[*at];
                consumer.unsettled < consumer.prefetch
            }) else {
                return deliveries;
            };
            queue.turn = at + 1;
            let stored = queue.ready.pop_front().expect("it is not empty");
            queue.again = queue.again.saturating_sub(1);
            let consumer = &mut queue.consumers[at];
            consumer.unsettled += 1;
            self.last_tag += 1;
            deliveries.push(Delivery {
                conn: consumer.conn,
                consumer: consumer.no,
                tag: self.last_tag,
                message: stored.message.clone(),
                exchange: stored.exchange.clone(),
                key: stored.key.clone(),
                returned: stored.returned,
                death: stored.death.clone(),
            });
            let one = Unsettled { conn: consumer.conn, consumer: consumer.no, queue: name.to_owned(), stored };
            self.unsettled.insert(self.last_tag, one);
        }
        deliveries
    }

    /// Loses power and starts: every connection ends, what is durable stays. What dies of that may be lost.
    pub(crate) fn restart(&mut self, loses_dead_letters: bool) {
        self.loses_dead_letters = loses_dead_letters;
        for conn in self.conns.clone() {
            self.disconnect(conn);
        }
        self.loses_dead_letters = false;
    }

    /// Loses its disk. Gives the tickets of the messages.
    pub(crate) fn wipe(&mut self) -> Vec<String> {
        self.restart(true);
        let names: Vec<String> = self.queues.keys().cloned().collect();
        let tickets = names.iter().flat_map(|name| self.delete_queue(name)).collect();
        self.exchanges.clear();
        tickets
    }
}
