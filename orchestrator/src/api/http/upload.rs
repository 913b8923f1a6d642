//! Request bodies on their way in.
//!
//! While the next piece of one is awaited, its connection may have to make room for others. What a handler leaves of
//! one is read and thrown away, so that a client that sends first and reads later gets to read its answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::seats::{Seat, Stall};

/// Bytes after which a body counts as coming. Single bytes now and then hold a seat as well as none.
const STEP: usize = 16 * 1024;
/// Longest pause in a body that nobody wants, after which its client waits for the answer and sends no more.
const LULL: Duration = Duration::from_secs(2);

/// Body of a request, for its handler.
#[derive(Debug)]
struct Upload {
    /// The body; `None` once it is given back.
    body: Option<Incoming>,
    /// Seat of its connection.
    seat: Arc<Seat>,
    /// Since when less than [`STEP`] bytes came; `None` while nothing was waited for.
    stall: Option<Stall>,
    /// Bytes that came since then.
    arrived: usize,
    /// Place for what is left of the body in the end.
    left: Arc<Mutex<Leaving>>,
}

/// State of a body that its handler is done with.
#[derive(Debug, Default)]
struct Leaving {
    /// True once a piece of it was asked for.
    was_asked_for: bool,
    /// Rest of the body; `None` for one that was read to its end.
    rest: Option<Incoming>,
}

/// Rest of the body of a request, once its answer is there.
#[derive(Debug)]
pub(super) struct Rest {
    seat: Arc<Seat>,
    left: Arc<Mutex<Leaving>>,
    /// True if the client sends nothing before somebody asks for it.
    expects: bool,
}

/// Parts a request from what its handler leaves of its body; `None` if there is no body.
pub(super) fn part(request: Request<Incoming>, seat: &Arc<Seat>) -> (Request<Body>, Option<Rest>) {
    if request.body().is_end_stream() {
        return (request.map(Body::new), None);
    }
    let expects = request.headers().contains_key(header::EXPECT);
    let rest = Rest { seat: seat.clone(), left: Arc::default(), expects };
    (request.map(|body| Body::new(Upload::new(body, &rest))), Some(rest))
}

impl Rest {
    /// Reads what is left and throws it away, for so long at most. Nothing is read of a body that is larger than
    /// `most` bytes: its client does not get to read an answer anyway.
    pub(super) async fn drain(self, most: usize, limit: Duration) {
        let Leaving { was_asked_for, rest } = std::mem::take(&mut *lock(&self.left));
        // Whoever waits for our word has sent nothing, and is told the answer instead.
        let Some(body) = rest.filter(|body| !body.is_end_stream() && (was_asked_for || !self.expects)) else { return };
        if body.size_hint().lower() > most as u64 {
            return;
        }
        // What was asked for is done, so no other word may be said instead of the answer.
        self.seat.has_answer();
        let mut pieces = Body::new(Upload::new(body, &self)).into_data_stream();
        let read = async {
            let mut seen = 0;
            while let Ok(Some(Ok(piece))) = tokio::time::timeout(LULL, pieces.next()).await {
                seen += piece.len();
                if seen > most {
                    break;
                }
            }
        };
        tokio::time::timeout(limit, read).await.ok();
    }
}

impl Upload {
    /// Body whose rest is left there.
    fn new(body: Incoming, rest: &Rest) -> Self {
        let (seat, left) = (rest.seat.clone(), rest.left.clone());
        Self { body: Some(body), seat, stall: None, arrived: 0, left }
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let polled = Pin::new(body).poll_frame(cx);
        if polled.is_pending() {
            if self.stall.is_none() {
                lock(&self.left).was_asked_for = true;
            }
            self.stall = Some(self.seat.stall(self.stall));
        }
        let frame = ready!(polled);
        // Whatever the handler does with it, the client is not waited for meanwhile.
        self.seat.go_on();
        self.arrived += frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref().map(Bytes::len)).unwrap_or(0);
        if self.arrived >= STEP {
            (self.arrived, self.stall) = (0, None);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(http_body::Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(http_body::Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.seat.go_on();
        lock(&self.left).rest = self.body.take();
    }
}

/// State of a body, locked. A holder that panicked leaves it usable.
fn lock(left: &Mutex<Leaving>) -> std::sync::MutexGuard<'_, Leaving> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}
