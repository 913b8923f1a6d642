//! The input of a task for somebody who looks at it. Inputs are not kept, they are made anew from the rows.

use warrener_engine::row::TaskRow;
use warrener_engine::{Event, Slice};
use warrener_shared::id::{JobId, JobNo, TaskAddress, TaskNo};

use super::Driver;
use super::batch::Batch;
use super::input::Answer;
use crate::store::{Found, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Answers with the input, or with `null` as long as it is not known. Changes nothing.
    pub(super) fn resolve(&mut self, id: &JobId, address: &TaskAddress) -> Result<Answer, StoreError> {
        let Some(Found { no: job, .. }) = self.store.find(id)? else { return Ok(Answer::NotFound) };
        let Some(row) = self.addressed(job, address)? else { return Ok(Answer::NotFound) };
        if row.ready_at.is_none() && row.index.is_none() {
            return Ok(Answer::Input(b"null".to_vec()));
        }
        // A working set of its own: an item that is made up here must not reach a commit.
        let mut batch = Batch::new(Slice::new(self.shared.limits, self.next_dispatch), self.now());
        let no = row.no;
        batch.slice.load_task(row);
        self.load_for(&Event::RoomFor(no, 0), &mut batch)?;
        let dispatch = warrener_engine::resolve(&mut batch.slice, no);
        Ok(Answer::Input(dispatch.map_or_else(|| b"null".to_vec(), |dispatch| dispatch.input)))
    }

    /// The row of a task or item; an item that is only counted so far gets a row for the occasion.
    fn addressed(&mut self, job: JobNo, address: &TaskAddress) -> Result<Option<TaskRow>, StoreError> {
        let Some(row) = self.store.job(job)? else { return Ok(None) };
        let entry = self.entry(row)?;
        let Some(position) = entry.spec.position(address.task.as_str()) else { return Ok(None) };
        let task = self.store.tasks(entry.row.task_no(position), 1)?.pop();
        let (Some(mapped), Some(index)) = (&task, address.index) else { return Ok(task) };
        let Some(map) = mapped.map.filter(|map| index < map.total) else { return Ok(None) };
        let no = TaskNo(map.first_item.0 + i64::from(index));
        if index < map.next {
            return Ok(self.store.tasks(no, 1)?.pop());
        }
        let mut item = TaskRow::new(no, job, position, mapped.queue, 0);
        item.index = Some(index);
        Ok(Some(item))
    }
}
