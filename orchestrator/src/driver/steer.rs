//! Requests about single tasks: try again, skip, answer what they wait for.

use warrener_engine::{Event, Need};
use warrener_shared::id::{JobId, JobNo, TaskAddress};
use warrener_shared::wire::submit::EventBody;

use super::Driver;
use super::batch::Batch;
use super::input::{Answer, Requester};
use crate::rows::message::{self, AddressedItem};
use crate::store::{Found, Store, StoreError};

/// A task or item that somebody named and that exists. It is loaded, or its mapped task is.
struct Named {
    /// Job of the task.
    job: JobNo,
    /// Position of the task in its job.
    position: u32,
    /// Item of the task; `None` if the task itself is meant.
    item: Option<AddressedItem>,
}

impl<S: Store> Driver<S> {
    /// Reopens a final task or item, and resets everything downstream of it. A conflict if the rules refuse.
    pub(super) fn retry_task(
        &mut self,
        id: &JobId,
        address: &TaskAddress,
        batch: &mut Batch,
    ) -> Result<Answer, StoreError> {
        let Some(Named { job, position, item }) = self.named(id, address, batch)? else {
            return Ok(Answer::NotFound);
        };
        let index = item.map(|item| item.index);
        self.load_for(Need::Retry(job, position, index), batch)?;
        if let Some(why) = warrener_engine::retry_refusal(&batch.slice, job, position, index) {
            return Ok(Answer::Conflict(why));
        }
        // What was made of outputs that come anew is no longer so.
        self.held.rows.forget_lists();
        batch.commit.released.push(job);
        self.reopen_tick(job, batch)?;
        self.decide(Event::TaskRetryRequested(job, position, index), batch)?;
        Ok(Answer::Done)
    }

    /// Skips an open task or item. A conflict if the rules refuse, or the item was never dispatched and so has no row.
    pub(super) fn skip(&mut self, id: &JobId, address: &TaskAddress, batch: &mut Batch) -> Result<Answer, StoreError> {
        let Some(Named { job, position, item }) = self.named(id, address, batch)? else {
            return Ok(Answer::NotFound);
        };
        let no = match item {
            None => batch.slice.job(job).expect("just loaded").row.task_no(position),
            Some(AddressedItem { no: Some(no), .. }) => no,
            Some(AddressedItem { no: None, .. }) => {
                let why = "the item has not been dispatched; skip it once it is, or the whole task";
                return Ok(Answer::Conflict(why.to_owned()));
            }
        };
        self.load_for(Need::Task(no), batch)?;
        if let Some(why) = warrener_engine::skip_refusal(&batch.slice, no) {
            return Ok(Answer::Conflict(why));
        }
        self.decide(Event::SkipRequested(no), batch)?;
        Ok(Answer::Done)
    }

    /// Looks for a task or an item of it, and loads the job and the task; `None` if there is no such thing.
    fn named(&mut self, id: &JobId, address: &TaskAddress, batch: &mut Batch) -> Result<Option<Named>, StoreError> {
        let Some(Found { no: job, .. }) = self.known(id, batch)? else { return Ok(None) };
        self.load_for(Need::Job(job), batch)?;
        let entry = batch.slice.job(job).expect("just loaded");
        let Some(position) = entry.spec.position(address.task.as_str()) else { return Ok(None) };
        let no = entry.row.task_no(position);
        self.load_for(Need::Task(no), batch)?;
        let item = message::item_at(batch.slice.task(no), address.index);
        Ok(item.ok().map(|item| Named { job, position, item }))
    }

    /// Answers an event: all built-in tasks that wait for it end with its payload as their output, as far as they exist
    /// for the requester. Not found if none waits, unless it is kept.
    pub(super) fn answer(
        &mut self,
        event: &EventBody,
        by: Option<&Requester>,
        batch: &mut Batch,
    ) -> Result<Answer, StoreError> {
        if event.keep.is_some()
            && let Some(problem) = self.cannot_keep(event, batch)
        {
            return Ok(Answer::Refused(vec![problem]));
        }
        let mut waiting = self.store.waiting_for(&event.event, &event.key)?;
        waiting.extend(batch.slice.waiting_for(&event.event, &event.key));
        waiting.sort_unstable();
        waiting.dedup();
        let payload: warrener_engine::row::Json = event.payload.bytes().into();
        let mut answered = Vec::new();
        for task in waiting {
            self.load_for(Need::Task(task), batch)?;
            let job = batch.slice.task(task).map(|row| row.job);
            if let (Some(by), Some(job)) = (by, job)
                && !self.exists_for(by, job, batch)?
            {
                continue;
            }
            // This very batch may have ended it.
            let waits = batch.slice.task(task).is_some_and(|row| row.waits_for.is_some());
            answered.extend(waits.then_some(task));
            self.decide(Event::Answered(task, payload.clone()), batch)?;
        }
        if let Some(keep) = event.keep {
            self.keep_answer(event, keep, &answered, batch);
        } else if answered.is_empty() {
            return Ok(Answer::NotFound);
        }
        Ok(Answer::Answered(answered.len()))
    }
}
