//! Messages that are sent one by one to destinations of others, each alone on a channel.
//!
//! Whatever a destination does to its channel concerns no other message: an exchange that is not there or may not be
//! written to closes the channel, a queue that confirms nothing keeps it. All channels are on a connection of their
//! own, which is opened anew once it breaks; that ends no session.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::Channel;
use tokio::sync::oneshot;
use warrener_shared::wire::Parcel;

use crate::error::SoftError;
use crate::link::WatchedConnection;
use crate::probe::Probe;
use crate::publisher::{Aside, OutgoingMessage, Published};
use crate::{BrokerError, Properties, Session};

/// Fate of a message that was sent alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The broker has it, in a queue at least.
    Taken,
    /// No binding wanted it.
    Unroutable,
    /// Not taken: a queue is full or cannot keep it.
    Nacked,
    /// The exchange does not exist.
    NoExchange,
    /// The broker refuses it, or it cannot be sent at all; the text says why.
    Refused(String),
    /// Nobody knows: no confirm came in time, or the connection broke. It may still arrive.
    Unknown,
}

/// A sender of single messages, mandatory and confirmed. Clones share the connection, which ends with the last of them.
#[derive(Clone, Debug)]
pub struct Courier {
    shared: Arc<CourierShared>,
}

#[derive(Debug)]
struct CourierShared {
    aside: Arc<Aside>,
    probe: Probe,
    limit: Duration,
    link: tokio::sync::Mutex<Option<Arc<WatchedConnection>>>,
    channels: Mutex<CourierChannels>,
}

/// Channels of the connection of the moment.
#[derive(Debug, Default)]
struct CourierChannels {
    /// Free ones.
    idle: Vec<Channel>,
    /// Number of those that owe a confirm for longer than the limit.
    overdue: usize,
}

impl Session {
    /// A sender of single messages on a connection of its own. Each waits for its confirm at most for `limit`.
    pub fn courier(&self, limit: Duration) -> Courier {
        let shared = CourierShared {
            aside: Arc::clone(self.aside()),
            probe: self.aside().probe(self.life()),
            limit,
            link: tokio::sync::Mutex::default(),
            channels: Mutex::default(),
        };
        Courier { shared: Arc::new(shared) }
    }
}

impl Courier {
    /// Sends a message and waits for its confirm. Every header goes out as it is, those of the broker too.
    pub async fn send(&self, parcel: Parcel) -> Delivered {
        let Parcel { exchange, key, message } = parcel;
        match OutgoingMessage::with_all_headers(&exchange, &key, message) {
            Ok(envelope) => self.deliver(envelope.mandatory()).await,
            Err(error) => Delivered::Refused(error.to_string()),
        }
    }

    /// Passes a message on with its properties exactly as they are.
    pub async fn forward(&self, exchange: &str, key: &str, properties: Properties, body: Vec<u8>) -> Delivered {
        match OutgoingMessage::of_parts(exchange, key, properties.into_basic(), body) {
            Ok(envelope) => self.deliver(envelope.mandatory()).await,
            Err(error) => Delivered::Refused(error.to_string()),
        }
    }

    /// Tells whether an exchange exists; `None` if the broker does not say. Nothing of ours waits for the answer but
    /// those who ask here.
    pub async fn knows(&self, exchange: &str) -> Option<bool> {
        self.shared.probe.exchange_exists(exchange).await.ok()
    }

    /// Closes the connection.
    pub async fn close(&self) {
        if let Some(link) = self.shared.link.lock().await.take() {
            link.close().await;
        }
        self.shared.probe.close().await;
    }

    async fn deliver(&self, envelope: OutgoingMessage) -> Delivered {
        let channel = match self.channel().await {
            Ok(channel) => channel,
            Err(error) => {
                tracing::debug!(%error, "no channel to send a message on");
                return Delivered::Unknown;
            }
        };
        let (tell, told) = oneshot::channel();
        // Not kept alive by a message that is never confirmed: its connection ends with the last sender.
        let shared = Arc::downgrade(&self.shared);
        // A channel that owes a confirm is kept until it comes: a late one for a closed channel ends the connection.
        tokio::spawn(async move {
            let delivered = envelope.deliver(&channel).await;
            let in_time = tell.send(delivered).is_ok();
            let Some(shared) = shared.upgrade() else { return };
            let mut channels = shared.channels();
            if !in_time {
                channels.overdue = channels.overdue.saturating_sub(1);
            }
            if channel.status().connected() {
                channels.idle.push(channel);
            }
        });
        match tokio::time::timeout(self.shared.limit, told).await {
            Ok(delivered) => delivered.unwrap_or(Delivered::Unknown),
            Err(_) => {
                self.late().await;
                Delivered::Unknown
            }
        }
    }

    /// Counts a confirm that did not come in time. When too many are owed the connection is given up with them.
    async fn late(&self) {
        let too_many = {
            let mut channels = self.shared.channels();
            channels.overdue += 1;
            channels.overdue >= OVERDUE_MAX
        };
        if too_many && let Some(link) = self.shared.link.lock().await.take() {
            tracing::warn!("too many messages are not confirmed; their connection is opened anew");
            *self.shared.channels() = CourierChannels::default();
            link.cut();
        }
    }

    async fn channel(&self) -> Result<Channel, BrokerError> {
        while let Some(channel) = self.shared.take_idle() {
            if channel.status().connected() {
                return Ok(channel);
            }
        }
        let link = self.link().await?;
        match link.confirm_channel().await {
            Ok(channel) => Ok(channel),
            Err(error) => {
                self.give_up(&link).await;
                Err(error)
            }
        }
    }

    async fn link(&self) -> Result<Arc<WatchedConnection>, BrokerError> {
        let mut kept = self.shared.link.lock().await;
        if let Some(link) = kept.as_ref().filter(|link| link.is_connected()) {
            return Ok(Arc::clone(link));
        }
        *self.shared.channels() = CourierChannels::default();
        let link = Arc::new(self.shared.aside.connect("sending").await?);
        *kept = Some(Arc::clone(&link));
        Ok(link)
    }

    /// Has the next message open another connection, unless somebody did already.
    async fn give_up(&self, link: &Arc<WatchedConnection>) {
        let mut kept = self.shared.link.lock().await;
        if kept.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, link)) {
            *kept = None;
            link.cut();
        }
    }
}

impl CourierShared {
    fn take_idle(&self) -> Option<Channel> {
        self.channels().idle.pop()
    }

    fn channels(&self) -> std::sync::MutexGuard<'_, CourierChannels> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CourierShared {
    fn drop(&mut self) {
        if let Some(link) = self.link.get_mut().take() {
            link.cut();
        }
    }
}

impl OutgoingMessage {
    /// Publishes alone on a channel, and waits for what becomes of it.
    async fn deliver(&self, channel: &Channel) -> Delivered {
        match self.send_or_fail(channel).await {
            Ok(Published::Confirmed) => Delivered::Taken,
            Ok(Published::Returned) => Delivered::Unroutable,
            Ok(Published::Nacked) => Delivered::Nacked,
            Ok(_) => Delivered::Unknown,
            Err(error) => match SoftError::of(&error) {
                Some(soft) if soft.code == lapin::protocol::AMQPSoftError::NOTFOUND => Delivered::NoExchange,
                Some(soft) => Delivered::Refused(soft.text),
                None => Delivered::Unknown,
            },
        }
    }
}

/// Most confirms that a connection may owe for longer than the limit; each keeps a channel at the broker.
const OVERDUE_MAX: usize = 128;
