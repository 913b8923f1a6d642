//! The exchanges, queues and bindings of one prefix as data, so that code and the shipped definitions can't drift.

use std::time::Duration;

use lapin::ExchangeKind;
use lapin::types::{AMQPValue, FieldTable};
use warrener_shared::id::QueueName;
use warrener_shared::wire::topology::{
    DELIVERY_LIMIT, KEY_DEAD_RESULT, KEY_DEAD_SUBMIT, KEY_DEAD_TASK, KEY_RESULTS, KEY_SUBMIT, Names,
};

/// The exchanges, queues and bindings that an orchestrator declares. All are durable and declared again at each start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Exchanges, in the order in which they are declared.
    pub exchanges: Vec<Exchange>,
    /// Queues, declared after the exchanges.
    pub queues: Vec<Queue>,
    /// Bindings, made last.
    pub bindings: Vec<Binding>,
}

/// A durable exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Name of the exchange.
    pub name: String,
    /// Rule by which it routes.
    pub routing: Routing,
    /// The exchange that gets what no binding wants; `None` drops it.
    pub alternate: Option<String>,
}

/// Rule by which an exchange picks queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// By the exact key.
    Direct,
    /// To all bound queues.
    Fanout,
    /// By patterns.
    Topic,
}

/// A durable quorum queue that refuses what it can't hold (`x-overflow=reject-publish`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Name of the queue.
    pub name: String,
    /// Number of deliveries that may fail before a message becomes a dead letter: a message is handed out at most once
    /// more than this.
    pub delivery_limit: i64,
    /// Destination of rejected and over-delivered messages; `None` drops them.
    pub dead_letter: Option<DeadLetterRoute>,
    /// Time for which a message that a consumer hands back stays away, where the broker can do that (RabbitMQ 4.3,
    /// which no longer counts `basic.nack`); older ones ignore it.
    pub hand_back_delay: Option<Duration>,
}

/// Destination of the dead letters of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterRoute {
    /// The exchange.
    pub exchange: String,
    /// The key, which tells the queue they died in.
    pub key: &'static str,
    /// True if the broker keeps the message until the dead-letter queue has confirmed it.
    pub at_least_once: bool,
}

/// A queue that takes what an exchange gets under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The queue.
    pub queue: String,
    /// The exchange.
    pub exchange: String,
    /// The key; empty for a fan-out.
    pub key: String,
}

impl Topology {
    /// Everything of a prefix, with the lanes of `queues`. The owner exchange isn't part of it, see
    /// [`declare_owner`](crate::Session::declare_owner).
    pub fn orchestrator(names: &Names, queues: &[QueueName]) -> Self {
        let mut topology = Self {
            exchanges: exchanges(names),
            queues: vec![
                Queue::new(names.submit(), dead_letter(names, KEY_DEAD_SUBMIT, true)),
                Queue::new(names.results(), dead_letter(names, KEY_DEAD_RESULT, true)),
                Queue::last_stop(names.dead()),
                Queue::last_stop(names.unrouted()),
            ],
            bindings: vec![
                Binding::new(names.submit(), names.submit(), KEY_SUBMIT),
                Binding::new(names.results(), names.results(), KEY_RESULTS),
                Binding::new(names.dead(), names.dlx(), KEY_DEAD_SUBMIT),
                Binding::new(names.dead(), names.dlx(), KEY_DEAD_TASK),
                Binding::new(names.dead(), names.dlx(), KEY_DEAD_RESULT),
                Binding::new(names.unrouted(), names.unrouted(), ""),
            ],
        };
        for queue in queues {
            topology.extend(Self::task_queue(names, queue));
        }
        topology
    }

    /// Makes the part of a task queue: the queue and its binding to the exchange of tasks.
    pub fn task_queue(names: &Names, queue: &QueueName) -> Self {
        let name = names.task_queue(queue);
        Self {
            exchanges: Vec::new(),
            // At most once: the rows can make a task again, a lost dead letter is found by its clocks.
            queues: vec![Queue {
                hand_back_delay: Some(HAND_BACK_DELAY),
                ..Queue::new(name.clone(), dead_letter(names, KEY_DEAD_TASK, false))
            }],
            bindings: vec![Binding::new(name, names.tasks(), queue.as_str())],
        }
    }

