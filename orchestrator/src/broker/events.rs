//! Publishing events: from the database, in order, and only if somebody listens.
//!
//! Each round takes the events that are committed. The first event of each sort goes out alone and mandatory: if it
//! comes back, nobody listens to that sort, and the round skips the others of it. Whoever binds a queue later sees
//! all events that are committed later, because a round asks again.

use std::collections::BTreeMap;
use std::time::Duration;

use warrener_amqp::{Pending, Published};
use warrener_shared::wire::Message;
use warrener_shared::wire::event::{CLOUD_EVENTS, JobEvent, cloud_event};

use super::{Context, Link};
use crate::driver::Input;
use crate::store::sqlite::view::EventChunk;

/// Chunks in one round.
const ROUND: usize = 256;
/// How long a round waits whose fate is unknown before it goes out again.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) async fn run(context: Context, link: Link) {
    let mut cursor = match context.view.events_published() {
        Ok(no) => no,
        Err(error) => return tracing::error!(%error, "cannot read which events were published"),
    };
    loop {
        let chunks = match context.view.events_after(cursor, ROUND) {
            Ok(chunks) => chunks,
            Err(error) => {
                tracing::error!(%error, "cannot read events");
                Vec::new()
            }
        };
        let Some(last) = chunks.last().map(|chunk| chunk.no) else {
            context.new_events.notified().await;
            continue;
        };
        if !round(&context, &link, chunks).await {
            // Nobody knows whether the broker has them all. If the session is over its owner says so; if the broker
            // takes nothing for now, a new session would not help.
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        cursor = last;
        context.input(Input::EventsPublished(cursor)).await;
    }
}

/// Publishes one round; false if it is unknown whether the broker has all of it, so that it must go out again.
async fn round(context: &Context, link: &Link, chunks: Vec<EventChunk>) -> bool {
    let exchange = context.names.events();
    let mut heard: BTreeMap<String, bool> = BTreeMap::new();
    let mut deaf: i64 = 0;
    let mut pending: Vec<Pending> = Vec::new();
    for chunk in chunks {
        if chunk.kinds & !deaf == 0 {
            continue;
        }
        let events: Vec<JobEvent> = match serde_json::from_slice(&chunk.body) {
            Ok(events) => events,
            Err(error) => {
                tracing::error!(%error, chunk = chunk.no, "events of the store cannot be read");
                continue;
            }
        };
        for event in events {
            match heard.get(&event.kind) {
                Some(false) => {}
                Some(true) => {
                    pending.push(link.replies.enqueue(&exchange, &event.kind, message(&chunk.job, &event)).await)
                }
                None => {
                    // A mandatory message goes another way and would overtake those that wait for their confirm.
                    if !settled(std::mem::take(&mut pending)).await {
                        return false;
                    }
                    let sent =
                        link.replies.publish_mandatory(&exchange, &event.kind, message(&chunk.job, &event)).await;
                    if sent == Published::Returned {
                        deaf |= crate::store::sqlite::kind_bit(&event.kind);
                    }
                    if !is_settled(sent) {
                        return false;
                    }
                    heard.insert(event.kind.clone(), sent != Published::Returned);
                }
            }
        }
    }
    settled(pending).await
}

async fn settled(pending: Vec<Pending>) -> bool {
    for one in pending {
        if !is_settled(one.await) {
            return false;
        }
    }
    true
}

/// Whether an event need not go out again. A listener whose own queue refuses it goes without: repeating it until
/// there is room would keep all other listeners waiting.
fn is_settled(published: Published) -> bool {
    if published == Published::Nacked {
        metrics::counter!("warrener_events_refused_total").increment(1);
    }
    published != Published::Unknown
}

fn message(job: &str, event: &JobEvent) -> Message {
    Message {
        content_type: Some(CLOUD_EVENTS.to_owned()),
        kind: Some(format!("warrener.{}", event.kind)),
        message_id: Some(format!("{job}.{}", event.sequence)),
        persistent: true,
        body: cloud_event(job, event),
        ..Message::default()
    }
}
