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
use tokio::sync::OwnedSemaphorePermit;

use super::super::problem::Problem;
use super::answers::AnswerMemory;
use super::room::{FREE, Room};
use super::seats::ClientLine;
use super::{BodyBound, Edge};
use crate::config::Http;

/// Longest time for a whole request body, whatever its progress.
const WHOLE: Duration = Duration::from_secs(600);
/// Bytes of a body that are read and thrown away, as a multiple of the most that one may have, so that a client that
/// sends first and reads later gets to read the answer.
const DRAIN: usize = 4;

/// Memory that large bodies share.
#[derive(Debug)]
pub(super) struct Bodies {
    /// Room for bodies of requests.
    requests: Room,
    /// Room for bodies of answers that are being sent.
    answers: AnswerMemory,
    /// Most bytes of a request body, whatever the handler allows.
    max: usize,
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
        let requests = Room::new(http.body_memory);
        let answers = AnswerMemory::new(Room::new(http.answer_memory), http.max_lists.saturating_add(http.max_reads));
        Self { requests, answers, max: http.max_body }
    }

    /// Takes room for an answer until it is sent. Gives a refusal instead if there is none in time.
    ///
    /// `permit`, of whoever made the answer, is kept until the answer counts among what is being sent, or among the
    /// bounded number of those that wait for that.
    pub(super) async fn send<P: Send>(
        &self,
        response: Response<Body>,
        line: Option<ClientLine>,
        permit: P,
    ) -> Response<Body> {
        let size = response.body().size_hint().exact().and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
        match self.answers.take(size, line, permit).await {
            Ok(None) => response,
            Ok(Some(room)) => response.map(|body| Body::new(Guarded::new(body, room))),
            Err(problem) => problem.into_response(),
        }
    }

    /// Most bytes of the rest of a body that are read and thrown away.
    pub(super) const fn most_drained(&self) -> usize {
        self.max.saturating_mul(DRAIN)
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
    if announced.is_some_and(|bytes| bytes > bound.sent) {
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
    let mut seen = 0;
    loop {
        let next = tokio::time::timeout(edge.times.body, chunks.next()).await;
        let Some(chunk) = next.map_err(|_| stalled(edge.times.body))? else { break };
        let chunk = chunk.map_err(Problem::body)?;
        seen += chunk.len();
        if seen > limit {
            return Err(Problem::too_large(bound));
        }
        if seen > FREE && received.room.is_none() {
            // All that will come at once, so that no two bodies wait for each other with half of theirs.
            let whole = announced.unwrap_or(limit).min(limit);
            received.room = edge.bodies.requests.take(whole).await?;
            received.bytes.reserve_exact(whole.saturating_sub(received.bytes.len()));
        }
        received.bytes.extend_from_slice(&chunk);
    }
    Ok(received)
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
