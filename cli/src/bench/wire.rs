//! The broker through the plain client library: what everything else is compared with.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{
    BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeleteOptions, QueueDeclareOptions,
    QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Connection, ConnectionProperties, Consumer, Event};

use crate::exit::Exit;
use crate::failure::Failure;

/// A connection.
#[derive(Debug)]
pub(super) struct Wire {
    connection: Connection,
    blocked: Arc<AtomicU32>,
}

impl Wire {
    pub(super) async fn open(url: &str) -> Result<Self, Failure> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let blocked = Arc::new(AtomicU32::new(0));
        let (mut events, seen) = (Box::pin(connection.events_listener()), blocked.clone());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                if matches!(event, Event::ConnectionBlocked(_)) {
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { connection, blocked })
    }

    /// Number of times that the broker has asked to hold back what is published on this connection.
    pub(super) fn blocked(&self) -> u32 {
        self.blocked.load(Ordering::Relaxed)
    }

    pub(super) async fn channel(&self) -> Result<Channel, Failure> {
        Ok(self.connection.create_channel().await?)
    }

    /// A channel on which the broker confirms. One task only may publish on it: the library mixes up the confirms of
    /// several.
    pub(super) async fn confirming(&self) -> Result<Channel, Failure> {
        let channel = self.channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(channel)
    }

    /// A queue like the product's own.
    pub(super) async fn declare(&self, queue: &str) -> Result<(), Failure> {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel().await?.queue_declare(queue.into(), options, arguments).await?;
        Ok(())
    }

    /// A queue for answers, as a client has it; gone with this connection.
    pub(super) async fn declare_answers(&self, queue: &str) -> Result<(), Failure> {
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        self.channel().await?.queue_declare(queue.into(), options, FieldTable::default()).await?;
        Ok(())
    }

    /// Messages that are ready in a queue.
    pub(super) async fn depth(&self, queue: &str) -> Result<u32, Failure> {
        let channel = self.channel().await?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await?.message_count();
        channel.close(200, "done".into()).await?;
        Ok(found)
    }

    /// Deletes queues and exchanges; one that isn't there is fine.
    pub(super) async fn delete(&self, queues: &[String], exchanges: &[String]) -> Result<(), Failure> {
        let channel = self.channel().await?;
        for queue in queues {
            channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
        }
        for exchange in exchanges {
            channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await?;
        }
        Ok(())
    }
}

/// Consumes a queue on this channel with so many unsettled messages.
pub(super) async fn consume(channel: &Channel, queue: &str, prefetch: u16) -> Result<Consumer, Failure> {
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    Ok(channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?)
}

/// The next message of a consumer.
pub(super) async fn next(consumer: &mut Consumer) -> Result<lapin::message::Delivery, Failure> {
    let ended = || Failure::new(Exit::Error, "measuring: the broker cancelled a consumer");
    Ok(consumer.next().await.ok_or_else(ended)??)
}

/// The next answer, which has to come within its time.
pub(super) async fn next_answer(
    consumer: &mut Consumer,
    patience: Duration,
) -> Result<lapin::message::Delivery, Failure> {
    let silent = |_| Failure::new(Exit::Error, format!("measuring: no answer for {} s", patience.as_secs()));
    tokio::time::timeout(patience, next(consumer)).await.map_err(silent)?
}

/// Insists on a confirm.
pub(super) fn confirmed(confirmation: lapin::Result<Confirmation>) -> Result<(), Failure> {
    match confirmation? {
        Confirmation::Ack(None) => Ok(()),
        other => Err(Failure::new(Exit::Error, format!("measuring: the broker did not take a message: {other:?}"))),
    }
}

impl From<lapin::Error> for Failure {
    fn from(error: lapin::Error) -> Self {
        Self::new(Exit::Unreachable, format!("talking to the broker: {error}"))
            .hint("is the broker running there? Its address comes from WARRENER_AMQP__URL or `amqp.url`")
    }
}

/// The largest job of most rows takes a minute on a small machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(180);
