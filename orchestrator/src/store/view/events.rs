//! Reading of events: by chunk for the publisher, by job for the API.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use warrener_shared::id::JobNo;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::{JobEvent, TickEvent};

use super::super::sql::{Row, Value, chunk, limit as at_most, read};
use super::super::{EventChunkNo, StoreError};
use super::filter::Filter;
use super::{PAGE_BYTES, Page, Snapshot, View};

/// Jobs that are compared with a filter together.
const TOGETHER: usize = 32;

/// Head of a chunk, by which the publisher tells whether anybody wants to hear of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead {
    /// Number of the chunk.
    pub no: EventChunkNo,
    /// Sorts of the events in it, one bit for each, see `kind_bit`.
    pub kinds: i64,
}

/// Chunk of events, as a reader of all events finds it.
#[derive(Debug)]
pub(crate) struct CommittedChunk {
    /// Number of the chunk.
    pub(crate) no: EventChunkNo,
    /// The events in order; an error if they cannot be read.
    pub(crate) events: Result<EventChunk, StoreError>,
}

/// Events of one job, or of one schedule, that were committed together.
#[derive(Clone, Debug)]
pub enum EventChunk {
    /// Events of a job, in order.
    Job {
        /// Number of the job.
        no: JobNo,
        /// Id of the job.
        id: String,
        /// The events.
        events: Vec<JobEvent>,
    },
    /// Events of ticks of a schedule, in order.
    Ticks(Vec<TickEvent>),
}

impl EventChunk {
    /// Columns of a chunk, and the jobs that some of them belong to.
    const FROM: &str = "e.no, e.job, j.id, e.first, e.body FROM events e LEFT JOIN jobs j ON j.no = e.job";

    /// The chunk of a row; `None` if its job was removed meanwhile.
    fn of(row: &dyn Row) -> Result<Option<Self>, StoreError> {
        let no = JobNo(row.get(1)?);
        if no.0 < 0 {
            return Ok(Some(Self::Ticks(chunk::decode_ticks(row.blob(4)?)?)));
        }
        let Some(id) = row.find_string(2)? else { return Ok(None) };
        Ok(Some(Self::Job { no, id, events: chunk::decode(row.get(3)?, row.blob(4)?)? }))
    }
}

impl View {
    /// Number of the chunk up to which all events are published; 0 before the first.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn events_published(&self) -> Result<EventChunkNo, StoreError> {
        let statement = "SELECT CAST(value AS BIGINT) FROM meta WHERE key = 'events_published'";
        self.read(|snapshot| {
            let found = snapshot.reader.one("read which events were published", statement, &[], |row| row.get(0));
            Ok(EventChunkNo(found?.unwrap_or(0)))
        })
    }

    /// Heads of the chunks after a number, in order, at most `most`.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn events_after(&self, no: EventChunkNo, most: usize) -> Result<Vec<ChunkHead>, StoreError> {
        let statement = "SELECT no, kinds FROM events WHERE no > ?1 ORDER BY no LIMIT ?2";
        self.read(|snapshot| {
            snapshot.reader.all("read which events there are", statement, &[no.0.into(), at_most(most)], |row| {
                Ok(ChunkHead { no: EventChunkNo(row.get(0)?), kinds: row.get(1)? })
            })
        })
    }

    /// Chunk with this number; `None` if it was removed with its job.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn event_chunk(&self, no: EventChunkNo) -> Result<Option<EventChunk>, StoreError> {
        let statement = format!("SELECT {} WHERE e.no = ?1", EventChunk::FROM);
        self.read(|snapshot| {
            Ok(snapshot.reader.one("read events", &statement, &[no.0.into()], EventChunk::of)?.flatten())
        })
    }
}

impl Snapshot<'_> {
    /// Chunks that are shown at once at most.
    pub(crate) const CHUNKS: usize = 1024;

    /// Number of the latest chunk of events, kept or removed since.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub(crate) fn last_events(&self) -> Result<EventChunkNo, StoreError> {
        Ok(EventChunkNo(read::next_event(self.reader)? - 1))
    }

    /// Shows the chunks after a number, in order, until the visitor has enough.
    pub(crate) fn each_chunk(
        &self,
        after: EventChunkNo,
        visit: &mut dyn FnMut(CommittedChunk) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let statement = format!("SELECT {} WHERE e.no > ?1 ORDER BY e.no LIMIT ?2", EventChunk::FROM);
        self.reader.each("follow the events", &statement, &[after.0.into(), at_most(Self::CHUNKS)], &mut |row| {
            let no = EventChunkNo(row.get(0)?);
            Ok(match EventChunk::of(row).transpose() {
                Some(events) => visit(CommittedChunk { no, events }),
                None => ControlFlow::Continue(()),
            })
        })
    }

    /// Jobs among these that fit the filter.
    pub(crate) fn fitting(
        &self,
        jobs: &[JobNo],
        filter: &Filter,
        now: Timestamp,
    ) -> Result<BTreeSet<JobNo>, StoreError> {
        let (condition, its) = filter.condition(now, self.reader.dialect());
        let places = vec!["?"; TOGETHER].join(", ");
        let statement = format!("SELECT no FROM jobs WHERE no IN ({places}) AND {condition}");
        let mut fitting = BTreeSet::new();
        for jobs in jobs.chunks(TOGETHER) {
            // No job has the number 0.
            let numbers = jobs.iter().map(|job| job.0).chain(std::iter::repeat(0)).take(TOGETHER);
            let values: Vec<_> = numbers.map(Value::Int).chain(its.iter().cloned()).collect();
            fitting.extend(self.reader.all("look which jobs fit", &statement, &values, |row| Ok(JobNo(row.get(0)?)))?);
        }
        Ok(fitting)
    }

    /// Events of a job after a sequence number, in order. The page ends early where the errors in it are large.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn job_events(&self, job: JobNo, after: u64, limit: usize) -> Result<Page<JobEvent>, StoreError> {
        // The chunk that holds the next event may begin before it.
        let statement = "SELECT first, body FROM events WHERE job = ?1 AND first >= coalesce((SELECT max(first) FROM \
             events WHERE job = ?1 AND first <= ?2), 0) ORDER BY first";
        let next = i64::try_from(after).unwrap_or(i64::MAX).saturating_add(1);
        let mut page = Page { items: Vec::new(), more: false };
        let mut bytes = 0;
        self.reader.each("read the events of a job", statement, &[job.0.into(), next.into()], &mut |row| {
            for event in chunk::decode(row.get(0)?, row.blob(1)?)?.into_iter().filter(|event| event.sequence > after) {
                if page.items.len() == limit || bytes >= PAGE_BYTES {
                    page.more = true;
                    return Ok(ControlFlow::Break(()));
                }
                bytes += event.error.as_ref().map_or(0, |error| error.get().len());
                page.items.push(event);
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(page)
    }
}
