//! Channels for publishers that come and go: each is used by one at a time.

use std::sync::Arc;

use deadpool::Runtime;
use deadpool::managed::{Manager, Metrics, Object, Pool, RecycleError, RecycleResult, Timeouts};
use lapin::Channel;
use warrener_shared::wire::Message;

use crate::life::Life;
use crate::links::Links;
use crate::publisher::{OutgoingMessage, Published};
use crate::{BrokerError, Settings};

/// Confirm channels on the publishing connection, checked out exclusively.
///
/// A channel carries one publish at a time, so a confirm, and a return too, belongs to that publish for sure. That
/// costs a round trip for each message; a [`Publisher`](crate::Publisher) pipelines.
#[derive(Clone, Debug)]
pub struct ChannelPool {
    pool: Pool<Channels>,
    life: Arc<Life>,
    limit: std::time::Duration,
}

impl ChannelPool {
    pub(crate) fn new(settings: &Settings, life: &Arc<Life>, links: &Arc<Links>) -> Self {
        let manager = Channels { life: Arc::clone(life), links: Arc::clone(links) };
        let pool = Pool::builder(manager)
            .max_size(POOLED_CHANNELS)
            .timeouts(Timeouts {
                wait: Some(settings.publish_timeout),
                create: Some(settings.call_timeout),
                recycle: Some(settings.call_timeout),
            })
            .runtime(Runtime::Tokio1)
            .build()
            .expect("a runtime is given, as timeouts need");
        Self { pool, life: Arc::clone(life), limit: settings.publish_timeout }
    }

    /// Publishes one message and waits for its confirm.
    pub async fn publish(&self, exchange: &str, key: &str, message: Message) -> Published {
        self.send(OutgoingMessage::new(exchange, key, message)).await
    }

    /// Publishes one message that must reach a queue: [`Published::Returned`] if no binding wants it.
    pub async fn publish_mandatory(&self, exchange: &str, key: &str, message: Message) -> Published {
        self.send(OutgoingMessage::new(exchange, key, message).map(OutgoingMessage::mandatory)).await
    }

    async fn send(&self, envelope: Option<OutgoingMessage>) -> Published {
        let Some(envelope) = envelope else { return Published::Impossible };
        let outcome = tokio::select! {
            biased;
            outcome = tokio::time::timeout(self.limit, self.send_alone(envelope)) => outcome.ok(),
            _ = self.life.over() => None,
        };
        outcome.unwrap_or(Published::Unknown)
    }

    async fn send_alone(&self, envelope: OutgoingMessage) -> Published {
        let mut channel: Object<Channels> = match self.pool.get().await {
            Ok(channel) => channel,
            Err(error) => {
                tracing::warn!(%error, "no channel to publish on");
                return Published::Unknown;
            }
        };
        // If this future is dropped before the confirm, the mark stays and the channel isn't used again: its next
        // user would take a late return for its own.
        channel.in_use = true;
        let outcome = envelope.send(&channel.channel).await;
        channel.in_use = outcome == Published::Unknown;
        outcome
    }
}

/// Opens channels and judges whether they can be used again.
#[derive(Debug)]
struct Channels {
    life: Arc<Life>,
    links: Arc<Links>,
}

#[derive(Debug)]
struct PooledChannel {
    channel: Channel,
    in_use: bool,
}

impl Manager for Channels {
    type Type = PooledChannel;
    type Error = BrokerError;

    async fn create(&self) -> Result<PooledChannel, BrokerError> {
        self.life.check()?;
        Ok(PooledChannel { channel: self.links.publishing.confirm_channel().await?, in_use: false })
    }

    async fn recycle(&self, pooled: &mut PooledChannel, _: &Metrics) -> RecycleResult<BrokerError> {
        self.life.check()?;
        if pooled.in_use || !pooled.channel.status().connected() {
            return Err(RecycleError::message("its last publish was abandoned"));
        }
        Ok(())
    }
}

/// A process has few ad-hoc publishers at once; each channel costs the broker a process.
const POOLED_CHANNELS: usize = 16;
