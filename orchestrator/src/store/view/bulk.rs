//! Reading of bulk operations, and of the sets that they begin with.

use warrener_shared::time::Timestamp;

use super::super::sql::{Value, limit as at_most, read};
use super::super::{BULK_MAX, BulkRow, StoreError};
use super::filter::Filter;
use super::walk::Walk;
use super::window::Window;
use super::{JobOrder, Page, Snapshot, one_more};

/// Jobs along an index that are looked at together.
const TOGETHER: usize = 32;
/// Purpose of the reads, as errors say it.
const DOING: &str = "find what a bulk operation is about";

/// Matches of a filter: numbers, with the place of the state in the list of states where there is one.
pub(crate) type Matching = Vec<(i64, i64)>;

impl Snapshot<'_> {
    /// Bulk operation with this number.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub(crate) fn bulk(&self, no: i64) -> Result<Option<BulkRow>, StoreError> {
        read::bulk(self.reader, no)
    }

    /// Page of the operations, the newest first, from the one before a number on; of one author, if one is named.
    pub(crate) fn bulks(
        &self,
        who: Option<&str>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Page<(i64, BulkRow)>, StoreError> {
        let statement = "SELECT no, body FROM bulk WHERE no < ? AND (? = 1 OR who = ?) ORDER BY no DESC LIMIT ?";
        let everybody = Value::Int(i64::from(who.is_none()));
        let values = [before.unwrap_or(i64::MAX).into(), everybody, who.unwrap_or_default().into(), one_more(limit)];
        self.page("list bulk operations", statement, &values, limit, |row| {
            let text = row.string(1)?;
            Ok(((row.get(0)?, BulkRow::decode(&text)?), text.len()))
        })
    }

    /// Jobs that fit, the newest first; one more than may be if there are too many.
    pub(crate) fn matching_jobs(&self, filter: &Filter, now: Timestamp) -> Result<Matching, StoreError> {
        let (condition, values) = filter.condition(now, self.reader.dialect());
        let Some(walk) = Walk::of(self.reader, filter)? else {
            let statement = format!("SELECT no, state FROM jobs WHERE {condition} ORDER BY no DESC LIMIT ?");
            return self.matching(&statement, values);
        };
        let places = vec!["?"; TOGETHER].join(", ");
        let statement = format!("SELECT no, state FROM jobs WHERE no IN ({places}) AND {condition} ORDER BY no DESC");
        let mut numbers = walk.numbers(Window::ALL, JobOrder::Newest, i64::MAX, (&condition, &values));
        let mut all = Matching::new();
        while all.len() <= BULK_MAX {
            let mut together = numbers.take(self.reader, TOGETHER)?;
            if together.is_empty() {
                break;
            }
            // No job has the number 0.
            together.resize(TOGETHER, 0);
            let values: Vec<_> = together.into_iter().map(Value::Int).chain(values.iter().cloned()).collect();
            all.extend(self.reader.all(DOING, &statement, &values, |row| Ok((row.get(0)?, row.get(1)?)))?);
        }
        Ok(all)
    }

    /// Tasks and items in one of these states (a bit for each) whose jobs fit, the oldest first; likewise.
    pub(crate) fn matching_tasks(&self, states: u32, filter: &Filter, now: Timestamp) -> Result<Matching, StoreError> {
        let (condition, values) = filter.condition(now, self.reader.dialect());
        let states: Vec<String> = (0..u32::BITS).filter(|at| states >> at & 1 == 1).map(|at| at.to_string()).collect();
        if states.is_empty() {
            return Ok(Matching::new());
        }
        let statement = format!(
            "SELECT t.no, t.state FROM tasks t WHERE t.state IN ({}) AND EXISTS (SELECT 1 FROM jobs WHERE \
             jobs.no = t.job AND {condition}) ORDER BY t.no LIMIT ?",
            states.join(", ")
        );
        self.matching(&statement, values)
    }

    /// Dead letters of jobs that fit, or all of them, the oldest first; likewise.
    pub(crate) fn matching_letters(&self, filter: &Filter, now: Timestamp) -> Result<Matching, StoreError> {
        let (condition, values) = filter.condition(now, self.reader.dialect());
        let statement = match filter.terms.is_empty() {
            true => "SELECT no, 0 FROM dead ORDER BY no LIMIT ?".to_owned(),
            false => format!(
                "SELECT no, 0 FROM dead WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.id = dead.job AND {condition}) \
                 ORDER BY no LIMIT ?"
            ),
        };
        self.matching(&statement, values)
    }

    fn matching(&self, statement: &str, mut values: Vec<Value<'static>>) -> Result<Matching, StoreError> {
        values.push(at_most(BULK_MAX + 1));
        self.reader.all(DOING, statement, &values, |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
