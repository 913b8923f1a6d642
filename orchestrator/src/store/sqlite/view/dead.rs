//! Dead letters.

use rusqlite::{OptionalExtension, Row};
use warrener_shared::time::Timestamp;

use super::super::super::StoreError;
use super::super::failed;
use super::{Page, Snapshot, page};

/// A dead letter without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadHead {
    /// Its number.
    pub no: i64,
    /// `submit`, `task`, `result` or `unrouted`.
    pub from: String,
    /// A stable word for programs.
    pub code: String,
    /// One sentence for people.
    pub message: String,
    /// The id of the job, if known.
    pub job: Option<String>,
    /// The task's address, if known.
    pub task: Option<String>,
    /// When it was found.
    pub received_at: Timestamp,
    /// How many bytes there were.
    pub size: u64,
}

/// A dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRow {
    /// What lists show of it.
    pub head: DeadHead,
    /// The bytes that were kept.
    pub body: Vec<u8>,
    /// Properties and headers as a JSON object.
    pub headers: String,
    /// What else is known, as JSON.
    pub evidence: Option<String>,
}

const COLUMNS: &str = "no, source, code, message, job, task, received_at, size";

impl Snapshot<'_> {
    /// Dead letters, the newest first, from the one before a number on.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn dead_letters(&self, before: Option<i64>, limit: usize) -> Result<Page<DeadHead>, StoreError> {
        let doing = failed("list dead letters");
        let statement = format!("SELECT {COLUMNS} FROM dead WHERE no < ?1 ORDER BY no DESC");
        let mut statement = self.connection.prepare_cached(&statement).map_err(&doing)?;
        let rows = statement.query([before.unwrap_or(i64::MAX)]).map_err(&doing)?;
        page(rows, limit, |row| Ok((head(row)?, 0))).map_err(&doing)
    }

    /// The dead letter with this number.
    pub fn dead_letter(&self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        let doing = failed("read a dead letter");
        let statement = format!("SELECT {COLUMNS}, body, headers, evidence FROM dead WHERE no = ?1");
        let mut statement = self.connection.prepare_cached(&statement).map_err(&doing)?;
        let found = statement.query_row([no], |row| {
            Ok(DeadRow { head: head(row)?, body: row.get(8)?, headers: row.get(9)?, evidence: row.get(10)? })
        });
        found.optional().map_err(&doing)
    }
}

fn head(row: &Row<'_>) -> rusqlite::Result<DeadHead> {
    Ok(DeadHead {
        no: row.get(0)?,
        from: row.get(1)?,
        code: row.get(2)?,
        message: row.get(3)?,
        job: row.get(4)?,
        task: row.get(5)?,
        received_at: Timestamp(row.get(6)?),
        size: row.get(7)?,
    })
}
