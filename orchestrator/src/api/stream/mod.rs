//! Streams: what is committed, told to whoever follows it, as server-sent events.
//!
//! Nothing is kept for a reader. One hub reads what was committed last, once for all, and keeps a little of it; whoever
//! lags behind that reads the database, at its own pace. A reader that takes nothing holds one piece of text, until the
//! edge gives it up.

mod all;
mod cursor;
mod hub;
mod one;
mod page;
mod reader;

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::Instant;

pub(super) use self::all::follow as follow_all;
pub(super) use self::hub::EventHub;
pub(super) use self::one::{Followed, follow as follow_one};
use super::documented::{HeaderDocument, RouteDocument};
use super::problem::{self, Problem};
use super::query::Parameters;

/// Time between two comments, by which a reader knows that the stream lives.
const BEAT: Duration = Duration::from_secs(15);
/// Least time between two looks at the database for what was just committed.
const REST: Duration = Duration::from_millis(100);
/// Wait before a read that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Bytes of text that are made at once; one event more may be in it.
const PIECE: usize = 256 * 1024;

/// The header by which a reader says where it goes on.
pub(super) const LAST_EVENT_ID: &HeaderDocument = &HeaderDocument {
    name: "Last-Event-ID",
    about: "The id of the last event that was seen: the stream goes on after it. Comes before `cursor`.",
    example: "1",
};

/// Media type of streams.
pub(super) const EVENT_STREAM: &str = "text/event-stream";

/// Text of a stream.
pub(super) const SAMPLE: &str = "id: 17\nevent: job.running\ndata: {\"job\":\"order-4711\",\"sequence\":1,\
    \"time\":\"2026-11-24T15:03:23.120Z\",\"type\":\"job.running\",\"task\":null,\"index\":null,\"attempt\":null,\
    \"state\":\"running\",\"error\":null}\n\n";

/// A list that can be followed.
pub(super) fn streamed(document: RouteDocument) -> RouteDocument {
    let document = document.looks_at(&[LAST_EVENT_ID]).refuses(&[&problem::TOO_MANY_STREAMS]);
    let document = document.nothing("Nothing will come after the `Last-Event-ID`.");
    document.or_text(EVENT_STREAM, SAMPLE)
}

/// A reader of a stream.
trait Follow: Send + 'static {
    /// The next text of the stream; `None` at its end.
    fn next(&mut self) -> impl Future<Output = Option<Bytes>> + Send;
}

/// The answer that goes on with what a reader finds.
fn answer(follower: impl Follow) -> Response {
    let text = stream::unfold(follower, async |mut follower| {
        let text = follower.next().await?;
        Some((Ok::<_, Infallible>(text), follower))
    });
    let headers = [
        (header::CONTENT_TYPE, EVENT_STREAM),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that gathers answers would hand on nothing.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(text)).into_response()
}

/// Says to a reader that comes back by itself that nothing more will come.
fn over() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// The place after which a reader wants to go on, if it says one.
fn place<T>(parts: &Parts, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    let parameters = parts.extensions.get::<Parameters>().expect("the gate has read them");
    let Some(value) = parts.headers.get("last-event-id") else { return parameters.cursor(read) };
    let place = value.to_str().ok().and_then(read);
    let wrong = || Problem::parameter("Last-Event-ID", "not the id of an event of this stream; leave it out");
    place.map(Some).ok_or_else(wrong)
}

/// Text that says to a reader where it stands: a comment, and an id without an event.
fn mark(at: impl std::fmt::Display) -> Bytes {
    format!(":\nid: {at}\n\n").into()
}

/// The time of the next comment, and of the next look.
#[derive(Clone, Copy, Debug)]
struct Pace {
    beat: Instant,
    rest: Instant,
}

impl Pace {
    fn begin() -> Self {
        let now = Instant::now();
        Self { beat: now + BEAT, rest: now }
    }

    /// Tells whether a comment is due, and when the one after it is.
    fn beats(&mut self) -> bool {
        let is_due = Instant::now() >= self.beat;
        if is_due {
            self.beat = Instant::now() + BEAT;
        }
        is_due
    }
}
