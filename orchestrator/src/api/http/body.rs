//! Bodies in both directions, and the memory that they may take together.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response, header};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body as _, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::problem::{self, Problem};
use super::{BodyBound, Edge};
use crate::config::Http;

/// Bytes of a body that need no room of their own. Each connection has as many, whatever the others do.
const FREE: usize = 64 * 1024;
/// Longest wait for memory that others hold. After it the request is refused as busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest time for a whole request body, whatever its progress.
const WHOLE: Duration = Duration::from_secs(600);
/// Bytes of a body over the limit that are read and thrown away, as a multiple of the limit, so that a client that
/// sends first and reads later gets to read the answer.
const DRAIN: usize = 4;
/// Bytes that one permit stands for.
const UNIT: usize = 1024;

/// Memory that large bodies share.
#[derive(Debug)]
pub(super) struct Bodies {
    /// Room for bodies of requests.
    requests: Room,
    /// Room for bodies of answers that are being sent.
    answers: Room,
    /// Most bytes of a request body, whatever the handler allows.
    max: usize,
}

/// Memory that is handed out in units of [`UNIT`] bytes.
#[derive(Debug)]
struct Room {
    /// Number of all units.
    units: u32,
    /// Units that nobody has.
    left: Arc<Semaphore>,
}

/// Request body that arrived as a whole.
#[derive(Debug)]
pub(in super::super) struct Received {
    /// Bytes of the body.
    pub(in super::super) bytes: Vec<u8>,
    /// Room that it takes, given back when this is dropped; `None` for a small body.
    pub(in super::super) room: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    /// Memory as it is configured, all free.
    pub(super) fn new(http: &Http) -> Self {
        Self { requests: Room::new(http.body_memory), answers: Room::new(http.answer_memory), max: http.max_body }
    }

    /// Takes room for an answer until it is sent. Gives a refusal instead if there is none in time.
    pub(super) async fn send(&self, response: Response<Body>) -> Response<Body> {
        let size = response.body().size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        match self.answers.take(size).await {
            Ok(None) => response,
            Ok(Some(room)) => response.map(|body| Body::new(Guarded::new(body, room))),
            Err(problem) => problem.into_response(),
        }
    }
}

impl Room {
    /// Room for so many bytes.
    fn new(bytes: usize) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).min(u32::MAX >> 3);
        Self { units, left: Arc::new(Semaphore::new(units as usize)) }
    }

    /// Takes room for so many bytes; `None` for a few. A body that is larger than all of the room takes all of it.
    async fn take(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        if bytes <= FREE {
            return Ok(None);
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units);
        match tokio::time::timeout(PATIENCE, self.left.clone().acquire_many_owned(units)).await {
            Ok(permit) => Ok(Some(permit.expect("nobody closes the semaphore"))),
            Err(_) => {
                Err(Problem::busy(problem::NO_MEMORY, "others hold the memory for large bodies; try again in a moment"))
            }
        }
    }
}

/// Receives a whole body, within `bound` and the configured maximum.
///
/// # Errors
/// Too large, too slow, cut off, or no memory in time.
pub(in super::super) async fn receive(
    edge: &Edge,
    headers: &HeaderMap,
    body: Body,
    bound: BodyBound,
) -> Result<Received, Problem> {
    let bound = bound.and(BodyBound::set(edge.bodies.max, "http.max_body"));
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > bound.sent) && headers.contains_key(header::EXPECT) {
        // The client waits for our word before it sends anything.
        return Err(Problem::too_large(bound));
    }
    let collected = collect(edge, announced, body, bound);
    let late = |_| Err(slow(&format!("the body did not come as a whole within {} s", WHOLE.as_secs())));
    tokio::time::timeout(WHOLE, collected).await.unwrap_or_else(late)
}

/// Collects the pieces of a body. Takes room for the rest at once as soon as the body is not small.
async fn collect(edge: &Edge, announced: Option<usize>, body: Body, bound: BodyBound) -> Result<Received, Problem> {
    let limit = bound.sent;
    let mut chunks = body.into_data_stream();
    let mut received = Received { bytes: Vec::with_capacity(announced.unwrap_or(0).min(limit).min(FREE)), room: None };
    let is_hopeless = announced.is_some_and(|bytes| bytes > limit);
    let mut seen = 0;
    loop {
        let next = tokio::time::timeout(edge.times.body, chunks.next()).await;
        let Some(chunk) = next.map_err(|_| stalled(edge.times.body))? else { break };
        let chunk = chunk.map_err(Problem::body)?;
        seen += chunk.len();
        if seen > limit.saturating_mul(DRAIN) {
            break;
        }
        if seen > limit || is_hopeless {
            // What is too large needs no room: the rest of it is thrown away.
            received = Received { bytes: Vec::new(), room: None };
            continue;
        }
        if seen > FREE && received.room.is_none() {
            // All that will come at once, so that no two bodies wait for each other with half of theirs.
            let whole = announced.unwrap_or(limit).min(limit);
            received.room = edge.bodies.requests.take(whole).await?;
            received.bytes.reserve_exact(whole.saturating_sub(received.bytes.len()));
        }
        received.bytes.extend_from_slice(&chunk);
    }
    if seen > limit { Err(Problem::too_large(bound)) } else { Ok(received) }
}

/// Refusal of a body of which nothing more came for so long.
fn stalled(limit: Duration) -> Problem {
    slow(&format!("nothing more of the body came within {} s (http.body_timeout)", limit.as_secs()))
}

/// Refusal of a body that did not come in time. Counted.
fn slow(why: &str) -> Problem {
    metrics::counter!("warrener_http_refused_total", "reason" => "body_timeout").increment(1);
    Problem::slow_body(why)
}

/// A body that holds something until its last byte is handed to the network, or the body is given up.
#[derive(Debug)]
pub(super) struct Guarded<G> {
    /// The body.
    body: Body,
    /// Held while any piece of the body exists.
    guard: Arc<G>,
}

/// A piece of a guarded body. The body ends before its last piece is sent, so each piece holds the guard.
struct Piece<G> {
    bytes: Bytes,
    _guard: Arc<G>,
}

impl<G> AsRef<[u8]> for Piece<G> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl<G> Guarded<G> {
    /// Body that holds the guard.
    pub(super) fn new(body: Body, guard: G) -> Self {
        Self { body, guard: Arc::new(guard) }
    }
}

impl<G: Send + Sync + 'static> http_body::Body for Guarded<G> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let guard = &self.guard;
        Poll::Ready(
            frame.map(|frame| Ok(frame?.map_data(|bytes| Bytes::from_owner(Piece { bytes, _guard: guard.clone() })))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::usual;

    /// Refusal of a body of so many bytes that come one at a time, so far apart.
    async fn refusal(bytes: usize, apart: Duration) -> String {
        let edge = Edge::new(&usual().http, 1024);
        let pieces = futures_util::stream::unfold(0, move |sent| async move {
            tokio::time::sleep(apart).await;
            (sent < bytes).then(|| (Ok::<_, std::io::Error>(Bytes::from_static(b" ")), sent + 1))
        });
        let body = Body::from_stream(pieces);
        receive(&edge, &HeaderMap::new(), body, BodyBound::fixed(1_000_000)).await.unwrap_err().detail
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_is_told_from_one_that_is_slow() {
        let slow = refusal(100_000, Duration::from_secs(20)).await;
        assert_eq!(slow, "the body did not come as a whole within 600 s");
        let stalled = refusal(1, Duration::from_secs(3_600)).await;
        assert!(stalled.starts_with("nothing more of the body came within 30 s"), "{stalled}");
    }
}
