//! Reading of dead letters.

use warrener_shared::time::Timestamp;

use super::super::StoreError;
pub use super::super::dead::{DeadHead, DeadRow};
use super::super::sql::read::{self, DEAD_COLUMNS};
use super::filter::Filter;
use super::{Page, Snapshot, one_more};

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
        let statement = format!("SELECT {DEAD_COLUMNS} FROM dead WHERE no < ? {wanted}ORDER BY no DESC LIMIT ?");
        self.page("list dead letters", &statement, &values, limit, |row| Ok((read::dead_head(row)?, 0)))
    }

    /// Dead letter with this number; `None` if there is none any more.
    pub fn dead_letter(&self, no: i64) -> Result<Option<DeadRow>, StoreError> {
        read::dead_letter(self.reader, no)
    }
}
