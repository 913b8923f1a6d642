//! A message with its address, ready to be sent.

use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Confirmation};
use warrener_shared::wire::Message;

use crate::call::short;
use crate::publisher::Published;
use crate::{BrokerError, message};

#[derive(Debug)]
pub(crate) struct OutgoingMessage {
    exchange: ShortString,
    key: ShortString,
    options: BasicPublishOptions,
    properties: BasicProperties,
    body: Vec<u8>,
}

impl OutgoingMessage {
    /// `None` if it can't be sent, which no retry changes. It is logged.
    pub(crate) fn new(exchange: &str, key: &str, message: Message) -> Option<Self> {
        Self::build(exchange, key, message)
            .inspect_err(|error| tracing::error!(%error, exchange, key, "a message can't be published"))
            .ok()
    }

    /// The same with every header as it is, those that belong to the broker too.
    ///
    /// # Errors
    /// [`BrokerError::Invalid`] if it can't be sent, which no retry changes.
    pub(crate) fn with_all_headers(exchange: &str, key: &str, message: Message) -> Result<Self, BrokerError> {
        let (properties, body) = message::into_parts_with_all(message)?;
        Self::of_parts(exchange, key, properties, body)
    }

    fn build(exchange: &str, key: &str, message: Message) -> Result<Self, BrokerError> {
        let (properties, body) = message::into_parts(message)?;
        Self::of_parts(exchange, key, properties, body)
    }

    /// The same with properties as AMQP has them.
    pub(crate) fn of_parts(
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: Vec<u8>,
    ) -> Result<Self, BrokerError> {
        let (exchange, key) = (short("the name of an exchange", exchange)?, short("a routing key", key)?);
        if body.len() > LARGEST_BODY {
            let (what, why) = (format!("a body of {} bytes", body.len()), format!("RabbitMQ 4 takes {LARGEST_BODY}"));
            return Err(BrokerError::Invalid { what, why });
        }
        Ok(Self { exchange, key, options: BasicPublishOptions::default(), properties, body })
    }

    pub(crate) fn mandatory(mut self) -> Self {
        self.options.mandatory = true;
        self
    }

    /// The destination: exchange and routing key.
    pub(super) fn destination(&self) -> (ShortString, ShortString) {
        (self.exchange.clone(), self.key.clone())
    }

    pub(super) fn is_to(&self, (exchange, key): &(ShortString, ShortString)) -> bool {
        self.key == *key && self.exchange == *exchange
    }

    /// Bytes of the body.
    pub(super) fn size(&self) -> usize {
        self.body.len()
    }

    /// Publishes and waits for the answer. The first poll gives the message its number on the channel and puts it
    /// into the outgoing frames, in one go: only one task may poll the sends of a channel.
    pub(crate) async fn send(&self, channel: &Channel) -> Published {
        self.send_or_fail(channel).await.unwrap_or(Published::Unknown)
    }

    /// The same, with the error that ended the channel.
    pub(crate) async fn send_or_fail(&self, channel: &Channel) -> lapin::Result<Published> {
        let (exchange, key, properties) = (self.exchange.clone(), self.key.clone(), self.properties.clone());
        let confirm = channel.basic_publish(exchange, key, self.options, &self.body, properties).await?;
        Ok(match confirm.await? {
            Confirmation::Ack(None) => Published::Confirmed,
            Confirmation::Ack(Some(_)) => Published::Returned,
            Confirmation::Nack(_) => Published::Nacked,
            // Can't be: every channel that comes here was switched to confirms.
            Confirmation::NotRequested => Published::Unknown,
        })
    }

    /// Publishes on a channel without confirms; whether it was written to the network.
    pub(crate) async fn hand_over(self, channel: &Channel) -> bool {
        let Self { exchange, key, options, properties, body } = self;
        match channel.basic_publish(exchange, key, options, &body, properties).await {
            // The library keeps every confirm that nobody has looked at.
            Ok(confirm) => confirm.await.is_ok(),
            Err(_) => false,
        }
    }
}

/// RabbitMQ 4 answers a larger message by closing the channel, so that one message would end session after session.
const LARGEST_BODY: usize = 16 * 1024 * 1024;
