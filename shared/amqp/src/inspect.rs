//! Questions that change nothing: what an entity is like, what this user may do, whether a queue works.

use std::time::Duration;

use lapin::Channel;
use lapin::options::{BasicConsumeOptions, ExchangeUnbindOptions, QueueDeclareOptions};
use lapin::protocol::AMQPSoftError;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::call::short;
use crate::probe::ProbeFailure;
use crate::topology::{Exchange, Queue};
use crate::{BrokerError, Session, Settings};

/// An entity at the broker, compared with what an orchestrator declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The entity isn't there.
    Missing,
    /// The entity is what it should be.
    Same,
    /// The entity exists with other properties.
    Differs {
        /// The properties that an orchestrator declares.
        wanted: String,
        /// The properties that differ at the broker.
        found: String,
    },
    /// The user may not compare the entity, since that takes the right to configure it.
    Refused,
}

/// Something that a user of the broker may or may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// Publish to an exchange; the default one has an empty name.
    Write(String),
    /// Consume from a queue.
    Consume(String),
    /// Declare a queue of this name for oneself. Make it a name that nobody uses.
    Declare(String),
    /// Declare such a queue and bind it.
    Listen {
        /// The queue.
        queue: String,
        /// The exchange that it is bound to.
        exchange: String,
    },
}

impl Session {
    /// Compares an exchange with what it should be.
    ///
    /// # Errors
    /// If the broker can't be asked.
    pub async fn compare_exchange(&self, exchange: &Exchange) -> Result<Standing, BrokerError> {
        if !self.exchange_exists(&exchange.name).await? {
            return Ok(Standing::Missing);
        }
        standing(self.declare_exchange(exchange).await)
    }

    /// Compares a queue with what it should be.
    ///
    /// # Errors
    /// If the broker can't be asked.
    pub async fn compare_queue(&self, queue: &Queue) -> Result<Standing, BrokerError> {
        if self.depth(&queue.name).await?.is_none() {
            return Ok(Standing::Missing);
        }
        standing(self.declare_queue(queue).await)
    }

    /// Tells whether the user of this session has a right.
    ///
    /// # Errors
    /// If the broker can't be asked.
    pub async fn may(&self, right: &Right) -> Result<bool, BrokerError> {
        match right {
            Right::Write(exchange) => self.may_write(exchange).await,
            Right::Listen { queue, exchange } => self.may_listen(queue, exchange).await,
            Right::Consume(queue) => self.may_consume(queue).await,
            Right::Declare(queue) => self.may_declare(queue).await,
        }
    }

    /// Taking a binding away asks for the right to write the destination first and only then looks at the source.
    /// The default exchange is no possible source, so nothing ever happens.
    async fn may_write(&self, exchange: &str) -> Result<bool, BrokerError> {
        let destination = short("the name of an exchange", exchange)?;
        let asked = self.probe().ask("asking for a right", |channel| {
            let (destination, options) = (destination.clone(), ExchangeUnbindOptions::default());
            async move {
                let arguments = FieldTable::default();
                channel.exchange_unbind(destination, "".into(), NO_KEY.into(), options, arguments).await
            }
        });
        allowed(asked.await)
    }

    async fn may_listen(&self, queue: &str, exchange: &str) -> Result<bool, BrokerError> {
        let (queue, source) = (short("the name of a queue", queue)?, short("the name of an exchange", exchange)?);
        let asked = self.probe().ask("asking for a right", |channel| {
            let (queue, source) = (queue.clone(), source.clone());
            async move {
                own_queue(&channel, queue.clone()).await?;
                channel.queue_unbind(queue, source, NO_KEY.into(), FieldTable::default()).await
            }
        });
        allowed(asked.await)
    }

    /// The right is looked at before the arguments, and these are never valid, so nothing is ever consumed.
    async fn may_consume(&self, queue: &str) -> Result<bool, BrokerError> {
        let queue = short("the name of a queue", queue)?;
        let asked = self.probe().ask("asking for a right", |channel| {
            let queue = queue.clone();
            async move {
                let mut arguments = FieldTable::default();
                arguments.insert("x-priority".into(), AMQPValue::LongString("none".into()));
                let options = BasicConsumeOptions::default();
                channel.basic_consume(queue, NO_KEY.into(), options, arguments).await
            }
        });
        allowed(asked.await)
    }

    async fn may_declare(&self, queue: &str) -> Result<bool, BrokerError> {
        let queue = short("the name of a queue", queue)?;
        let asked = self.probe().ask("asking for a right", |channel| {
            let queue = queue.clone();
            async move { own_queue(&channel, queue).await }
        });
        allowed(asked.await)
    }
}

/// Tells whether a queue that shows no messages takes no consumer either, as a quorum queue does that lost its leader.
/// The question goes over a session of its own, because a dead queue takes the whole connection with it.
///
/// # Errors
/// If no session can be opened, so that nobody was asked.
pub async fn queue_is_dead(settings: &Settings, queue: &str) -> Result<bool, BrokerError> {
    let session = Session::open(settings).await?;
    let answer = tokio::time::timeout(CONSUME_PATIENCE, session.consume(queue, 1)).await;
    let dead = match answer {
        Ok(Ok(consumer)) => {
            match consumer.cancel().await {
                // A message that came in this very moment goes back.
                Ok(held) => {
                    for delivery in held {
                        delivery.release().await.ok();
                    }
                }
                Err(error) => tracing::debug!(%error, queue, "a probing consumer could not be cancelled"),
            }
            false
        }
        Ok(Err(error)) => error.is_transient(),
        Err(_) => true,
    };
    session.close().await;
    Ok(dead)
}

/// A queue that is gone with the connection.
async fn own_queue(channel: &Channel, name: ShortString) -> lapin::Result<()> {
    let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name, options, FieldTable::default()).await.map(drop)
}

fn standing(declared: Result<(), BrokerError>) -> Result<Standing, BrokerError> {
    match declared {
        Ok(()) => Ok(Standing::Same),
        Err(BrokerError::Mismatch { wanted, found, .. }) => Ok(Standing::Differs { wanted, found }),
        Err(BrokerError::Refused { .. }) => Ok(Standing::Refused),
        Err(error) => Err(error),
    }
}

/// Tells whether the broker would have allowed something. Only the refusal for a missing right says no; all others come
/// after the check of rights.
fn allowed<T>(asked: Result<T, ProbeFailure>) -> Result<bool, BrokerError> {
    match asked {
        Ok(_) => Ok(true),
        Err(ProbeFailure::Soft(soft, _)) if soft.code == AMQPSoftError::ACCESSREFUSED => {
            Ok(soft.text.contains("default exchange"))
        }
        Err(ProbeFailure::Soft(..)) => Ok(true),
        Err(ProbeFailure::Other(error)) => Err(error),
    }
}

/// A key, and a consumer's tag, that nobody uses.
const NO_KEY: &str = "warrener.doctor";
/// A healthy queue takes a consumer within milliseconds.
const CONSUME_PATIENCE: Duration = Duration::from_secs(6);
