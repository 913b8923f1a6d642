//! Received messages, each settled exactly once.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicNackOptions, BasicRejectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use warrener_shared::wire::Message;

use crate::call::call;
use crate::ledger::Ledger;
use crate::{BrokerError, Properties, Session, message};

/// A message as the broker handed it out, without the means to settle it.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The message.
    pub message: Message,
    /// True if the broker has handed the message out before.
    pub redelivered: bool,
    /// Number of earlier deliveries, as a quorum queue counts them. `None` on the first delivery: a header that says
    /// otherwise was written by a client then.
    pub delivery_count: Option<u32>,
    /// Number of earlier deliveries from RabbitMQ 4.3 on, those included that were handed back by `basic.nack`, which
    /// `delivery_count` leaves out from then on. `None` before, and on the first delivery.
    pub acquired_count: Option<u32>,
    /// The exchange that it was published to; empty for the default exchange.
    pub exchange: String,
    /// The key that it was published with.
    pub routing_key: String,
    /// The latest dead-lettering of the message, if there was one.
    pub death: Option<DeadLettering>,
    /// Properties and headers exactly as they came; only of a consumer that keeps them.
    pub properties: Option<Box<Properties>>,
}

/// The broker's account of a dead-lettering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLettering {
    /// The queue that it died in.
    pub queue: String,
    /// `rejected`, `expired`, `maxlen` or `delivery_limit`.
    pub reason: String,
    /// The exchange that it had been published to.
    pub exchange: String,
    /// The key that it had been published with.
    pub routing_key: String,
    /// Number of times that the message died there for that reason, from 1.
    pub count: i64,
}

/// A received message that must be settled: dropped instead, it stays with this session, and counts against the
/// prefetch, until the session is over.
#[derive(Debug)]
#[must_use = "an unsettled delivery stays with this session until it is over"]
pub struct Delivery {
    incoming: Incoming,
    receipt: Receipt,
}

/// The right to settle one delivery, once.
#[derive(Debug)]
#[must_use = "an unsettled delivery stays with this session until it is over"]
pub struct Receipt {
    tag: u64,
    lane: Arc<DeliveryChannel>,
}

/// Result of settling a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The settlement was handed to the broker. (AMQP confirms no settlements: if the connection breaks now, the
    /// message may still come again.)
    Done,
    /// The session is over: the broker gives the message to somebody else, or has done so.
    TooLate,
}

/// Settlement of a message of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The message is dealt with.
    Ack,
    /// Nobody can make sense of it: it is dead-lettered.
    Reject,
    /// Somebody else shall have it.
    Release,
    /// Somebody else shall have it, and it may have done harm: a delivery is counted by every version of the broker.
    Accuse,
}

/// The channel that deliveries came on; they hold it open until the last one is settled.
#[derive(Debug)]
pub(crate) struct DeliveryChannel {
    pub(crate) channel: Channel,
    pub(crate) session: Session,
    ledger: Mutex<Ledger>,
    /// The tag of the subscription; `None` while there is none.
    subscription: Mutex<Option<ShortString>>,
}

impl Delivery {
    pub(crate) fn new(delivery: lapin::message::Delivery, lane: &Arc<DeliveryChannel>) -> Self {
        let receipt = Receipt { tag: delivery.delivery_tag, lane: Arc::clone(lane) };
        Self { incoming: Incoming::from_lapin(delivery), receipt }
    }

    /// Tells the broker that the message is dealt with.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn ack(self) -> Result<Settled, BrokerError> {
        self.receipt.ack().await
    }

    /// Refuses a message that nobody can make sense of: it goes to the dead letters.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn reject(self) -> Result<Settled, BrokerError> {
        self.receipt.reject().await
    }

    /// Gives the message back to its queue for anybody. It counts as one delivery up to RabbitMQ 4.2.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn release(self) -> Result<Settled, BrokerError> {
        self.receipt.release().await
    }

    /// Gives the message back to its queue as one that may have done harm: every version of RabbitMQ counts it as a
    /// delivery.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn accuse(self) -> Result<Settled, BrokerError> {
        self.receipt.accuse().await
    }

    /// The message, and the right to settle it, apart.
    pub fn into_parts(self) -> (Incoming, Receipt) {
        (self.incoming, self.receipt)
    }

    pub(crate) fn from_parts(incoming: Incoming, receipt: Receipt) -> Self {
        Self { incoming, receipt }
    }
}

impl Deref for Delivery {
    type Target = Incoming;

    fn deref(&self) -> &Incoming {
        &self.incoming
    }
}

