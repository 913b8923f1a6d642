//! Following the committed events, and telling the collector of what has ended.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use warrener_runtime::spans::Span;
use warrener_shared::id::JobNo;
use warrener_shared::wire::event::JobEvent;

use super::picture::Picture;
use crate::shared::Shared;
use crate::store::view::{EventChunk, Snapshot, View};
use crate::store::{EventChunkNo, StoreError};

/// Most chunks of events in one look, after which the connection is given back.
const LOOK: usize = 64;
/// Time between two looks: events gather meanwhile.
const PAUSE: Duration = Duration::from_millis(200);
/// Wait after a database that could not be read.
const TRY_AGAIN: Duration = Duration::from_secs(2);
/// Most chunks that it may be behind. Beyond, it skips to the latest: traces are worth less than the room they take.
const BEHIND: i64 = 50_000;

/// Jobs with those of their events that tell an end.
type Ends = VecDeque<(JobNo, Vec<JobEvent>)>;

/// Makes spans of what is committed from now on, until the process ends.
pub(crate) async fn follow(shared: Arc<Shared>, view: Arc<View>) {
    let mut committed = shared.notices.events();
    let mut cursor = loop {
        let reader = view.clone();
        let latest = tokio::task::spawn_blocking(move || reader.read(|snapshot| snapshot.last_events())).await;
        match latest {
            Ok(Ok(latest)) => break latest,
            _ => tokio::time::sleep(TRY_AGAIN).await,
        }
    };
    loop {
        let latest = committed.next().await;
        while cursor < latest {
            if latest.0 - cursor.0 > BEHIND {
                metrics::counter!("warrener_trace_events_skipped_total")
                    .increment(u64::try_from(latest.0 - cursor.0).unwrap_or_default());
                cursor = latest;
                break;
            }
            let (reader, register) = (view.clone(), shared.clone());
            let looked = tokio::task::spawn_blocking(move || {
                let Some(traces) = &register.traces else { return Ok(None) };
                look(&register, &reader, cursor, &mut |span| traces.spans.record(span))
            })
            .await;
            match looked {
                Ok(Ok(Some(next))) => cursor = next,
                // What it was told of was removed with its job.
                Ok(Ok(None)) => cursor = latest,
                Ok(Err(error)) if error.is_transient() => {
                    tracing::debug!(%error, "cannot read events for traces; trying again");
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                // Events that can never be read must not end the traces of all that comes.
                Ok(Err(error)) => {
                    tracing::error!(%error, "cannot read events for traces; spans are left out");
                    cursor = latest;
                }
                Err(error) => {
                    tracing::error!(%error, "making spans failed; please report it. Some are left out");
                    cursor = latest;
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Makes the spans of the next chunks. Gives the number of the last one; `None` if there is none.
///
/// A job that can never be read costs its own spans only.
pub(crate) fn look(
    shared: &Shared,
    view: &View,
    cursor: EventChunkNo,
    record: &mut dyn FnMut(Span),
) -> Result<Option<EventChunkNo>, StoreError> {
    let (last, mut ended) = view.read(|snapshot| ends(snapshot, cursor))?;
    while !ended.is_empty() {
        let told: Result<(), StoreError> = view.read(|snapshot| {
            while let Some((job, events)) = ended.front() {
                if let Some(mut picture) = Picture::of(shared, snapshot, *job)? {
                    picture.spans(events, record)?;
                }
                ended.pop_front();
            }
            Ok(())
        });
        match told {
            Ok(()) => {}
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => {
                let left_out = ended.pop_front();
                // A limit may have been lowered below what the job takes: then nothing is wrong.
                if !matches!(error, StoreError::Unfit { .. }) {
                    let job = left_out.map(|(job, _)| job.0);
                    tracing::error!(job, %error, "cannot read a job for its trace; its spans are left out");
                }
            }
        }
    }
    Ok(last)
}

/// Jobs of which something ended in the next chunks, with the events that say so, and the number of the last chunk;
/// `None` if there is none.
fn ends(snapshot: &mut Snapshot<'_>, cursor: EventChunkNo) -> Result<(Option<EventChunkNo>, Ends), StoreError> {
    let (mut last, mut seen) = (None, 0);
    let mut by_job: BTreeMap<JobNo, Vec<JobEvent>> = BTreeMap::new();
    snapshot.each_chunk(cursor, &mut |chunk| {
        last = Some(chunk.no);
        seen += 1;
        // Events that cannot be read were complained of by whoever publishes them.
        if let Ok(EventChunk::Job { no, events, .. }) = chunk.events {
            by_job.entry(no).or_default().extend(events.into_iter().filter(tells_an_end));
        }
        if seen < LOOK { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    Ok((last, by_job.into_iter().filter(|(_, events)| !events.is_empty()).collect()))
}

/// Tells whether an attempt, task or job ended with this event.
fn tells_an_end(event: &JobEvent) -> bool {
    !matches!(&*event.state, "waiting" | "ready" | "dispatched" | "scheduled" | "running")
}
