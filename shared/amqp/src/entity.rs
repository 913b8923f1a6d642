//! Exchanges, queues and bindings at the broker: looked at, declared, bound, deleted.

use lapin::options::{
    ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::protocol::AMQPSoftError;
use lapin::types::FieldTable;
use warrener_shared::wire::topology::Names;

use crate::call::short;
use crate::error::SoftError;
use crate::probe::{Probe, ProbeFailure};
use crate::topology::{Binding, Exchange, Queue, Routing, Topology};
use crate::{BrokerError, Session};

/// Counts of a queue, from a passive declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueDepth {
    /// Messages that wait for a consumer.
    pub ready: u32,
    /// Consumers, as the broker counts them. Before RabbitMQ 4.3 a quorum queue may count wrong.
    pub consumers: u32,
}

/// Answer of the broker about the mark of our database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerMark {
    /// The mark was there, and ours: the broker kept its data.
    Known,
    /// The mark was missing and now is there: the broker lost its data, or the prefix is new.
    Fresh,
}

impl Session {
    /// Declares everything of a topology; what exists already with the same properties stays as it is.
    ///
    /// # Errors
    /// [`BrokerError::Mismatch`] if something exists with other properties, with both sides and the way out.
    pub async fn declare(&self, topology: &Topology) -> Result<(), BrokerError> {
        for exchange in &topology.exchanges {
            self.declare_exchange(exchange).await?;
        }
        for queue in &topology.queues {
            self.declare_queue(queue).await?;
        }
        for Binding { queue, exchange, key } in &topology.bindings {
            if !self.bind(queue, exchange, key).await? {
                let what = format!("binding to {exchange}");
                return Err(BrokerError::Missing { what, entity: format!("the queue {queue}") });
            }
        }
        Ok(())
    }

    /// Declares the exchange that ties the prefix to one database.
    ///
    /// # Errors
    /// [`BrokerError::OwnedByAnother`] if another database holds the prefix.
    pub async fn declare_owner(&self, names: &Names, database_id: &str) -> Result<OwnerMark, BrokerError> {
        let (name, store) = (names.owner(), names.store(database_id));
        let was_there = self.exchange_exists(&name).await?;
        let exchange = Exchange { name, routing: Routing::Fanout, alternate: Some(store) };
        match self.declare_exchange(&exchange).await {
            Ok(()) if was_there => Ok(OwnerMark::Known),
            Ok(()) => Ok(OwnerMark::Fresh),
            Err(BrokerError::Mismatch { found, .. }) => {
                Err(BrokerError::OwnedByAnother { prefix: names.prefix().to_owned(), found })
            }
            Err(error) => Err(error),
        }
    }

    /// Counts the messages and consumers of a queue; `None` if it doesn't exist.
    ///
    /// # Errors
    /// If the broker can't be asked.
    pub async fn depth(&self, queue: &str) -> Result<Option<QueueDepth>, BrokerError> {
        let name = short("the name of a queue", queue)?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let answer = self.probe().ask("looking at a queue", |channel| {
            let name = name.clone();
            async move { channel.queue_declare(name, options, FieldTable::default()).await }
        });
        let found = unless_missing(answer.await)?;
        Ok(found.map(|queue| QueueDepth { ready: queue.message_count(), consumers: queue.consumer_count() }))
    }

    /// Declares a fan-out exchange that a restart of the broker forgets, so that its absence tells of one.
    ///
    /// # Errors
    /// If the broker can't be asked, or has one of that name with other properties.
    pub async fn declare_transient_exchange(&self, name: &str) -> Result<(), BrokerError> {
        let name = short("the name of an exchange", name)?;
        let options = ExchangeDeclareOptions::default();
        let answer = self.probe().ask("declaring an exchange", |channel| {
            let (name, kind) = (name.clone(), lapin::ExchangeKind::Fanout);
            async move { channel.exchange_declare(name, kind, options, FieldTable::default()).await }
        });
        unless_missing(answer.await)?;
        Ok(())
    }

    /// Tells whether an exchange exists.
    ///
    /// # Errors
    /// If the broker can't be asked.
    pub async fn exchange_exists(&self, name: &str) -> Result<bool, BrokerError> {
        self.probe().exchange_exists(name).await
    }

    /// Binds a queue to an exchange; `false` if the queue doesn't exist.
    ///
    /// # Errors
    /// [`BrokerError::Missing`] if the exchange doesn't exist.
    pub async fn bind(&self, queue: &str, exchange: &str, key: &str) -> Result<bool, BrokerError> {
        let names = (
            short("the name of a queue", queue)?,
            short("the name of an exchange", exchange)?,
            short("a routing key", key)?,
        );
        let what = format!("binding {queue} to {exchange}");
        let answer = self.probe().ask(&what, |channel| {
            let (queue, exchange, key) = names.clone();
            let options = QueueBindOptions::default();
            async move { channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await }
        });
        match answer.await {
            Err(ProbeFailure::Soft(soft, _)) if is_missing(&soft) && soft.text.starts_with("no queue") => Ok(false),
            answer => Ok(answer.map(|()| true)?),
        }
    }

