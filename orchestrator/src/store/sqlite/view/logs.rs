//! What attempts wrote.

use rusqlite::Row;
use warrener_shared::id::TaskNo;
use warrener_shared::time::Timestamp;

use super::super::super::StoreError;
use super::super::failed;
use super::{Page, Snapshot, page};

/// Something that an attempt wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Which attempt.
    pub attempt: u32,
    /// Its number within the attempt, from 1.
    pub no: u32,
    /// When it came.
    pub time: Timestamp,
    /// As it was written: part of a line, or several.
    pub text: String,
}

impl Snapshot<'_> {
    /// What the attempts of a task or item wrote after this number of this attempt, in order.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn logs(&self, task: TaskNo, after: (u32, u32), limit: usize) -> Result<Page<LogLine>, StoreError> {
        let doing = failed("read what attempts wrote");
        let statement = "SELECT attempt, no, time, text FROM logs WHERE task = ?1 AND (attempt, no) > (?2, ?3) \
             ORDER BY attempt, no";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let rows = statement.query((task.0, after.0, after.1)).map_err(&doing)?;
        let read = |row: &Row<'_>| {
            let text: String = row.get(3)?;
            let bytes = text.len();
            Ok((LogLine { attempt: row.get(0)?, no: row.get(1)?, time: Timestamp(row.get(2)?), text }, bytes))
        };
        page(rows, limit, read).map_err(&doing)
    }
}
