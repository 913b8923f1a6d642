//! Tasks, items, and their attempts.

use std::ops::ControlFlow;

use rusqlite::{OptionalExtension, Row};
use warrener_engine::row::{AttemptRow, TaskRow};
use warrener_shared::id::TaskNo;
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::Timestamp;

use super::super::super::{Item, StoreError};
use super::super::row::{TASK_COLUMNS, Word, task as task_row};
use super::super::{failed, read};
use super::{Page, Snapshot, page};

impl Snapshot<'_> {
    /// The task or item with this number.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn task(&self, no: TaskNo) -> Result<Option<TaskRow>, StoreError> {
        Ok(read::tasks(self.connection, no, 1)?.pop())
    }

    /// So many tasks or items from a number on; fewer if their payloads are large.
    pub fn tasks(&self, first: TaskNo, count: u32) -> Result<Page<TaskRow>, StoreError> {
        let doing = failed("list tasks");
        let statement = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE no >= ?1 AND no < ?2 ORDER BY no");
        let mut statement = self.connection.prepare_cached(&statement).map_err(&doing)?;
        let rows = statement.query([first.0, first.0 + i64::from(count)]).map_err(&doing)?;
        let read = |row: &Row<'_>| {
            let task = task_row(row)?;
            let bytes = task.output.as_ref().map_or(0, |output| output.len());
            Ok((task, bytes))
        };
        page(rows, count as usize, read).map_err(&doing)
    }

    /// The state of a task.
    pub fn state(&self, no: TaskNo) -> Result<Option<TaskState>, StoreError> {
        let doing = failed("read the state of a task");
        let mut statement = self.connection.prepare_cached("SELECT state FROM tasks WHERE no = ?1").map_err(&doing)?;
        let found = statement.query_row([no.0], |row| row.get::<_, Word<TaskState>>(0)).optional().map_err(&doing)?;
        Ok(found.map(|word| word.0))
    }

    /// Shows every item of a mapped task that has a row, in order, until the visitor says stop.
    pub fn each_item(
        &self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        read::each_item(self.connection, mapped, visit)
    }

    /// The attempts of a task that are closed and kept beside it, oldest first.
    pub fn attempts(&self, task: TaskNo) -> Result<Vec<AttemptRow>, StoreError> {
        let doing = failed("read the attempts of a task");
        let statement = "SELECT task, attempt, outcome, worker, dispatched_at, started_at, finished_at, error \
             FROM attempts WHERE task = ?1 ORDER BY attempt";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        statement.query_map([task.0], attempt_row).and_then(Iterator::collect).map_err(&doing)
    }

    /// The attempts of a task whose workers were asked to stop and did, with when that was known; oldest first.
    pub fn stops(&self, task: TaskNo) -> Result<Vec<(u32, Timestamp)>, StoreError> {
        let doing = failed("read when the attempts of a task were stopped");
        let statement = "SELECT attempt, stopped_at FROM stops WHERE task = ?1 AND stopped_at IS NOT NULL \
             ORDER BY attempt";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let rows = statement.query_map([task.0], |row| Ok((row.get(0)?, Timestamp(row.get(1)?))));
        rows.and_then(Iterator::collect).map_err(&doing)
    }
}

fn attempt_row(row: &Row<'_>) -> rusqlite::Result<AttemptRow> {
    let time = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(at)?.map(Timestamp));
    let outcome: i64 = row.get(2)?;
    let known = usize::try_from(outcome).ok().and_then(|at| OUTCOMES.get(at).copied());
    Ok(AttemptRow {
        task: TaskNo(row.get(0)?),
        attempt: row.get(1)?,
        outcome: known.ok_or(rusqlite::types::FromSqlError::OutOfRange(outcome))?,
        worker: row.get_ref(3)?.as_str_or_null()?.map(Into::into),
        dispatched_at: time(4)?,
        started_at: time(5)?,
        finished_at: Timestamp(row.get(6)?),
        error: row.get_ref(7)?.as_blob_or_null()?.map(Into::into),
    })
}

/// In the order of their numbers.
const OUTCOMES: &[Outcome] = Outcome::ALL;
