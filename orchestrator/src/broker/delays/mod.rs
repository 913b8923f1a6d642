//! Messages of others that go out later: each exchange under `[delays]` by itself, so that none waits for another.

mod intake;
mod judge;
mod release;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use warrener_amqp::{BrokerError, Topology};

use self::release::Release;
use super::{Context, Link};
use crate::delays::DelayRoute;

/// Time between two attempts to have the exchange and our queue.
const AGAIN: Duration = Duration::from_secs(5);

/// Starts what takes and what releases the messages of every exchange.
pub(super) fn start(context: &Context, link: &Link, loops: &mut JoinSet<()>) {
    for route in context.delays.iter() {
        let news = Arc::new(Notify::new());
        let release = Release::new(context.clone(), link, route.clone(), Arc::clone(&news));
        loops.spawn(release.run());
        loops.spawn(take(context.clone(), link.clone(), route.clone(), news));
    }
}

/// Takes messages until the session ends. What is wrong with the exchange or our queue concerns nobody else: it is
/// noted, and tried again.
async fn take(context: Context, link: Link, route: DelayRoute, news: Arc<Notify>) {
    let about = format!("delays {}", route.exchange);
    while link.session.is_usable() {
        match open(&context, &link, &route).await {
            Ok(consumer) => {
                context.notes.say(about.clone(), None);
                if intake::run(&context, &link, &route, consumer, &news).await.is_break() {
                    return;
                }
            }
            Err(error) => {
                let text = format!("messages for the exchange {} are not taken: {error}", route.exchange);
                context.notes.say(about.clone(), Some(text));
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Declares the exchange and our queue, and consumes from that.
async fn open(context: &Context, link: &Link, route: &DelayRoute) -> Result<warrener_amqp::Consumer, BrokerError> {
    let names = &context.shared.names;
    link.session.declare(&Topology::delay(names, &route.exchange)).await?;
    let consumer = link.session.consume(&names.delayed(&route.exchange), intake::PREFETCH).await?;
    Ok(consumer.keeping_properties().sparing_its_session())
}
