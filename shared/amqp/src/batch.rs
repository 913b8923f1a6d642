//! Several deliveries of one consumer, settled together.

use std::sync::Arc;

use crate::BrokerError;
use crate::delivery::{Delivery, DeliveryChannel, Incoming, Receipt, Settled, Settlement};

/// Several messages of one consumer, settled by one frame where that is possible: when everything that the consumer
/// has handed out before is settled. Otherwise they are settled one by one, which is slower and as right.
#[derive(Debug)]
#[must_use = "an unsettled delivery stays with this session until it is over"]
pub struct DeliveryBatch {
    /// The messages, oldest first. They can be taken out: the right to settle them stays here.
    pub deliveries: Vec<Incoming>,
    tags: Vec<u64>,
    lane: Arc<DeliveryChannel>,
}

impl DeliveryBatch {
    /// A batch of deliveries, each of which `read` translates.
    pub(crate) fn new(
        deliveries: impl Iterator<Item = lapin::message::Delivery>,
        lane: &Arc<DeliveryChannel>,
        read: fn(lapin::message::Delivery) -> Incoming,
    ) -> Self {
        let (tags, deliveries) = deliveries.map(|one| (one.delivery_tag, read(one))).unzip();
        Self { deliveries, tags, lane: Arc::clone(lane) }
    }

    /// Number of messages to settle.
    pub fn len(&self) -> usize {
        self.tags.len()
    }

    /// Tells whether there is nothing to settle.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Takes the right to settle the first `count` messages out, to be used before the rest; and those of them that
    /// nobody has taken out yet.
    #[must_use = "an unsettled delivery stays with this session until it is over"]
    pub fn split_first(&mut self, count: usize) -> Self {
        let untaken = count.min(self.deliveries.len());
        let (later, later_tags) = (self.deliveries.split_off(untaken), self.tags.split_off(count));
        Self {
            deliveries: std::mem::replace(&mut self.deliveries, later),
            tags: std::mem::replace(&mut self.tags, later_tags),
            lane: Arc::clone(&self.lane),
        }
    }

    /// Tells the broker that all messages are dealt with.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn ack(self) -> Result<Settled, BrokerError> {
        self.lane.settle_run(&self.tags, Settlement::Ack).await
    }

    /// Gives all messages back to their queue.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn release(self) -> Result<Settled, BrokerError> {
        self.lane.settle_run(&self.tags, Settlement::Release).await
    }

    /// Settles each message by the verdict on its index; all that are acknowledged share one frame.
    ///
    /// # Errors
    /// If it can't be written; the session is over then.
    pub async fn settle(self, verdict: impl Fn(usize) -> Settlement) -> Result<Settled, BrokerError> {
        let with = |wanted| {
            let tags = self.tags.iter().enumerate().filter(|&(index, _)| verdict(index) == wanted);
            tags.map(|(_, &tag)| tag).collect::<Vec<u64>>()
        };
        let (kept, rejected, released) = (with(Settlement::Ack), with(Settlement::Reject), with(Settlement::Release));
        // The exceptions first: an acknowledgement of a whole run would cover them.
        for (tags, verdict) in [(&rejected, Settlement::Reject), (&released, Settlement::Release)] {
            if self.lane.settle_each(tags, verdict).await? == Settled::TooLate {
                return Ok(Settled::TooLate);
            }
        }
        self.lane.settle_run(&kept, Settlement::Ack).await
    }

    /// The messages one by one, each with the right to settle it. Taken out before, a message is empty here.
    pub fn into_deliveries(self) -> Vec<Delivery> {
        let Self { deliveries, tags, lane } = self;
        let receipts = tags.into_iter().map(|tag| Receipt::new(tag, Arc::clone(&lane)));
        deliveries
            .into_iter()
            .zip(receipts)
            .map(|(incoming, receipt)| Delivery::from_parts(incoming, receipt))
            .collect()
    }
}
