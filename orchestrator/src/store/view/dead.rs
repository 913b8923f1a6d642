//! Reading of dead letters.

use warrener_shared::time::Timestamp;

use super::super::StoreError;
pub use super::super::dead::{DeadHead, DeadRow};
use super::super::sql::read::{self, DEAD_COLUMNS};
use super::super::sql::{Value, limit};
use super::filter::Filter;
use super::{Page, Snapshot, one_more};

/// Dead letters with the same source and code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadGroup {
    /// Source of the messages.
    pub from: String,
    /// Code of what is wrong with them.
    pub code: String,
    /// Number of them.
    pub count: u64,
    /// Number of the latest.
    pub latest: i64,
}

impl Snapshot<'_> {
    /// Dead letters, the newest first. `before` is the number of the last one of the page before. With a filter only
    /// those of jobs that fit it now; with a group (source and code) only those of it.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn dead_letters(
        &self,
        of: Option<(&Filter, Timestamp)>,
        group: Option<(&str, &str)>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<DeadHead>, StoreError> {
        let (mut wanted, its) = self.of_jobs(of);
        let mut values = vec![before.unwrap_or(i64::MAX).into()];
        values.extend(its);
        if let Some((from, code)) = group {
            wanted.push_str("AND source = ? AND code = ? ");
            values.extend([from.to_owned().into(), code.to_owned().into()]);
        }
        values.push(one_more(limit));
        let statement = format!("SELECT {DEAD_COLUMNS} FROM dead WHERE no < ? {wanted}ORDER BY no DESC LIMIT ?");
        self.page("list dead letters", &statement, &values, limit, |row| Ok((read::dead_head(row)?, 0)))
    }

    /// Dead letters by source and code, with the number of each and the latest; the largest groups, at most `most`.
    /// With a filter only those of jobs that fit it now.
    pub fn dead_groups(&self, of: Option<(&Filter, Timestamp)>, most: usize) -> Result<Vec<DeadGroup>, StoreError> {
        let (wanted, mut values) = self.of_jobs(of);
        values.push(limit(most));
        let statement = format!(
            "SELECT source, code, count(*), max(no) FROM dead WHERE no > 0 {wanted}GROUP BY source, code \
             ORDER BY count(*) DESC, max(no) DESC LIMIT ?"
        );
        self.reader.all("count dead letters", &statement, &values, |row| {
            Ok(DeadGroup { from: row.string(0)?, code: row.string(1)?, count: row.get(2)?, latest: row.get(3)? })
        })
    }

    /// Condition on dead letters whose jobs fit, with its values.
    fn of_jobs(&self, of: Option<(&Filter, Timestamp)>) -> (String, Vec<Value<'static>>) {
        let Some((filter, now)) = of else { return (String::new(), Vec::new()) };
        let (condition, values) = filter.condition(now, self.reader.dialect());
        (format!("AND EXISTS (SELECT 1 FROM jobs WHERE jobs.id = dead.job AND {condition}) "), values)
    }

    /// Dead letter with this number; `None` if there is none any more.
    pub fn dead_letter(&self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        read::dead_letter(self.reader, no)
    }
}
