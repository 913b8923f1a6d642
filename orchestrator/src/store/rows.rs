//! Reading from a database to decide something, or to show it: the part of a store that a reader has too.

use std::ops::ControlFlow;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::state::TaskState;

use super::{Found, QueueRow, StoreError, Submitted};

/// Result of an item, without its row.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// Number of the item.
    pub no: TaskNo,
    /// State of the item.
    pub state: TaskState,
    /// Number of its latest attempt.
    pub attempt: u32,
    /// Error of the item.
    pub error: Option<&'a [u8]>,
    /// Output of the item.
    pub output: Option<&'a [u8]>,
}

impl<'a> Item<'a> {
    /// Takes the result out of an item's row.
    pub fn of(row: &'a TaskRow) -> Self {
        let (error, output) = (row.error.as_deref(), row.output.as_deref());
        Self { no: row.no, state: row.state, attempt: row.attempt, error, output }
    }
}

/// The rows of a database: as the writer finds them, or as a reader saw them at one moment. Every call may block.
pub trait Rows {
    /// The job with this id.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError>;

    /// The job that holds this unique key: not final, and not begun if it holds it until it is started.
    fn holder(&mut self, key: &str) -> Result<Option<JobRow>, StoreError>;

    /// The row of a job.
    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError>;

    /// Reads the document that was submitted as this job.
    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError>;

    /// So many tasks or items from a number on, as far as they exist.
    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError>;

    /// Reads the tasks of this range that are not final.
    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError>;

    /// Parked tasks and items of a job, so many of each queue, the best first.
    fn parked(&mut self, job: JobNo, most: u32) -> Result<Vec<TaskRow>, StoreError>;

    /// Shows every item of a mapped task that has a row, in order, until the visitor says stop.
    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError>;

    /// The queue of this name, if it has a number.
    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError>;
}
