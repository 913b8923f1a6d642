//! Reading of the log text of attempts.

use warrener_shared::id::TaskNo;
use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::sql::Row;
use super::{Page, Snapshot, one_more};

/// A piece of log: text that an attempt wrote, as one report brought it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Number of the attempt.
    pub attempt: u32,
    /// Number of the piece within the attempt, from 1.
    pub no: u32,
    /// Time at which it came.
    pub time: Timestamp,
    /// The text, as it was written: part of a line, or several.
    pub text: String,
}

impl Snapshot<'_> {
    /// Reads the pieces of log of a task or item after this piece (attempt and number), in order.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn logs(&self, task: TaskNo, after: (u32, u32), limit: usize) -> Result<Page<LogLine>, StoreError> {
        let statement = "SELECT attempt, no, time, text FROM logs WHERE task = ?1 AND (attempt, no) > (?2, ?3) \
             ORDER BY attempt, no LIMIT ?4";
        let values = [task.0.into(), i64::from(after.0).into(), i64::from(after.1).into(), one_more(limit)];
        let read = |row: &dyn Row| {
            let text = row.string(3)?;
            let bytes = text.len();
            Ok((LogLine { attempt: row.get(0)?, no: row.get(1)?, time: Timestamp(row.get(2)?), text }, bytes))
        };
        self.page("read what attempts wrote", statement, &values, limit, read)
    }
}
