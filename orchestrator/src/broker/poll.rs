//! The poll: a look at the task queues each second. Which attempts must have started, which queues ran empty, which are
//! gone?

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use warrener_amqp::Session;
use warrener_shared::id::QueueName;

use super::{Context, Link, heal};
use crate::driver::{Depth, Input};

/// Time between two looks at the queues.
const EVERY: Duration = Duration::from_secs(1);
/// Time for which a queue with messages may stand still while its workers have room before a person is told.
const STUCK_AFTER: Duration = Duration::from_secs(15);

/// Polls the queues of ours with unstarted attempts until the session ends.
pub(super) async fn run(context: Context, link: Link) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut still = BTreeMap::new();
    loop {
        every.tick().await;
        let queues = context.shared.queues.unstarted().into_iter();
        let queues = queues.filter(|(_, name, _)| !context.shared.is_external(name));
        let mut missing = Vec::new();
        let mut seen = BTreeMap::new();
        for (no, name, upto) in queues {
            match look(&context, &link.session, no, &name, upto).await {
                Some(Some(ready)) => {
                    seen.insert(no, stands_still(&context, &name, ready, still.get(&no)));
                }
                Some(None) => missing.push(name),
                None => {}
            }
        }
        still = seen;
        if !missing.is_empty() {
            for queue in &missing {
                tracing::warn!(%queue, "the queue at the broker is gone");
            }
            if let Err(error) = heal::prepare_all(&context, &link.session, &missing).await {
                tracing::warn!(%error, "a queue could not be made anew; trying again");
            }
        }
    }
}

/// Number of messages ready in a queue, which the driver is told. `Some(None)` if the queue is gone, `None` if it could
/// not be looked at.
pub(super) async fn look(
    context: &Context,
    session: &Session,
    no: i64,
    name: &QueueName,
    upto: i64,
) -> Option<Option<u32>> {
    match session.depth(&context.shared.address(name)).await {
        Ok(Some(depth)) => {
            context.input(Input::Depth(Depth { queue: no, ready: depth.ready, upto })).await;
            Some(Some(depth.ready))
        }
        Ok(None) => Some(None),
        Err(error) => {
            tracing::debug!(%error, queue = %name, "a queue could not be looked at");
            None
        }
    }
}

/// Number of ready messages, and the time since which there are as many though workers have room for them. A broker may
/// have forgotten the consumers of a queue without a word; then a person is told.
pub(super) fn stands_still(
    context: &Context,
    queue: &QueueName,
    ready: u32,
    before: Option<&(u32, Option<Instant>)>,
) -> (u32, Option<Instant>) {
    let serving = context.shared.workers.serving(queue.as_str());
    let free = |worker: &crate::pulse::Seen| {
        !worker.heartbeat.draining && (worker.heartbeat.slots as usize) > worker.heartbeat.tickets.len()
    };
    let is_still = ready > 0 && serving.iter().any(free);
    let since = match before {
        Some((last, since)) if is_still && *last == ready => since.or_else(|| Some(Instant::now())),
        _ => None,
    };
    let is_stuck = since.is_some_and(|since| since.elapsed() > STUCK_AFTER);
    let text = is_stuck.then(|| {
        format!(
            "{ready} tasks wait in the queue {}, its workers have free slots, and none is taken: restart those workers \
             if it stays",
            queue
        )
    });
    context.notes.say(format!("queue {queue}"), text);
    (ready, since)
}
