//! Reading of rows: the part of a store that a reader of the API has too, to decide something or to show it.

use std::ops::ControlFlow;

use warrener_engine::limit::{KeyRow, SlotRow, Waiting};
use warrener_engine::row::{JobRow, TaskRow};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::{Found, QueueRow, StoreError, Submitted};

/// Result of an item, borrowed from its row. 100,000 of them are never in memory at once.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Number of the item's row.
    pub no: TaskNo,
    /// State of the item.
    pub state: TaskState,
    /// Number of its latest attempt; 0 before the first.
    pub attempt: u32,
    /// Error of the item as JSON, if it has one.
    pub error: Option<&'a [u8]>,
    /// Output of the item as JSON, once it succeeded.
    pub output: Option<&'a [u8]>,
}

impl<'a> Item<'a> {
    /// Takes the result out of an item's row.
    pub fn of(row: &'a TaskRow) -> Self {
        let (error, output) = (row.error.as_deref(), row.output.as_deref());
        Self { no: row.no, state: row.state, attempt: row.attempt, error, output }
    }
}

/// All that is kept of limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptLimits {
    /// Limits that were made over the API, by name, as JSON.
    pub definitions: Vec<(String, String)>,
    /// Rows of the keys, as far as no other row says what they hold.
    pub keys: Vec<KeyRow>,
    /// Tasks that wait.
    pub waiting: Vec<Waiting>,
    /// Slots of limits that count jobs.
    pub slots: Vec<SlotRow>,
}

/// Rows of a database: as the writer finds them, or as a reader saw them at one moment. Every call may block.
pub trait Rows {
    /// Number and digest of the job with this id; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError>;

    /// Job that holds this unique key now; `None` if the key is free. No other than the latest that was given the key
    /// can hold it. A holder is final only if it was given the key for a span.
    fn holder(&mut self, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError>;

    /// Row of a job; `None` if there is none, or it was removed.
    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError>;

    /// Document that was submitted as this job.
    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError>;

    /// Rows of tasks or items from a number on, `count` numbers far, as far as they exist.
    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError>;

    /// Rows of this range whose tasks are not final.
    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError>;

    /// Parked tasks and items of a line, at most `most` of each queue, best first.
    fn parked(&mut self, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError>;

    /// Shows every item of a mapped task that has a row, in order, until the visitor breaks.
    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// Row of the queue with this name, if it has a number.
    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError>;
}
