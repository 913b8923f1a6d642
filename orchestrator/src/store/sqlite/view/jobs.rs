//! Jobs as people see them: the row with what was submitted.

use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};
use warrener_engine::row::JobRow;
use warrener_shared::id::{JobId, JobNo};
use warrener_shared::time::Timestamp;

use super::super::super::{Digest, StoreError, Submitted};
use super::super::row::{JOB_COLUMNS, job as job_row};
use super::super::{failed, read};
use super::filter::Filter;
use super::walk::Walk;
use super::{Page, Pages, Snapshot, page};

/// A job with what was submitted.
#[derive(Clone, Debug)]
pub struct JobRecord {
    /// Its row.
    pub row: JobRow,
    /// Its name.
    pub name: Option<String>,
    /// The kind of a job of one task.
    pub kind: Option<String>,
    /// Its labels as a JSON object.
    pub labels: String,
    /// How many tasks it has.
    pub tasks: u32,
    /// The document, as it came.
    pub body: Vec<u8>,
}

const TABLES: &str = "name, kind, labels, tasks, body FROM jobs JOIN submits ON job = no";

impl Snapshot<'_> {
    /// The job with this id.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn job(&self, id: &JobId) -> Result<Option<JobRecord>, StoreError> {
        let doing = failed("read a job");
        let statement = format!("SELECT {JOB_COLUMNS}, {TABLES} WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&statement).map_err(&doing)?;
        statement.query_row([id.as_str()], record).optional().map_err(&doing)
    }

    /// The row of the job with this id.
    pub fn job_with_id(&self, id: &JobId) -> Result<Option<JobRow>, StoreError> {
        let doing = failed("read a job by its id");
        let statement = format!("SELECT {JOB_COLUMNS} FROM jobs WHERE id = ?1");
        let mut statement = self.connection.prepare_cached(&statement).map_err(&doing)?;
        statement.query_row([id.as_str()], job_row).optional().map_err(&doing)
    }

    /// Whether the job with this id has the content with this digest; `None` if there is no such job.
    pub fn has_content(&self, id: &JobId, digest: Option<Digest>) -> Result<Option<bool>, StoreError> {
        let found = read::find(self.connection, id)?;
        Ok(found.map(|found| found.digest.is_some() && found.digest == digest))
    }

    /// The job that holds this unique key.
    pub fn holder(&self, key: &str) -> Result<Option<JobRow>, StoreError> {
        read::holder(self.connection, key)
    }

    /// The row of the job with this number.
    pub fn job_row(&self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        read::job(self.connection, no)
    }

    /// What was submitted as the job with this number.
    pub fn submitted(&self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        read::submitted(self.connection, no)
    }

    /// Jobs that fit, the newest first, from the one before a number on.
    pub fn jobs(
        &self,
        filter: &Filter,
        before: Option<JobNo>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<JobRecord>, StoreError> {
        let doing = failed("list jobs");
        let (condition, values) = filter.condition(now);
        let before = before.map_or(i64::MAX, |no| no.0);
        match Walk::of(self.connection, filter).map_err(&doing)? {
            None => {
                let statement = format!("SELECT {JOB_COLUMNS}, {TABLES} WHERE no < ? AND {condition} ORDER BY no DESC");
                let mut statement = self.connection.prepare(&statement).map_err(&doing)?;
                let before = Value::from(before);
                let rows = statement.query(params_from_iter(std::iter::once(before).chain(values))).map_err(&doing)?;
                page(rows, limit, sized).map_err(&doing)
            }
            Some(walk) => {
                let statement = format!("SELECT {JOB_COLUMNS}, {TABLES} WHERE no = ? AND {condition}");
                let mut statement = self.connection.prepare(&statement).map_err(&doing)?;
                for (at, value) in values.iter().enumerate() {
                    statement.raw_bind_parameter(at + 2, value).map_err(&doing)?;
                }
                let mut pages = Pages::new(limit);
                walk.visit(self.connection, before, |no| {
                    statement.raw_bind_parameter(1, no)?;
                    let mut rows = statement.raw_query();
                    match rows.next()? {
                        Some(row) => pages.add(|| sized(row)),
                        None => Ok(ControlFlow::Continue(())),
                    }
                })
                .map_err(&doing)?;
                Ok(pages.page)
            }
        }
    }
}

fn sized(row: &Row<'_>) -> rusqlite::Result<(JobRecord, usize)> {
    let record = record(row)?;
    let bytes = record.body.len() + record.row.output.as_ref().map_or(0, |output| output.len());
    Ok((record, bytes))
}

fn record(row: &Row<'_>) -> rusqlite::Result<JobRecord> {
    let at = JOB_COLUMNS.split(',').count();
    Ok(JobRecord {
        row: job_row(row)?,
        name: row.get(at)?,
        kind: row.get(at + 1)?,
        labels: row.get(at + 2)?,
        tasks: row.get(at + 3)?,
        body: row.get(at + 4)?,
    })
}
