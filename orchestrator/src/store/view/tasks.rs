//! Reading of tasks, items, and their attempts.

use warrener_engine::row::{AttemptRow, Map, TaskRow};
use warrener_shared::id::TaskNo;
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::columns::{attempt, task};
use super::super::sql::row::{map, task_state};
use super::super::sql::{Row, limit, read};
use super::{Page, Snapshot, one_more};

const READY: i64 = TaskState::Ready as i64;
const DISPATCHED: i64 = TaskState::Dispatched as i64;
const RETRYING: i64 = TaskState::Retrying as i64;

/// State of a task, without what it carries.
#[derive(Clone, Copy, Debug)]
pub struct TaskMark {
    /// State of the task.
    pub state: TaskState,
    /// Time at which its latest attempt went out.
    pub dispatched_at: Option<Timestamp>,
    /// Time at which it became final.
    pub finished_at: Option<Timestamp>,
    /// Counts of its items, once it is expanded.
    pub map: Option<Map>,
}

impl Snapshot<'_> {
    /// Task or item with this number; `None` if it has no row.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn task(&self, no: TaskNo) -> Result<Option<TaskRow>, StoreError> {
        Ok(read::tasks(self.reader, no, 1)?.pop())
    }

    /// Tasks or items from a number on, `count` numbers far. The page ends early where outputs are large.
    pub fn task_page(&self, first: TaskNo, count: u32) -> Result<Page<TaskRow>, StoreError> {
        let statement = format!("SELECT {} FROM tasks WHERE no >= ?1 AND no < ?2 ORDER BY no", task::NAMES);
        let read = |row: &dyn Row| {
            let task = task::read(row)?;
            let bytes = task.output.as_ref().map_or(0, |output| output.len());
            Ok((task, bytes))
        };
        self.page("list tasks", &statement, &read::range(first, count), count as usize, read)
    }

    /// Tasks or items from a number on, `count` numbers far, in a state. The page ends early where outputs are large.
    pub fn tasks_in_state(
        &self,
        first: TaskNo,
        count: u32,
        state: Option<TaskState>,
        limit: usize,
    ) -> Result<Page<TaskRow>, StoreError> {
        let within = state.map_or_else(String::new, |state| format!(" AND state = {}", state as i64));
        let statement =
            format!("SELECT {} FROM tasks WHERE no >= ?1 AND no < ?2{within} ORDER BY no LIMIT ?3", task::NAMES);
        let [from, to] = read::range(first, count);
        self.page("list tasks in a state", &statement, &[from, to, one_more(limit)], limit, |row| {
            let task = task::read(row)?;
            let bytes = task.output.as_ref().map_or(0, |output| output.len());
            Ok((task, bytes))
        })
    }

    /// Tasks from a number on, `count` numbers far, that may go out, wait to be tried again, or were offered and have
    /// not started; the first `most`.
    pub fn held_up(&self, first: TaskNo, count: u32, most: usize) -> Result<Vec<TaskRow>, StoreError> {
        let statement = format!(
            "SELECT {} FROM tasks WHERE no >= ?1 AND no < ?2 AND (state IN ({READY}, {RETRYING}) OR \
             state = {DISPATCHED} AND (started_at IS NULL OR map IS NOT NULL)) ORDER BY no LIMIT ?3",
            task::NAMES
        );
        let [from, to] = read::range(first, count);
        self.reader.all("read which tasks are held up", &statement, &[from, to, limit(most)], task::read)
    }

    /// Item that is not final and has begun its way to a worker, among `count` from a number on: one that has started
    /// if there is any, else the first.
    pub fn open_item(&self, first: TaskNo, count: u32) -> Result<Option<TaskRow>, StoreError> {
        let statement = format!(
            "SELECT {} FROM tasks WHERE no >= ?1 AND no < ?2 AND state IN ({READY}, {DISPATCHED}, {RETRYING}) \
             ORDER BY CASE WHEN state = {DISPATCHED} AND started_at IS NOT NULL THEN 0 ELSE 1 END, no LIMIT 1",
            task::NAMES
        );
        self.reader.one("look for an open item", &statement, &read::range(first, count), task::read)
    }

    /// States of so many tasks from a number on, without their payloads.
    pub fn task_marks(&self, first: TaskNo, count: u32) -> Result<Vec<TaskMark>, StoreError> {
        let statement =
            "SELECT state, dispatched_at, finished_at, map FROM tasks WHERE no >= ?1 AND no < ?2 ORDER BY no";
        self.reader.all("read how tasks stand", statement, &read::range(first, count), |row| {
            Ok(TaskMark {
                state: task_state(row, 0)?,
                dispatched_at: row.find(1)?.map(Timestamp),
                finished_at: row.find(2)?.map(Timestamp),
                map: row.bytes(3)?.map(|bytes| map(bytes, 3)).transpose()?,
            })
        })
    }

    /// State of a task; `None` if it has no row.
    pub fn state(&self, no: TaskNo) -> Result<Option<TaskState>, StoreError> {
        let statement = "SELECT state FROM tasks WHERE no = ?1";
        self.reader.one("read the state of a task", statement, &[no.0.into()], |row| task_state(row, 0))
    }

    /// Limits that were made over the API, by name, as JSON.
    pub(crate) fn limit_definitions(&self) -> Result<Vec<(String, String)>, StoreError> {
        let statement = "SELECT name, definition FROM limits ORDER BY name";
        let read = |row: &dyn Row| Ok((row.string(0)?, row.string(1)?));
        self.reader.all("list limits", statement, &[], read)
    }

    /// Number of tasks that go before one of its queue in its line, up to a number.
    pub(crate) fn before_in_line(&self, line: &str, task: &TaskRow, most: usize) -> Result<usize, StoreError> {
        let statement = "SELECT count(*) FROM (SELECT 1 FROM tasks WHERE line = ?1 AND line IS NOT NULL AND \
             queue = ?2 AND (parked < ?3 OR (parked = ?3 AND no < ?4)) LIMIT ?5) AS before";
        let place = task.parked.unwrap_or(i64::MIN);
        let values = [line.into(), task.queue.into(), place.into(), task.no.0.into(), limit(most)];
        self.reader.number("count who goes before a task", statement, &values)
    }

    /// Closed attempts of a task that are kept beside it, oldest first. Its latest attempt is part of its own row.
    pub fn attempts(&self, task: TaskNo) -> Result<Vec<AttemptRow>, StoreError> {
        let statement = format!("SELECT {} FROM attempts WHERE task = ?1 ORDER BY attempt", attempt::NAMES);
        self.reader.all("read the attempts of a task", &statement, &[task.0.into()], attempt::read)
    }

    /// Attempts of a task whose workers were asked to stop and did, with the time at which that was known; oldest
    /// first.
    pub fn stops(&self, task: TaskNo) -> Result<Vec<(u32, Timestamp)>, StoreError> {
        let statement = "SELECT attempt, stopped_at FROM stops WHERE task = ?1 AND stopped_at IS NOT NULL \
             ORDER BY attempt";
        let read = |row: &dyn Row| Ok((row.get(0)?, Timestamp(row.get(1)?)));
        self.reader.all("read when the attempts of a task were stopped", statement, &[task.0.into()], read)
    }
}
