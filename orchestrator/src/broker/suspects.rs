//! Task queues that may have lost their leader: each is asked until it is known to be alive, or made anew.
//!
//! A session may end before an answer comes, or because of it, so what is still to be asked outlives sessions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use warrener_shared::id::QueueName;

use super::{Context, Link, heal};

/// Time between two looks at the list.
const EVERY: Duration = Duration::from_secs(1);
/// Time for which a queue is left alone that could not be asked or made anew.
const AGAIN: Duration = Duration::from_secs(5);

/// List of suspected queues, each with the time from which on it is to be asked. Outlives sessions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Suspects(Arc<Mutex<BTreeMap<QueueName, Instant>>>);

impl Suspects {
    /// Notes that this queue may be dead.
    pub(super) fn add(&self, queue: QueueName) {
        self.with(|list| {
            list.entry(queue).or_insert_with(Instant::now);
        });
    }

    /// Queues that are to be asked now.
    fn due(&self) -> Vec<QueueName> {
        let now = Instant::now();
        self.with(|list| list.iter().filter(|(_, at)| **at <= now).map(|(queue, _)| queue.clone()).collect())
    }

    /// Takes a queue off the list.
    fn clear(&self, queue: &QueueName) {
        self.with(|list| list.remove(queue));
    }

    /// Leaves a queue alone for a while.
    fn put_off(&self, queue: &QueueName) {
        self.with(|list| list.insert(queue.clone(), Instant::now() + AGAIN));
    }

    /// Changes the list.
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<QueueName, Instant>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Asks suspected queues until the session ends. `restarted` says that the broker restarted, after which every task
/// queue with open attempts may be dead.
pub(super) async fn run(context: Context, link: Link, restarted: bool) {
    if restarted {
        context.busy().into_iter().for_each(|queue| context.suspects.add(queue));
    }
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        for queue in context.suspects.due() {
            // Whatever happens now to the session, the queue stays on the list.
            context.suspects.put_off(&queue);
            if is_settled(&context, &link, &queue).await {
                context.suspects.clear(&queue);
            }
        }
    }
}

/// Asks a queue, and makes it anew if it is dead. False if it must be asked again.
async fn is_settled(context: &Context, link: &Link, queue: &QueueName) -> bool {
    let address = context.shared.address(queue);
    match link.session.depth(&address).await {
        // Only a leader counts messages.
        Ok(Some(depth)) if depth.ready > 0 => return true,
        Ok(_) => {}
        Err(_) => return false,
    }
    match warrener_amqp::queue_is_dead(&context.settings, &address).await {
        Ok(true) => {}
        Ok(false) => return true,
        Err(_) => return false,
    }
    if let Err(error) = heal::remake(context, &link.session, queue).await {
        tracing::error!(%error, %queue, "a dead task queue could not be made anew; trying again");
        return false;
    }
    true
}
