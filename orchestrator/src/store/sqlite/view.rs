//! Reading for others: the API and the publisher of events. Never waits for the writer.

use std::path::Path;
use std::sync::Mutex;

use rusqlite::Connection;

use super::super::StoreError;
use super::{failed, open};

/// Readers of the database.
#[derive(Debug)]
pub struct View {
    connection: Mutex<Connection>,
}

/// Events of one job that were committed together.
#[derive(Clone, Debug)]
pub struct EventChunk {
    /// Its number, rising with each commit.
    pub no: i64,
    /// The id of the job.
    pub job: String,
    /// One bit for each sort of event in it, see [`super::kind_bit`].
    pub kinds: i64,
    /// The events as a JSON list.
    pub body: Vec<u8>,
}

impl View {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: Mutex::new(open::reader(path)?) })
    }

    /// The chunk of events up to which all are published.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn events_published(&self) -> Result<i64, StoreError> {
        let doing = failed("read which events were published");
        let connection = self.connection.lock().expect("readers do not panic");
        let statement = "SELECT coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'events_published'), 0)";
        connection.query_row(statement, [], |row| row.get(0)).map_err(doing)
    }

    /// Chunks of events after one, in order.
    pub fn events_after(&self, no: i64, most: usize) -> Result<Vec<EventChunk>, StoreError> {
        let doing = failed("read events");
        let connection = self.connection.lock().expect("readers do not panic");
        let statement = "SELECT e.no, j.id, e.kinds, e.body FROM events e JOIN jobs j ON j.no = e.job WHERE e.no > ?1 \
             ORDER BY e.no LIMIT ?2";
        let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
        let rows = statement.query_map((no, i64::try_from(most).unwrap_or(i64::MAX)), |row| {
            Ok(EventChunk { no: row.get(0)?, job: row.get(1)?, kinds: row.get(2)?, body: row.get(3)? })
        });
        rows.and_then(Iterator::collect).map_err(&doing)
    }
}