    /// Deletes a queue with everything in it; one that doesn't exist is no error.
    ///
    /// # Errors
    /// If the broker doesn't let us or can't be asked.
    pub async fn delete_queue(&self, queue: &str) -> Result<(), BrokerError> {
        let name = short("the name of a queue", queue)?;
        let what = format!("deleting the queue {queue}");
        let answer = self.probe().ask(&what, |channel| {
            let name = name.clone();
            async move { channel.queue_delete(name, QueueDeleteOptions::default()).await }
        });
        unless_missing(answer.await)?;
        Ok(())
    }

    /// Deletes an exchange; one that doesn't exist is no error.
    ///
    /// # Errors
    /// If the broker doesn't let us or can't be asked.
    pub async fn delete_exchange(&self, exchange: &str) -> Result<(), BrokerError> {
        let name = short("the name of an exchange", exchange)?;
        let what = format!("deleting the exchange {exchange}");
        let answer = self.probe().ask(&what, |channel| {
            let name = name.clone();
            async move { channel.exchange_delete(name, ExchangeDeleteOptions::default()).await }
        });
        unless_missing(answer.await)?;
        Ok(())
    }

    pub(crate) async fn declare_exchange(&self, exchange: &Exchange) -> Result<(), BrokerError> {
        let name = short("the name of an exchange", &exchange.name)?;
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let entity = format!("the exchange {}", exchange.name);
        let what = format!("declaring {entity}");
        let answer = self.probe().ask(&what, |channel| {
            let (name, kind, arguments) = (name.clone(), exchange.kind(), exchange.arguments());
            async move { channel.exchange_declare(name, kind, options, arguments).await }
        });
        answer.await.map_err(|failure| mismatch(failure, entity, &format!("exchange {}", exchange.name)))
    }

    /// A queue from before messages that are handed back were delayed stays as it is: a newer broker would refuse to
    /// declare it otherwise.
    pub(crate) async fn declare_queue(&self, queue: &Queue) -> Result<(), BrokerError> {
        match self.declare_queue_as(queue).await {
            Err(BrokerError::Mismatch { .. }) if queue.hand_back_delay.is_some() => {
                self.declare_queue_as(&Queue { hand_back_delay: None, ..queue.clone() }).await
            }
            declared => declared,
        }
    }

    async fn declare_queue_as(&self, queue: &Queue) -> Result<(), BrokerError> {
        let name = short("the name of a queue", &queue.name)?;
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let entity = format!("the queue {}", queue.name);
        let what = format!("declaring {entity}");
        let answer = self.probe().ask(&what, |channel| {
            let (name, arguments) = (name.clone(), queue.arguments());
            async move { channel.queue_declare(name, options, arguments).await }
        });
        let declared = answer.await.map_err(|failure| mismatch(failure, entity, &format!("queue {}", queue.name)));
        declared.map(|_| ())
    }
}

impl Probe {
    /// Tells whether an exchange exists, whatever its type.
    pub(crate) async fn exchange_exists(&self, name: &str) -> Result<bool, BrokerError> {
        let name = short("the name of an exchange", name)?;
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let answer = self.ask("looking at an exchange", |channel| {
            let (name, kind) = (name.clone(), lapin::ExchangeKind::Direct);
            async move { channel.exchange_declare(name, kind, options, FieldTable::default()).await }
        });
        Ok(unless_missing(answer.await)?.is_some())
    }
}

fn unless_missing<T>(answer: Result<T, ProbeFailure>) -> Result<Option<T>, BrokerError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(ProbeFailure::Soft(soft, _)) if is_missing(&soft) => Ok(None),
        Err(failure) => Err(failure.into()),
    }
}

fn is_missing(soft: &SoftError) -> bool {
    soft.code == AMQPSoftError::NOTFOUND
}

fn mismatch(failure: ProbeFailure, entity: String, delete: &str) -> BrokerError {
    match failure {
        ProbeFailure::Soft(soft, _) if soft.code == AMQPSoftError::PRECONDITIONFAILED => {
            let (wanted, found) = sides(&soft.text);
            let fix = format!(
                "delete the {delete} once it is empty and nobody needs it, so that it is declared anew, or choose \
                 another prefix with WARRENER_AMQP__PREFIX"
            );
            BrokerError::Mismatch { entity, wanted, found, fix }
        }
        failure => failure.into(),
    }
}

/// The two sides of `inequivalent arg 'x' for queue 'q' in vhost '/': received the value 'a' of type 't' but current
/// is none`. Anything else is passed on whole.
fn sides(text: &str) -> (String, String) {
    let parsed = text.strip_prefix("inequivalent arg '").and_then(|rest| {
        let (name, rest) = rest.split_once('\'')?;
        let (_, rest) = rest.split_once(": received ")?;
        let (wanted, found) = rest.split_once(" but current is ")?;
        Some((format!("{name} {}", value(wanted)), format!("{name} {}", value(found))))
    });
    parsed.unwrap_or_else(|| ("what this version declares".to_owned(), text.to_owned()))
}

/// `the value '20' of type 'signedint'` is `20`, `'true'` is `true`, `none` stays.
fn value(text: &str) -> &str {
    let text = text.strip_prefix("the value ").unwrap_or(text);
    let text = text.split_once("' of type ").map_or(text, |(value, _)| value);
    text.trim_matches('\'')
}

#[cfg(test)]
mod tests;