impl DerefMut for Delivery {
    fn deref_mut(&mut self) -> &mut Incoming {
        &mut self.incoming
    }
}

impl Receipt {
    pub(crate) fn new(tag: u64, lane: Arc<DeliveryChannel>) -> Self {
        Self { tag, lane }
    }

    /// Tells the broker that the message is dealt with.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn ack(self) -> Result<Settled, BrokerError> {
        self.settle(Settlement::Ack).await
    }

    /// Refuses a message that nobody can make sense of: it goes to the dead letters.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn reject(self) -> Result<Settled, BrokerError> {
        self.settle(Settlement::Reject).await
    }

    /// Gives the message back to its queue for anybody. It counts as one delivery up to RabbitMQ 4.2.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn release(self) -> Result<Settled, BrokerError> {
        self.settle(Settlement::Release).await
    }

    /// Gives the message back to its queue as one that may have done harm: every version of RabbitMQ counts it as a
    /// delivery.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn accuse(self) -> Result<Settled, BrokerError> {
        self.settle(Settlement::Accuse).await
    }

    /// Acknowledges several, with as few frames as their order allows: all that a consumer handed out before the
    /// oldest open one share one. Frames of others follow without waiting for each other.
    ///
    /// # Errors
    /// If a frame can't be written; that session is over then.
    pub async fn ack_all(receipts: Vec<Self>) -> Result<(), BrokerError> {
        let mut lanes: Vec<(Arc<DeliveryChannel>, Vec<u64>)> = Vec::new();
        for Self { tag, lane } in receipts {
            match lanes.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &lane)) {
                Some((_, tags)) => tags.push(tag),
                None => lanes.push((lane, vec![tag])),
            }
        }
        for (lane, mut tags) in lanes {
            tags.sort_unstable();
            lane.ack_all(&tags).await?;
        }
        Ok(())
    }

    /// Tells whether the session that the message came through still lives.
    pub fn is_usable(&self) -> bool {
        self.lane.session.is_usable()
    }

    async fn settle(self, verdict: Settlement) -> Result<Settled, BrokerError> {
        self.lane.settle(self.tag, verdict).await
    }
}

impl DeliveryChannel {
    pub(crate) fn new(channel: Channel, session: Session) -> Arc<Self> {
        let lane = Self { channel, session, ledger: Mutex::new(Ledger::new()), subscription: Mutex::default() };
        let lane = Arc::new(lane);
        lane.session.links().note(&lane);
        lane
    }

    /// Notes which subscription deliveries come through now.
    pub(crate) fn subscribed(&self, tag: Option<ShortString>) {
        *self.subscription.lock().unwrap_or_else(PoisonError::into_inner) = tag;
    }

    /// Ends the subscription, so that nothing follows, and gives everything unsettled back to the queue.
    pub(crate) async fn hand_back(&self) {
        if !self.channel.status().connected() {
            return;
        }
        let tag = self.subscription.lock().unwrap_or_else(PoisonError::into_inner).take();
        let handing_back = async {
            if let Some(tag) = tag {
                self.channel.basic_cancel(tag, BasicCancelOptions::default()).await?;
            }
            // Tag 0 with `multiple` means all that is outstanding.
            self.channel.basic_nack(0, BasicNackOptions { multiple: true, requeue: true }).await
        };
        if let Err(error) = handing_back.await {
            tracing::debug!(%error, "deliveries were not handed back");
        }
    }

    pub(crate) async fn settle(&self, tag: u64, verdict: Settlement) -> Result<Settled, BrokerError> {
        let _settled = Marks { lane: self, tags: &[tag] };
        self.write(async {
            match verdict {
                Settlement::Ack => self.channel.basic_ack(tag, BasicAckOptions::default()).await,
                Settlement::Reject => self.channel.basic_reject(tag, BasicRejectOptions { requeue: false }).await,
                Settlement::Accuse => self.channel.basic_reject(tag, BasicRejectOptions { requeue: true }).await,
                // Not a reject, which accuses the message: RabbitMQ counts those from 4.3 on, and nacks no more.
                Settlement::Release => {
                    self.channel.basic_nack(tag, BasicNackOptions { multiple: false, requeue: true }).await
                }
            }
        })
        .await
    }

