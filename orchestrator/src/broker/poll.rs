//! A look at the task queues each second: which attempts must have started, which queues ran empty, which are gone.

use std::time::Duration;

use warrener_shared::id::QueueName;

use super::{Context, Link, heal};
use crate::driver::{Depth, Input};

/// How often the queues are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How many rounds pass before a queue of somebody else is looked for again.
const MISSING_ROUNDS: u64 = 5;

pub(super) async fn run(context: Context, link: Link) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut rounds = 0_u64;
    loop {
        every.tick().await;
        for (no, name, upto) in queues(&context) {
            look(&context, &link, no, &name, upto).await;
        }
        rounds += 1;
        if rounds % MISSING_ROUNDS == 1 {
            find_addresses(&context, &link).await;
        }
        if let Some(reason) = link.session.is_blocked() {
            context.shared.health.not_ready("broker", format!("the broker takes no messages: {reason}"));
        } else {
            context.shared.health.ready("broker");
        }
    }
}

/// Queues with attempts that nobody was seen at, with the highest confirmed dispatch of each.
fn queues(context: &Context) -> Vec<(i64, QueueName, i64)> {
    context.shared.queues.unstarted()
}

async fn look(context: &Context, link: &Link, no: i64, name: &QueueName, upto: i64) {
    match link.session.depth(&context.address(name)).await {
        Ok(Some(depth)) => context.input(Input::Depth(Depth { queue: no, ready: depth.ready, upto })).await,
        Ok(None) => {
            tracing::warn!(queue = %name, "the queue at the broker is gone");
            if let Err(error) = heal::prepare(context, &link.session, name).await {
                tracing::warn!(%error, queue = %name, "the queue could not be made anew; trying again");
            }
        }
        Err(error) => tracing::debug!(%error, queue = %name, "a queue could not be looked at"),
    }
}

/// Queues of somebody else take tasks only as long as they are there.
async fn find_addresses(context: &Context, link: &Link) {
    let queues = context.shared.queues.all().into_iter().map(|queue| (queue.no, queue.name));
    for (no, name) in queues.filter(|(_, name)| context.shared.is_external(name)) {
        match heal::prepare(context, &link.session, &name).await {
            Ok(found) => context.input(Input::LaneFound(no, found)).await,
            Err(error) => tracing::warn!(%error, queue = %name, "the queue of somebody else cannot be bound"),
        }
    }
}
