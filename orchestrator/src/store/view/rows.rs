//! Rows as a reader sees them, so that what is shown is made by the rules that decide.

use std::ops::ControlFlow;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::time::Timestamp;

use super::super::sql::read;
use super::super::{Found, Item, QueueRow, Rows, StoreError, Submitted};
use super::Snapshot;

impl Rows for Snapshot<'_> {
    fn find(&mut self, id: &JobId) -> Result<Option<Found>, StoreError> {
        read::find(self.reader, id)
    }

    fn holder(&mut self, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
        read::holder(self.reader, key, now)
    }

    fn job(&mut self, no: JobNo) -> Result<Option<JobRow>, StoreError> {
        read::job(self.reader, no)
    }

    fn submitted(&mut self, no: JobNo) -> Result<Option<Submitted>, StoreError> {
        read::submitted(self.reader, no)
    }

    fn tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        read::tasks(self.reader, first, count)
    }

    fn open_tasks(&mut self, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
        read::open_tasks(self.reader, first, count)
    }

    fn parked(&mut self, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError> {
        read::parked(self.reader, line, most)
    }

    fn each_item(
        &mut self,
        mapped: &TaskRow,
        visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        read::each_item(self.reader, mapped, visit)
    }

    fn known_queue(&mut self, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
        read::queue(self.reader, name)
    }
}