    /// Makes the part of an exchange whose messages go out later: the exchange, and our queue for it.
    pub fn delay(names: &Names, exchange: &str) -> Self {
        let queue = names.delayed(exchange);
        Self {
            exchanges: vec![Exchange { name: exchange.to_owned(), routing: Routing::Fanout, alternate: None }],
            bindings: vec![Binding::new(queue.clone(), exchange.to_owned(), "")],
            queues: vec![Queue::last_stop(queue)],
        }
    }

    /// Adds another topology behind this one.
    pub fn extend(&mut self, other: Self) {
        self.exchanges.extend(other.exchanges);
        self.queues.extend(other.queues);
        self.bindings.extend(other.bindings);
    }
}

fn exchanges(names: &Names) -> Vec<Exchange> {
    let unrouted = || Some(names.unrouted());
    vec![
        Exchange { name: names.unrouted(), routing: Routing::Fanout, alternate: None },
        Exchange { name: names.dlx(), routing: Routing::Direct, alternate: None },
        Exchange { name: names.submit(), routing: Routing::Direct, alternate: unrouted() },
        Exchange { name: names.tasks(), routing: Routing::Direct, alternate: unrouted() },
        Exchange { name: names.results(), routing: Routing::Direct, alternate: unrouted() },
        Exchange { name: names.events(), routing: Routing::Topic, alternate: None },
        Exchange { name: names.control(), routing: Routing::Topic, alternate: None },
        Exchange { name: names.workers(), routing: Routing::Fanout, alternate: None },
    ]
}

fn dead_letter(names: &Names, key: &'static str, at_least_once: bool) -> DeadLetterRoute {
    DeadLetterRoute { exchange: names.dlx(), key, at_least_once }
}

impl Exchange {
    pub(crate) fn kind(&self) -> ExchangeKind {
        match self.routing {
            Routing::Direct => ExchangeKind::Direct,
            Routing::Fanout => ExchangeKind::Fanout,
            Routing::Topic => ExchangeKind::Topic,
        }
    }

    pub(crate) fn arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        if let Some(alternate) = &self.alternate {
            arguments.insert("alternate-exchange".into(), text(alternate));
        }
        arguments
    }
}

impl Queue {
    fn new(name: String, dead_letter: DeadLetterRoute) -> Self {
        Self { name, delivery_limit: DELIVERY_LIMIT, dead_letter: Some(dead_letter), hand_back_delay: None }
    }

    /// The queues behind which there is nothing: a message there is dropped at its delivery limit, so the limit
    /// is one that only a broken orchestrator reaches, restarting for days. (Left out, RabbitMQ 4 would drop after
    /// 20; "unlimited" has no spelling that both 3.10 and 4 take.)
    fn last_stop(name: String) -> Self {
        Self { name, delivery_limit: LAST_STOP_DELIVERY_LIMIT, dead_letter: None, hand_back_delay: None }
    }

    pub(crate) fn arguments(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), text("quorum"));
        arguments.insert("x-overflow".into(), text("reject-publish"));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(self.delivery_limit));
        if let Some(dead) = &self.dead_letter {
            arguments.insert("x-dead-letter-exchange".into(), text(&dead.exchange));
            arguments.insert("x-dead-letter-routing-key".into(), text(dead.key));
            if dead.at_least_once {
                arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
            }
        }
        if let Some(delay) = self.hand_back_delay {
            let delay = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
            arguments.insert("x-delayed-retry-type".into(), text("returned"));
            arguments.insert("x-delayed-retry-min".into(), AMQPValue::LongLongInt(delay));
            arguments.insert("x-delayed-retry-max".into(), AMQPValue::LongLongInt(delay));
        }
        arguments
    }
}

impl Binding {
    fn new(queue: String, exchange: String, key: &str) -> Self {
        Self { queue, exchange, key: key.to_owned() }
    }
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// A worker that hands everything back must not spin.
const HAND_BACK_DELAY: Duration = Duration::from_secs(1);
/// See [`Queue::last_stop`].
const LAST_STOP_DELIVERY_LIMIT: i64 = 1_000_000;

#[cfg(test)]
mod tests;