    /// Settles a run of deliveries by one frame if nothing before it is open, else one by one.
    pub(crate) async fn settle_run(&self, tags: &[u64], verdict: Settlement) -> Result<Settled, BrokerError> {
        let (Some(&first), Some(&last)) = (tags.first(), tags.last()) else { return Ok(Settled::Done) };
        if matches!(verdict, Settlement::Reject | Settlement::Accuse) || !self.ledger().is_settled_before(first) {
            return self.settle_each(tags, verdict).await;
        }
        let _settled = Marks { lane: self, tags };
        self.write(async {
            let (multiple, requeue) = (true, true);
            match verdict {
                Settlement::Ack => self.channel.basic_ack(last, BasicAckOptions { multiple }).await,
                _ => self.channel.basic_nack(last, BasicNackOptions { multiple, requeue }).await,
            }
        })
        .await
    }

    async fn ack_all(&self, tags: &[u64]) -> Result<(), BrokerError> {
        let (run, rest) = tags.split_at(self.ledger().run(tags));
        if let Some(&last) = run.last() {
            let multiple = run.len() > 1;
            let _settled = Marks { lane: self, tags: run };
            self.write(self.channel.basic_ack(last, BasicAckOptions { multiple })).await?;
        }
        for settled in join_all(rest.iter().map(|tag| self.settle(*tag, Settlement::Ack))).await {
            settled?;
        }
        Ok(())
    }

    pub(crate) async fn settle_each(&self, tags: &[u64], verdict: Settlement) -> Result<Settled, BrokerError> {
        for &tag in tags {
            if self.settle(tag, verdict).await? == Settled::TooLate {
                return Ok(Settled::TooLate);
            }
        }
        Ok(Settled::Done)
    }

    /// Waits until a settlement is written to the network.
    async fn write(&self, frame: impl Future<Output = lapin::Result<()>>) -> Result<Settled, BrokerError> {
        if !self.session.is_usable() {
            return Ok(Settled::TooLate);
        }
        match call("settling a delivery", self.session.settings().call_timeout, frame).await {
            Ok(()) => Ok(Settled::Done),
            Err(error @ BrokerError::Timeout { .. }) => {
                self.session.break_with(error.clone());
                Err(error)
            }
            // The channel is gone, and the message with it.
            Err(error) => {
                self.session.break_with(error);
                Ok(Settled::TooLate)
            }
        }
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes deliveries as settled once their frame is out, also if nobody waited for that. Not earlier: a `multiple`
/// frame of somebody else must not overtake it.
struct Marks<'a> {
    lane: &'a DeliveryChannel,
    tags: &'a [u64],
}

impl Drop for Marks<'_> {
    fn drop(&mut self) {
        let mut ledger = self.lane.ledger();
        for &tag in self.tags {
            ledger.settle(tag);
        }
    }
}

impl Incoming {
    /// The same with its properties exactly as they came.
    pub(crate) fn with_properties(delivery: lapin::message::Delivery) -> Self {
        let properties = Some(Box::new(Properties::of(&delivery.properties)));
        Self { properties, ..Self::from_lapin(delivery) }
    }

    pub(crate) fn from_lapin(delivery: lapin::message::Delivery) -> Self {
        let headers = delivery.properties.headers().as_ref();
        Self {
            redelivered: delivery.redelivered,
            delivery_count: headers.filter(|_| delivery.redelivered).and_then(|all| count(all, "x-delivery-count")),
            acquired_count: headers.filter(|_| delivery.redelivered).and_then(|all| count(all, "x-acquired-count")),
            exchange: delivery.exchange.into(),
            routing_key: delivery.routing_key.into(),
            death: headers.and_then(last_death),
            properties: None,
            message: message::from_parts(&delivery.properties, delivery.data),
        }
    }
}

fn count(headers: &FieldTable, name: &str) -> Option<u32> {
    let count = headers.inner().get(name).and_then(message::integer)?;
    u32::try_from(count).ok()
}

/// The broker lists deaths newest first.
fn last_death(headers: &FieldTable) -> Option<DeadLettering> {
    let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else { return None };
    let AMQPValue::FieldTable(death) = deaths.as_slice().first()? else { return None };
    let text = |name: &str| death.inner().get(name).map(text_of).unwrap_or_default();
    let keys = death.inner().get("routing-keys").and_then(AMQPValue::as_array);
    Some(DeadLettering {
        queue: text("queue"),
        reason: text("reason"),
        exchange: text("exchange"),
        routing_key: keys.and_then(|keys| keys.as_slice().first()).map(text_of).unwrap_or_default(),
        count: death.inner().get("count").and_then(message::integer).unwrap_or(1),
    })
}

fn text_of(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => text.to_string(),
        AMQPValue::ShortString(text) => text.as_str().to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
