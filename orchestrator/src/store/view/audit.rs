//! Reading of the audit.

use warrener_shared::time::Timestamp;

use super::super::sql::Row;
use super::super::{AuditRow, StoreError};
use super::filter::Filter;
use super::{Page, Snapshot, one_more};

/// A row of the audit with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Number of the row. Later rows have higher ones.
    pub no: i64,
    /// The row itself.
    pub row: AuditRow,
}

impl Snapshot<'_> {
    /// Rows of the audit that fit, the newest first. `before` is the number of the last row of the page before; `None`
    /// begins with the newest.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read.
    pub fn audit(
        &self,
        filter: &Filter,
        before: Option<i64>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let (condition, its) = filter.condition(now, self.reader.dialect());
        let statement = format!("SELECT {COLUMNS} FROM audit WHERE no < ? AND {condition} ORDER BY no DESC LIMIT ?");
        let mut values = vec![before.unwrap_or(i64::MAX).into()];
        values.extend(its);
        values.push(one_more(limit));
        self.page("list the audit", &statement, &values, limit, |row| Ok((record(row)?, 0)))
    }
}

/// Columns that [`record`] reads.
const COLUMNS: &str = "no, created_at, who, source, verb, target, outcome, reason";

/// Reads a row of [`COLUMNS`].
fn record(row: &dyn Row) -> Result<AuditRecord, StoreError> {
    Ok(AuditRecord {
        no: row.get(0)?,
        row: AuditRow {
            time: Timestamp(row.get(1)?),
            who: row.string(2)?.into(),
            from: row.find_string(3)?,
            verb: row.string(4)?.into(),
            target: row.string(5)?,
            outcome: row.string(6)?.into(),
            reason: row.find_string(7)?,
        },
    })
}
