//! From one queue to the next with nothing in between: the least that a system of queues has to do.

use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicPublishOptions};
use lapin::{Channel, Confirmation};

use super::load::{PREFETCH, UNCONFIRMED};
use super::wire::{Wire, confirmed, consume, next};
use crate::failure::Failure;

/// Carries every message on, unchanged; it is settled once the next queue has it. Ends with an error only.
///
/// `to` is a queue; without one each message names its own in `reply_to`.
pub(super) async fn relay(url: &str, from: &str, to: Option<&str>) -> Result<(), Failure> {
    let wire = Wire::open(url).await?;
    let (sending, receiving) = (wire.confirming().await?, wire.channel().await?);
    let mut consumer = consume(&receiving, from, PREFETCH).await?;
    let mut confirms = FuturesOrdered::new();
    loop {
        tokio::select! {
            delivery = next(&mut consumer), if confirms.len() < UNCONFIRMED => {
                confirms.push_back(send(&sending, delivery?, to).await?);
            }
            Some(first) = confirms.next(), if !confirms.is_empty() => {
                let mut last = settled(first)?;
                while let Some(Some(more)) = confirms.next().now_or_never() {
                    last = settled(more)?;
                }
                receiving.basic_ack(last, BasicAckOptions { multiple: true }).await?;
            }
        }
    }
}

/// Confirm of the next queue, with the tag of the delivery that it stands for.
type RelayConfirm = (lapin::Result<Confirmation>, u64);

async fn send(
    channel: &Channel,
    message: Delivery,
    to: Option<&str>,
) -> Result<impl Future<Output = RelayConfirm>, Failure> {
    let key = to.map_or_else(|| message.properties.reply_to().clone().unwrap_or_default(), Into::into);
    let options = BasicPublishOptions::default();
    let confirm = channel.basic_publish("".into(), key, options, &message.data, message.properties).await?;
    Ok(confirm.map(move |confirmation| (confirmation, message.delivery_tag)))
}

/// The delivery that was carried on.
fn settled((confirmation, delivery): RelayConfirm) -> Result<u64, Failure> {
    confirmed(confirmation).map(|()| delivery)
}
