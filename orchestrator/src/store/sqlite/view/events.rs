//! What happened, in order.

use rusqlite::{OptionalExtension, Rows};
use warrener_shared::id::JobNo;
use warrener_shared::wire::event::JobEvent;

use super::super::super::StoreError;
use super::super::{chunk, failed};
use super::{PAGE_BYTES, Page, Snapshot, View};

/// Which events of one job were committed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHead {
    /// Its number, rising with each commit.
    pub no: i64,
    /// One bit for each sort of event in it, see `kind_bit`.
    pub kinds: i64,
}

/// Events of one job that were committed together.
#[derive(Clone, Debug)]
pub struct EventChunk {
    /// The id of the job.
    pub job: String,
    /// The events in order.
    pub events: Vec<JobEvent>,
}

impl View {
    /// The chunk of events up to which all are published.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn events_published(&self) -> Result<i64, StoreError> {
        let statement = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'events_published'), 0)";
        self.read(|snapshot| {
            let found = snapshot.connection.query_row(statement, [], |row| row.get(0));
            found.map_err(failed("read which events were published"))
        })
    }

    /// Which chunks of events come after one, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn events_after(&self, no: i64, most: usize) -> Result<Vec<ChunkHead>, StoreError> {
        let doing = failed("read which events there are");
        let statement = "SELECT no, kinds FROM events WHERE no > ?1 ORDER BY no LIMIT ?2";
        self.read(|snapshot| {
            let mut statement = snapshot.connection.prepare_cached(statement).map_err(&doing)?;
            let rows = statement.query_map((no, i64::try_from(most).unwrap_or(i64::MAX)), |row| {
                Ok(ChunkHead { no: row.get(0)?, kinds: row.get(1)? })
            });
            rows.and_then(Iterator::collect).map_err(&doing)
        })
    }

    /// The chunk with this number; `None` if it was removed with its job.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn event_chunk(&self, no: i64) -> Result<Option<EventChunk>, StoreError> {
        let doing = failed("read events");
        let statement = "SELECT j.id, e.first, e.body FROM events e JOIN jobs j ON j.no = e.job WHERE e.no = ?1";
        self.read(|snapshot| {
            let mut statement = snapshot.connection.prepare_cached(statement).map_err(&doing)?;
            let found = statement.query_row([no], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, Vec<u8>>(2)?)));
            let Some((job, first, body)) = found.optional().map_err(&doing)? else { return Ok(None) };
            Ok(Some(EventChunk { job, events: chunk::decode(first, &body)? }))
        })
    }
}

impl Snapshot<'_> {
    /// Events of a job after a sequence number, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn job_events(&self, job: JobNo, after: u64, limit: usize) -> Result<Page<JobEvent>, StoreError> {
        let doing = failed("read the events of a job");
        // The chunk that holds the next event may begin before it.
        let statement = "SELECT first, body FROM events WHERE job = ?1 AND first >= coalesce((SELECT max(first) FROM \
             events WHERE job = ?1 AND first <= ?2), 0) ORDER BY first";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let next = i64::try_from(after).unwrap_or(i64::MAX).saturating_add(1);
        let mut rows = statement.query((job.0, next)).map_err(&doing)?;
        collect(&mut rows, after, limit)
    }
}

fn collect(rows: &mut Rows<'_>, after: u64, limit: usize) -> Result<Page<JobEvent>, StoreError> {
    let doing = failed("read the events of a job");
    let mut items = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(&doing)? {
        let first = row.get(0).map_err(&doing)?;
        let body = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(&doing)?;
        for event in chunk::decode(first, body)?.into_iter().filter(|event| event.sequence > after) {
            if items.len() == limit || bytes >= PAGE_BYTES {
                return Ok(Page { items, more: true });
            }
            bytes += event.error.as_ref().map_or(0, |error| error.get().len());
            items.push(event);
        }
    }
    Ok(Page { items, more: false })
}
