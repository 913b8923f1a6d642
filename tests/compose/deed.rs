//! Something that a user of the broker tries.

use std::fmt;

use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, ExchangeDeleteOptions,
    QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use warrener_tests::broker::unique;
use warrener_tests::wait::{SOON, within};

/// See the module. Names are those of queues and exchanges at the broker.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// Logs in.
    Connect,
    /// Looks whether a queue is there.
    Look(&'static str),
    /// Takes messages from a queue.
    Consume(&'static str),
    /// Empties a queue.
    Purge(&'static str),
    /// Deletes a queue.
    Delete(&'static str),
    /// Deletes an exchange.
    DeleteExchange(&'static str),
    /// Publishes to an exchange under a key.
    Publish(&'static str, &'static str),
    /// Makes a queue whose name begins so.
    Declare(&'static str),
    /// Makes an exchange whose name begins so.
    DeclareExchange(&'static str),
    /// Makes a queue whose name begins so, and whose dead letters go to an exchange.
    DeadLetters(&'static str, &'static str),
    /// Makes a queue whose name begins so, and binds it to an exchange under a key.
    Tap(&'static str, &'static str, &'static str),
    /// Binds a queue that is there to an exchange under a key.
    Bind(&'static str, &'static str, &'static str),
}

impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => write!(f, "log in"),
            Self::Look(queue) => write!(f, "look at queue {queue}"),
            Self::Consume(queue) => write!(f, "consume queue {queue}"),
            Self::Purge(queue) => write!(f, "purge queue {queue}"),
            Self::Delete(queue) => write!(f, "delete queue {queue}"),
            Self::DeleteExchange(exchange) => write!(f, "delete exchange {exchange}"),
            Self::Publish("", key) => write!(f, "publish to the default exchange, key {key}"),
            Self::Publish(exchange, key) => write!(f, "publish to {exchange}, key {key:?}"),
            Self::Declare(stem) => write!(f, "declare queue {stem}…"),
            Self::DeclareExchange(stem) => write!(f, "declare exchange {stem}…"),
            Self::DeadLetters(stem, exchange) => write!(f, "declare queue {stem}… with dead letters to {exchange}"),
            Self::Tap(stem, exchange, key) => write!(f, "bind own queue {stem}… to {exchange}, key {key:?}"),
            Self::Bind(queue, exchange, key) => write!(f, "bind queue {queue} to {exchange}, key {key:?}"),
        }
    }
}

/// Tries it with the rights of whoever `url` names; `Err` is the broker's text.
pub(crate) async fn attempt(url: &str, deed: Deed) -> Result<(), String> {
    within(&deed.to_string(), SOON, tried(url, deed)).await.map_err(|error| error.to_string())
}

/// On a connection of its own: what is refused breaks the channel, and sometimes more.
async fn tried(url: &str, deed: Deed) -> lapin::Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let outcome = carry_out(&channel, deed).await;
    // What is refused may have closed it already.
    connection.close(200, "done".into()).await.ok();
    outcome
}

async fn carry_out(channel: &Channel, deed: Deed) -> lapin::Result<()> {
    let none = FieldTable::default;
    match deed {
        Deed::Connect => {}
        Deed::Look(queue) => {
            let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            channel.queue_declare(queue.into(), options, none()).await?;
        }
        Deed::Consume(queue) => {
            channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), none()).await?;
        }
        Deed::Purge(queue) => {
            channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?;
        }
        Deed::Delete(queue) => {
            channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
        }
        Deed::DeleteExchange(exchange) => {
            channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
        }
        Deed::Publish(exchange, key) => publish(channel, exchange, key).await?,
        Deed::Declare(stem) => {
            declare(channel, stem, none()).await?;
        }
        Deed::DeclareExchange(stem) => {
            let options = ExchangeDeclareOptions { auto_delete: true, ..ExchangeDeclareOptions::default() };
            let name = unique(stem);
            channel.exchange_declare(name.as_str().into(), ExchangeKind::Fanout, options, none()).await?;
        }
        Deed::DeadLetters(stem, exchange) => {
            let mut arguments = none();
            arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString(exchange.into()));
            declare(channel, stem, arguments).await?;
        }
        Deed::Tap(stem, exchange, key) => {
            let queue = declare(channel, stem, none()).await?;
            bind(channel, &queue, exchange, key).await?;
        }
        Deed::Bind(queue, exchange, key) => bind(channel, queue, exchange, key).await?,
    }
    Ok(())
}

async fn declare(channel: &Channel, stem: &str, arguments: FieldTable) -> lapin::Result<String> {
    let name = unique(stem);
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.as_str().into(), options, arguments).await?;
    Ok(name)
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> lapin::Result<()> {
    let options = QueueBindOptions::default();
    channel.queue_bind(queue.into(), exchange.into(), key.into(), options, FieldTable::default()).await
}

/// Whatever it is published to can make nothing of it, so nothing is left behind: it is a sign of life of nobody.
async fn publish(channel: &Channel, exchange: &str, key: &str) -> lapin::Result<()> {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default().with_type("task.progress".into()).with_correlation_id("nobody".into());
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish(exchange.into(), key.into(), options, b"{}", properties).await?.await?;
    assert!(matches!(confirm, Confirmation::Ack(_)), "the broker took it and did not keep it: {confirm:?}");
    Ok(())
}
