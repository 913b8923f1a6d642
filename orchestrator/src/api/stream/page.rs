//! Events that were committed one after the other, as text.

use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use warrener_shared::id::JobNo;
use warrener_shared::wire::event::JobEvent;

use super::PIECE;
use super::cursor::EventCursor;
use crate::store::view::{CommittedChunk, EventChunk, Snapshot};
use crate::store::{EventChunkNo, StoreError};

/// Something that happened to a job or a task, with the job.
#[derive(Debug, Serialize)]
pub(super) struct StreamedEvent<'a> {
    job: &'a str,
    sequence: u64,
    time: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    task: Option<&'a str>,
    index: Option<u32>,
    attempt: Option<u32>,
    state: &'a str,
    error: Option<&'a RawValue>,
}

impl<'a> StreamedEvent<'a> {
    /// An event of this job.
    pub(super) fn of(job: &'a str, event: &'a JobEvent) -> Self {
        let JobEvent { sequence, time, kind, task, index, attempt, state, error } = event;
        Self {
            job,
            sequence: *sequence,
            time,
            kind,
            task: task.as_deref(),
            index: *index,
            attempt: *attempt,
            state,
            error: error.as_deref(),
        }
    }
}

/// Writes an event of a stream.
pub(super) fn write<T: Serialize>(text: &mut Vec<u8>, id: impl std::fmt::Display, event: &str, data: &T) {
    text.extend_from_slice(format!("id: {id}\nevent: {event}\ndata: ").as_bytes());
    let begin = text.len();
    serde_json::to_writer(&mut *text, data).expect("what is shown has text keys only");
    // What somebody wrote stays as it was but for its line breaks, which JSON has between values alone.
    for byte in &mut text[begin..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    text.extend_from_slice(b"\n\n");
}

/// Events between two places.
#[derive(Debug)]
pub(super) struct EventPage {
    /// The place before the first of them.
    pub(super) after: EventCursor,
    /// The place after the last of them.
    pub(super) upto: EventCursor,
    /// All of them as text.
    pub(super) text: Bytes,
    /// The same one by one.
    pub(super) entries: Vec<EventEntry>,
    /// True if there were more.
    pub(super) more: bool,
}

/// An event on a page, or a gap.
#[derive(Debug)]
pub(super) struct EventEntry {
    /// The place after it.
    pub(super) at: EventCursor,
    /// Owner of the event.
    pub(super) of: EventOf,
    /// Type of the event.
    pub(super) kind: Cow<'static, str>,
    /// Place in the text.
    pub(super) span: Range<usize>,
}

/// Owner of an event.
#[derive(Debug)]
pub(super) enum EventOf {
    /// A job, by its number and id.
    Job(JobNo, Arc<str>),
    /// A schedule, by its name.
    Schedule(Arc<str>),
    /// Nobody: a gap, which concerns everybody.
    Nobody,
}

impl EventOf {
    /// Tells whether somebody who follows a job has to look.
    pub(super) fn concerns(&self, job: JobNo) -> bool {
        match self {
            Self::Job(no, _) => *no == job,
            Self::Schedule(_) => false,
            Self::Nobody => true,
        }
    }
}

/// Events that are not kept any longer, or cannot be read: all after `from`, up to `to`.
#[derive(Debug, Serialize)]
struct Gap {
    from: String,
    to: String,
}

impl EventPage {
    /// A page without events.
    const fn empty(at: EventCursor) -> Self {
        Self { after: at, upto: at, text: Bytes::new(), entries: Vec::new(), more: false }
    }

    /// Reads what comes after a place.
    pub(super) fn read(snapshot: &Snapshot<'_>, after: EventCursor) -> Result<Self, StoreError> {
        let (mut page, mut text) = (Self::empty(after), Vec::new());
        let mut chunks = 0;
        snapshot.each_chunk(after.passed(), &mut |chunk| {
            chunks += 1;
            page.take(&mut text, chunk);
            if page.more { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        page.more |= chunks == Snapshot::CHUNKS;
        page.text = text.into();
        Ok(page)
    }

    fn take(&mut self, text: &mut Vec<u8>, chunk: CommittedChunk) {
        let CommittedChunk { no, events } = chunk;
        let before = EventCursor::after(EventChunkNo(no.0 - 1));
        if self.upto < before {
            self.gap(text, before);
        }
        match events {
            Ok(EventChunk::Job { no: job, id, events }) => {
                let id: Arc<str> = id.into();
                let entry = |text: &mut Vec<u8>, at: EventCursor, event: &JobEvent| {
                    write(text, at, &event.kind, &StreamedEvent::of(&id, event));
                    (EventOf::Job(job, id.clone()), event.kind.clone())
                };
                self.take_all(text, no, &events, entry);
            }
            Ok(EventChunk::Ticks(events)) => self.take_all(text, no, &events, |text, at, event| {
                write(text, at, &event.kind, event);
                (EventOf::Schedule(event.schedule.clone()), event.kind.clone())
            }),
            Err(error) => {
                tracing::error!(%error, chunk = no.0, "events of the store cannot be read");
                self.gap(text, EventCursor::after(no));
            }
        }
    }

    /// Takes those events of a chunk that come after this page, as far as there is room. `entry` writes one.
    fn take_all<T>(
        &mut self,
        text: &mut Vec<u8>,
        no: EventChunkNo,
        events: &[T],
        entry: impl Fn(&mut Vec<u8>, EventCursor, &T) -> (EventOf, Cow<'static, str>),
    ) {
        let seen = if self.upto.passed() < no { self.upto.seen_of_next() } else { 0 };
        for (number, event) in (1u32..).zip(events).skip(seen as usize) {
            if text.len() >= PIECE {
                self.more = true;
                return;
            }
            let is_last = number as usize == events.len();
            let at = if is_last { EventCursor::after(no) } else { EventCursor::within(no, number) };
            let begin = text.len();
            let (of, kind) = entry(text, at, event);
            self.entries.push(EventEntry { at, of, kind, span: begin..text.len() });
            self.upto = at;
        }
        // All of it was seen, if it was cut short since.
        self.upto = EventCursor::after(no);
    }

    /// Says to whoever stands at a place that is not reached yet that it goes on from another one: the place is of
    /// another database, or of a later state of this one.
    pub(super) fn gap_back(from: EventCursor, to: EventCursor) -> Bytes {
        let (mut page, mut text) = (Self::empty(from), Vec::new());
        page.gap(&mut text, to);
        text.into()
    }

    fn gap(&mut self, text: &mut Vec<u8>, to: EventCursor) {
        let begin = text.len();
        write(text, to, "gap", &Gap { from: self.upto.to_string(), to: to.to_string() });
        self.entries.push(EventEntry { at: to, of: EventOf::Nobody, kind: "gap".into(), span: begin..text.len() });
        self.upto = to;
    }
}
