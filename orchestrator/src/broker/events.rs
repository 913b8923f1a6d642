//! Publisher of events: from the database, in order, and only if somebody listens.
//!
//! Each round takes the events that are committed. The first event of each sort goes out alone and mandatory: if it
//! comes back, nobody listens to that sort, and the round skips the others of it. Whoever binds a queue later sees all
//! events that are committed later, because a round asks again. While nobody listens to anything, rounds are rare:
//! asking after each commit would cost more than the task.

use std::collections::BTreeMap;
use std::time::Duration;

use warrener_amqp::{PendingConfirm, Published};
use warrener_shared::wire::Message;
use warrener_shared::wire::event::{CLOUD_EVENTS, JobEvent, TickEvent, cloud_event, cloud_tick};

use super::{Context, Link};
use crate::driver::Input;
use crate::store::StoreError;
use crate::store::view::{ChunkHead, EventChunk, View};

/// Most chunks in one round.
const ROUND: usize = 1024;
/// First wait before a round whose fate is unknown goes out again.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest such wait.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Time for which events gather while nobody listens. A new listener hears the first one this late at most.
const QUIET: Duration = Duration::from_millis(100);

/// Publishes events until the session ends, from the first that is not known to be published.
pub(super) async fn run(context: Context, link: Link) {
    let mut committed = context.shared.notices.events();
    let mut cursor = loop {
        match read(&context, View::events_published).await {
            Ok(no) => break no,
            Err(error) => tracing::error!(%error, "cannot read which events were published"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let mut pause = PAUSE;
    loop {
        let chunks = match read(&context, move |view| view.events_after(cursor, ROUND)).await {
            Ok(chunks) => chunks,
            Err(error) => {
                tracing::error!(%error, "cannot read events");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(last) = chunks.last().map(|chunk| chunk.no) else {
            committed.next().await;
            continue;
        };
        let more = chunks.len() == ROUND;
        let Some(heard) = round(&context, &link, chunks).await else {
            // Nobody knows whether the broker has them all. If the session is over its owner says so; if the broker
            // takes nothing for now, a new session would not help. Nor would haste: other listeners hear it twice.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
            continue;
        };
        pause = PAUSE;
        cursor = last;
        context.input(Input::EventsPublished(cursor)).await;
        if !heard && !more {
            tokio::time::sleep(QUIET).await;
        }
    }
}

/// Publishes one round. True if anybody listens; `None` if it must go out again, since it is unknown whether the broker
/// has all of it, or the database is away.
async fn round(context: &Context, link: &Link, chunks: Vec<ChunkHead>) -> Option<bool> {
    let mut round = Round { context, link, heard: BTreeMap::new(), deaf: 0, pending: Vec::new() };
    for ChunkHead { no, kinds } in chunks {
        if kinds & !round.deaf == 0 {
            continue;
        }
        match read(context, move |view| view.event_chunk(no)).await {
            Ok(Some(EventChunk::Job { id, events, .. })) => {
                for event in events {
                    round.publish(&event.kind, || message(&id, &event)).await?;
                }
            }
            Ok(Some(EventChunk::Ticks(events))) => {
                for event in events {
                    round.publish(&event.kind, || of_tick(&event)).await?;
                }
            }
            // Its job was removed meanwhile.
            Ok(None) => {}
            Err(error) if error.is_transient() => {
                tracing::error!(%error, "cannot read events; trying again");
                return None;
            }
            Err(error) => tracing::error!(%error, chunk = no.0, "events of the store cannot be read"),
        }
    }
    settled(round.pending).await?;
    Some(round.heard.values().any(|heard| *heard))
}

/// Asks the database where that may block.
pub(super) async fn read<T: Send + 'static>(
    context: &Context,
    question: impl FnOnce(&View) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let view = context.view.clone();
    tokio::task::spawn_blocking(move || question(&view)).await.expect("reading does not panic")
}

/// A round that is being published.
struct Round<'a> {
    context: &'a Context,
    link: &'a Link,
    /// Sorts that were asked for, with true for those that somebody listens to.
    heard: BTreeMap<String, bool>,
    /// Bits of the sorts that nobody listens to.
    deaf: i64,
    /// Confirms that are waited for.
    pending: Vec<PendingConfirm>,
}

impl Round<'_> {
    /// Publishes an event, unless nobody listens to its sort. `None` if the round must go out again.
    async fn publish(&mut self, kind: &str, message: impl Fn() -> Message) -> Option<()> {
        let exchange = self.context.shared.names.events();
        match self.heard.get(kind) {
            Some(false) => {}
            Some(true) => {
                self.pending.push(self.link.events.enqueue(&exchange, kind, message()).await);
            }
            None => {
                // A mandatory message goes another way and would overtake those that wait for their confirm.
                settled(std::mem::take(&mut self.pending)).await?;
                let sent = self.link.events.publish_mandatory(&exchange, kind, message()).await;
                if !is_settled(sent) {
                    return None;
                }
                if sent == Published::Returned {
                    self.deaf |= crate::store::sql::chunk::kind_bit(kind);
                }
                self.heard.insert(kind.to_owned(), sent != Published::Returned);
            }
        }
        Some(())
    }
}

/// Waits for confirms. `None` if one of them leaves it open whether the broker has the event.
async fn settled(pending: Vec<PendingConfirm>) -> Option<()> {
    for one in pending {
        is_settled(one.await).then_some(())?;
    }
    Some(())
}

/// Tells whether an event need not go out again. A listener whose own queue refuses it goes without: repeating it until
/// there is room would keep all other listeners waiting.
fn is_settled(published: Published) -> bool {
    if published == Published::Nacked {
        metrics::counter!("warrener_events_refused_total").increment(1);
    }
    !matches!(published, Published::Unknown | Published::Late)
}

/// Message of an event of a job.
fn message(job: &str, event: &JobEvent) -> Message {
    cloud(&event.kind, format!("{job}.{}", event.sequence), cloud_event(job, event))
}

/// Message of an event of a tick.
fn of_tick(event: &TickEvent) -> Message {
    cloud(&event.kind, event.id(), cloud_tick(event))
}

/// Message of an event: CloudEvents in structured JSON.
fn cloud(kind: &str, id: String, body: Vec<u8>) -> Message {
    Message {
        content_type: Some(CLOUD_EVENTS.to_owned()),
        kind: Some(format!("warrener.{kind}")),
        message_id: Some(id),
        persistent: true,
        body,
        ..Message::default()
    }
}
