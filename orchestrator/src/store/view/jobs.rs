//! Reading of jobs as people see them: the row with its document.

use warrener_engine::row::JobRow;
use warrener_shared::id::{JobId, JobNo, TaskNo};
use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::columns::job::{self, NAMES};
use super::super::sql::{Row, Value};
use super::filter::Filter;
use super::walk::{Condition, Walk};
use super::window::Window;
use super::{JobOrder, Page, Pages, Snapshot, one_more};

/// A job with its document.
#[derive(Clone, Debug)]
pub struct JobRecord {
    /// Row of the job.
    pub row: JobRow,
    /// Name of the job, if it has one.
    pub name: Option<String>,
    /// Kind of a job of one task; `None` for a graph.
    pub kind: Option<String>,
    /// Labels as a JSON object.
    pub labels: String,
    /// Number of its tasks, items not counted.
    pub tasks: u32,
    /// Document, as it was submitted.
    pub body: Vec<u8>,
}

/// A part of a list of jobs.
#[derive(Clone, Debug)]
pub struct JobPage {
    /// Jobs of this page, in the order of the list.
    pub items: Vec<JobRecord>,
    /// Place at which the list goes on; `None` at its end.
    pub next: Option<JobNo>,
}

/// Jobs along an index that are read by one statement.
const TOGETHER: usize = 32;
/// Columns of a [`JobRecord`] after those of the row, and the tables that have them.
const TABLES: &str = "name, kind, labels, tasks, body FROM jobs JOIN submits ON job = no";

impl Snapshot<'_> {
    /// Job with this id, and its document; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn job_record(&self, id: &JobId) -> Result<Option<JobRecord>, StoreError> {
        let statement = format!("SELECT {NAMES}, {TABLES} WHERE id = ?1");
        self.reader.one("read a job", &statement, &[id.as_str().into()], record)
    }

    /// Row of the job with this id.
    pub fn job_with_id(&self, id: &JobId) -> Result<Option<JobRow>, StoreError> {
        let statement = format!("SELECT {NAMES} FROM jobs WHERE id = ?1");
        self.reader.one("read a job by its id", &statement, &[id.as_str().into()], job::read)
    }

    /// Id of the job with this number.
    pub fn job_id(&self, no: JobNo) -> Result<Option<String>, StoreError> {
        let statement = "SELECT id FROM jobs WHERE no = ?1";
        self.reader.one("read the id of a job", statement, &[no.0.into()], |row| row.string(0))
    }

    /// Id of the latest sub-job that was begun for this task or item.
    pub fn sub_job(&self, task: TaskNo) -> Result<Option<String>, StoreError> {
        let statement = "SELECT id FROM jobs WHERE parent_task = ?1 ORDER BY no DESC LIMIT 1";
        self.reader.one("read the sub-job of a task", statement, &[task.0.into()], |row| row.string(0))
    }

    /// Tells whether a job with this id exists and fits the filter.
    pub fn fits(&self, id: &JobId, filter: &Filter, now: Timestamp) -> Result<bool, StoreError> {
        let (condition, mut values) = filter.condition(now, self.reader.dialect());
        let statement = format!("SELECT 1 FROM jobs WHERE id = ? AND {condition}");
        values.insert(0, id.as_str().to_owned().into());
        Ok(self.reader.one("look whether a job fits", &statement, &values, |_| Ok(()))?.is_some())
    }

    /// Jobs that fit, in an order. `before` is the place at which the page before ended; `None` begins with the first.
    /// A page ends early where documents and outputs are large, and where no index leads the way and nothing fits among
    /// very many jobs.
    pub fn jobs(
        &self,
        filter: &Filter,
        order: JobOrder,
        before: Option<JobNo>,
        limit: usize,
        now: Timestamp,
    ) -> Result<JobPage, StoreError> {
        let (condition, mut values) = filter.condition(now, self.reader.dialect());
        let window = Window::of(self.reader, filter, now)?;
        let before = before.map_or_else(|| order.start(), |no| no.0);
        match Walk::of(self.reader, filter)? {
            None => {
                let (window, stop) = window.page(self.reader, order, before)?;
                let direction = order.direction();
                let statement = format!(
                    "SELECT {NAMES}, {TABLES} WHERE no BETWEEN ? AND ? AND {condition} ORDER BY no {direction} LIMIT ?"
                );
                values.splice(0..0, [window.first.into(), window.last.into()]);
                values.push(one_more(limit));
                let page = self.page(DOING, &statement, &values, limit, sized)?;
                Ok(JobPage { next: last(&page).or(stop), items: page.items })
            }
            Some(walk) => {
                let page = self.jobs_along(&walk, window, order, before, (&condition, &values), limit)?;
                Ok(JobPage { next: last(&page), items: page.items })
            }
        }
    }

    /// Jobs that fit, found along an index.
    fn jobs_along(
        &self,
        walk: &Walk,
        window: Window,
        order: JobOrder,
        before: i64,
        (condition, values): Condition<'_>,
        limit: usize,
    ) -> Result<Page<JobRecord>, StoreError> {
        let places = vec!["?"; TOGETHER].join(", ");
        let direction = order.direction();
        let statement =
            format!("SELECT {NAMES}, {TABLES} WHERE no IN ({places}) AND {condition} ORDER BY no {direction}");
        let mut pages = Pages::new(limit);
        let mut numbers = walk.numbers(window, order, before, (condition, values));
        while !pages.page.more {
            let mut together = numbers.take(self.reader, TOGETHER)?;
            if together.is_empty() {
                break;
            }
            // No job has the number 0.
            together.resize(TOGETHER, 0);
            let values: Vec<_> = together.into_iter().map(Value::Int).chain(values.iter().cloned()).collect();
            self.reader.each(DOING, &statement, &values, &mut |row| pages.add(|| sized(row)))?;
        }
        Ok(pages.page)
    }
}

/// Purpose of the statements, as errors say it.
const DOING: &str = "list jobs";

/// Place of the last job of a page that has more after it.
fn last(page: &Page<JobRecord>) -> Option<JobNo> {
    page.items.last().filter(|_| page.more).map(|job| job.row.no)
}

/// Reads a job, with the bytes that it adds to a page.
fn sized(row: &dyn Row) -> Result<(JobRecord, usize), StoreError> {
    let record = record(row)?;
    let bytes = record.body.len() + record.row.output.as_ref().map_or(0, |output| output.len());
    Ok((record, bytes))
}

/// Reads a row of a job and its document.
fn record(row: &dyn Row) -> Result<JobRecord, StoreError> {
    Ok(JobRecord {
        row: job::read(row)?,
        name: row.find_string(job::COUNT)?,
        kind: row.find_string(job::COUNT + 1)?,
        labels: row.string(job::COUNT + 2)?,
        tasks: row.get(job::COUNT + 3)?,
        body: row.blob(job::COUNT + 4)?.to_vec(),
    })
}
