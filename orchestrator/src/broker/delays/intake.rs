//! Taking: a message is kept durably, then acknowledged.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use warrener_amqp::{BrokerError, Consumer, Incoming};

use super::super::intake::{self as watch, Intake};
use super::super::letter::letter;
use super::super::settle::{Outcome, Settler};
use super::super::{Context, Link};
use super::judge;
use crate::delays::{DelayHeader, DelayRoute};
use crate::driver::Input;
use crate::store::{DelayedChanges, DelayedMessage};

/// Most messages that are taken and not acknowledged.
pub(super) const PREFETCH: u16 = 512;
/// Most messages of one commit.
const BATCH: usize = 128;

/// Takes messages until the broker ends the consumer, then gives `Continue`; `Break` once the session is over.
pub(super) async fn run(
    context: &Context,
    link: &Link,
    route: &DelayRoute,
    consumer: Consumer,
    news: &Arc<Notify>,
) -> ControlFlow<()> {
    let intake = Intake::new(consumer.queue().to_owned());
    tokio::select! {
        how = take(context, link, route, consumer, news, intake.clone()) => how,
        () = watch::run(context.clone(), link.clone(), vec![intake]) => ControlFlow::Break(()),
    }
}

async fn take(
    context: &Context,
    link: &Link,
    route: &DelayRoute,
    mut consumer: Consumer,
    news: &Arc<Notify>,
    intake: Intake,
) -> ControlFlow<()> {
    let settler = Settler::start(context, link.session.clone(), intake);
    loop {
        let mut batch = match consumer.next_batch(BATCH, Duration::ZERO).await {
            Ok(batch) => batch,
            Err(error @ BrokerError::ConsumerEnded { .. }) => {
                tracing::warn!(%error, "beginning anew");
                return ControlFlow::Continue(());
            }
            Err(_) => return ControlFlow::Break(()),
        };
        let inputs = read(context, route, std::mem::take(&mut batch.deliveries));
        let news = Arc::clone(news);
        let tell: Outcome = Box::pin(async move {
            news.notify_one();
            Vec::new()
        });
        if settler.hand_over(inputs, batch, Some(tell)).await.is_err() {
            return ControlFlow::Break(());
        }
    }
}

/// Inputs that keep messages: until their time, or as dead letters if it cannot be told.
fn read(context: &Context, route: &DelayRoute, deliveries: Vec<Incoming>) -> Vec<Input> {
    let (offset, now) = (context.shared.followed(), context.shared.followed_now());
    let (mut inputs, mut changes) = (Vec::new(), DelayedChanges::default());
    for mut incoming in deliveries {
        let properties = incoming.properties.take().unwrap_or_default();
        match judge::due_at(properties.number(route.header.as_str()), route.header, now) {
            Ok(due_at) => changes.kept.push(Arc::new(DelayedMessage {
                exchange: Arc::clone(&route.exchange),
                routing_key: incoming.routing_key,
                due_at,
                after_delay: matches!(route.header, DelayHeader::Delay),
                received_at: now,
                properties: properties.to_bytes(),
                body: incoming.message.body,
            })),
            Err(why) => inputs.push(Input::Dead(letter("delayed", "invalid_header", why, &incoming))),
        }
    }
    metrics::counter!("warrener_delayed_messages_total", "outcome" => "kept").increment(changes.kept.len() as u64);
    metrics::counter!("warrener_delayed_messages_total", "outcome" => "refused").increment(inputs.len() as u64);
    if !changes.is_empty() {
        inputs.push(Input::Delayed(changes, offset));
    }
    inputs
}
