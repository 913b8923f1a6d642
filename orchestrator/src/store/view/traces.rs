//! Reading of what the spans of a trace need to know, without payloads.

use warrener_engine::row::Map;
use warrener_shared::id::{JobNo, TaskNo};

use super::super::StoreError;
use super::super::sql::row::map;
use super::Snapshot;

/// Place of a task or item in its job, and its latest attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TracedPlace {
    /// Position of the task in the job.
    pub(crate) position: u32,
    /// The item; `None` is the task itself.
    pub(crate) index: Option<u32>,
    /// Number of the latest attempt; 0 before the first.
    pub(crate) attempt: u32,
    /// Items of a mapped task, once it is expanded.
    pub(crate) map: Option<Map>,
}

impl Snapshot<'_> {
    /// Trace context of the submit of a job; `None` if it has none.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub(crate) fn traceparent(&self, job: JobNo) -> Result<Option<String>, StoreError> {
        let statement = "SELECT traceparent FROM submits WHERE job = ?1";
        let found = self.reader.one("read the trace of a job", statement, &[job.0.into()], |row| row.find_string(0))?;
        Ok(found.flatten())
    }

    /// Place of a task or item; `None` if it has no row.
    pub(crate) fn task_place(&self, no: TaskNo) -> Result<Option<TracedPlace>, StoreError> {
        let statement = "SELECT position, item, attempt, map FROM tasks WHERE no = ?1";
        self.reader.one("read the place of a task", statement, &[no.0.into()], |row| {
            Ok(TracedPlace {
                position: row.get(0)?,
                index: row.find(1)?,
                attempt: row.get(2)?,
                map: row.bytes(3)?.map(|bytes| map(bytes, 3)).transpose()?,
            })
        })
    }
}
