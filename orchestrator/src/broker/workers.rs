//! Consumer of the heartbeats of workers.

use std::sync::Arc;

use warrener_amqp::Consumer;
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::heartbeat::Heartbeat;

use super::{Context, Link, settle};
use crate::driver::{Heard, Input};

/// Most heartbeats taken at once.
const BATCH: usize = 64;
/// Most bytes of a heartbeat: what the largest worker needs to name all of its 4,096 attempts.
const HEARTBEAT_BYTES: usize = 256 * 1024;
/// Most bytes of the id of a worker: it is shown, kept with attempts, and part of a routing key (255 bytes at most).
const WORKER_BYTES: usize = 200;
/// Most queues of one worker that are declared. A forged heartbeat must not fill the broker with queues.
const QUEUES_MAX: usize = 256;

/// Tells whether this can be the id of a worker.
pub(super) fn is_worker(id: &str) -> bool {
    (1..=WORKER_BYTES).contains(&id.len())
}

/// Consumes heartbeats until the session ends.
pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer) {
    let clock = warrener_runtime::clock::Clock::start();
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        for incoming in std::mem::take(&mut batch.deliveries) {
            if incoming.message.body.len() > HEARTBEAT_BYTES {
                metrics::counter!("warrener_heartbeats_too_large_total").increment(1);
                continue;
            }
            match serde_json::from_slice::<Heartbeat>(&incoming.message.body) {
                Ok(heartbeat) if is_worker(&heartbeat.worker) => {
                    note(&context, heartbeat, Timestamp(clock.now_ms())).await;
                }
                _ => metrics::counter!("warrener_heartbeats_unreadable_total").increment(1),
            }
        }
        // Heartbeats are transient; what is lost with the session comes again in five seconds.
        if batch.ack().await.is_err() {
            return;
        }
    }
}

/// Notes a heartbeat in the register, and hands it to the driver, with the queues if they are new.
async fn note(context: &Context, heartbeat: Heartbeat, at: Timestamp) {
    let tickets: Vec<Ticket> = heartbeat.tickets.iter().filter_map(|text| text.parse().ok()).collect();
    let worker: Arc<str> = Arc::from(heartbeat.worker.as_str());
    let queues = heartbeat.queues.clone();
    if context.shared.workers.note(heartbeat, at) {
        for queue in queues.iter().take(QUEUES_MAX).filter_map(|name| QueueName::new(name).ok()) {
            context.input(Input::Queue(queue)).await;
        }
    }
    // Also without tickets: what it does not name is what it has stopped.
    context.input(Input::Heartbeat(Heard { worker, tickets })).await;
}
