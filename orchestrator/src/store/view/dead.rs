//! Reading of dead letters.

use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::sql::Row;
use super::filter::Filter;
use super::{Page, Snapshot, one_more};

/// A dead letter as lists show it, without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadHead {
    /// Number of the dead letter. Later ones have higher numbers.
    pub no: i64,
    /// Place where it was found: `submit`, `task`, `result`, `unrouted` or `answer`.
    pub from: String,
    /// Stable word of the reason, for programs.
    pub code: String,
    /// Description of the reason for people, in a sentence.
    pub message: String,
    /// Id of the job, if it is known.
    pub job: Option<String>,
    /// Address of the task, if it is known.
    pub task: Option<String>,
    /// Time at which it was found.
    pub received_at: Timestamp,
    /// Number of bytes of the whole body.
    pub size: u64,
}

/// A dead letter with its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRow {
    /// Facts that lists show of it.
    pub head: DeadHead,
    /// Bytes of the body that were kept.
    pub body: Vec<u8>,
    /// Properties and headers as a JSON object.
    pub headers: String,
    /// Further facts as JSON; `None` if there are none.
    pub evidence: Option<String>,
}

/// Columns that [`head`] reads.
const COLUMNS: &str = "no, source, code, message, job, task, received_at, size";

impl Snapshot<'_> {
    /// Dead letters, the newest first. `before` is the number of the last one of the page before. With a filter only
    /// those of jobs that fit it now.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn dead_letters(
        &self,
        of: Option<(&Filter, Timestamp)>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<DeadHead>, StoreError> {
        let mut values = vec![before.unwrap_or(i64::MAX).into()];
        let mut wanted = String::new();
        if let Some((filter, now)) = of {
            let (condition, its) = filter.condition(now, self.reader.dialect());
            wanted = format!("AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = dead.job AND {condition}) ");
            values.extend(its);
        }
        values.push(one_more(limit));
        let statement = format!("SELECT {COLUMNS} FROM dead WHERE no < ? {wanted}ORDER BY no DESC LIMIT ?");
        self.page("list dead letters", &statement, &values, limit, |row| Ok((head(row)?, 0)))
    }

    /// Dead letter with this number; `None` if there is none any more.
    pub fn dead_letter(&self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        let statement = format!("SELECT {COLUMNS}, body, headers, evidence FROM dead WHERE no = ?1");
        self.reader.one("read a dead letter", &statement, &[no.into()], |row| {
            let (headers, evidence) = (row.string(9)?, row.find_string(10)?);
            Ok(DeadRow { head: head(row)?, body: row.blob(8)?.to_vec(), headers, evidence })
        })
    }
}

/// Reads a row of [`COLUMNS`].
fn head(row: &dyn Row) -> Result<DeadHead, StoreError> {
    Ok(DeadHead {
        no: row.get(0)?,
        from: row.string(1)?,
        code: row.string(2)?,
        message: row.string(3)?,
        job: row.find_string(4)?,
        task: row.find_string(5)?,
        received_at: Timestamp(row.get(6)?),
        size: row.get(7)?,
    })
}
