//! Requests to workers to stop attempts that were closed.

use warrener_engine::Effect;
use warrener_shared::id::JobNo;

use super::Driver;
use super::batch::Batch;
use super::held::PendingStop;
use crate::store::{Store, StoreError};

impl<S: Store> Driver<S> {
    /// Tells whether a worker that was asked to stop is not known to have stopped working on a job. False for a job
    /// that is no more.
    pub(super) fn may_be_at_work(&mut self, job: JobNo) -> Result<bool, StoreError> {
        let Some(row) = self.store.job(job)? else { return Ok(false) };
        let count = self.shared.specs.of(&row, &mut self.store)?.spec.tasks.len();
        let count = u32::try_from(count).expect("the parser limits the tasks");
        let tasks = self.store.tasks(row.first_task, count)?;
        let items = tasks.iter().filter_map(|task| task.map.map(|map| (map.first_item, map.total)));
        let mut ranges = std::iter::once((row.first_task, count)).chain(items);
        Ok(ranges.any(|(first, count)| self.held.stops.is_pending(first, count)))
    }

    /// Adds rows to the commit that say which workers are asked to stop, for each attempt that the batch closes while a
    /// worker may be at it. A worker that sends no heartbeats gets no row: nobody would ever know that it stopped.
    pub(super) fn ask_to_stop(&self, batch: &mut Batch) {
        let now = self.clock.monotonic();
        for effect in &batch.effects {
            let Effect::Stop { ticket, .. } = effect else { continue };
            let open = self.held.delivery.get(ticket);
            let named = open.is_some_and(|open| open.named);
            // Of one that sends no heartbeats nothing will ever be known.
            let worker = open.and_then(|open| open.worker.clone());
            let worker = worker.filter(|worker| named || self.shared.workers.knows(worker));
            let pending = PendingStop::new(worker, named, batch.now, now);
            batch.commit.asked.extend(pending.row((ticket.task, ticket.attempt)));
            batch.stops.push((*ticket, pending));
        }
    }

    /// Notes attempts as stopped whose workers are gone: nothing more is to be heard of them.
    pub(super) fn give_up_on_silent(&mut self) -> Result<(), StoreError> {
        let gone = self.held.stops.take_silent(self.clock.monotonic());
        if gone.is_empty() {
            return Ok(());
        }
        let mut batch = self.new_batch();
        batch.commit.stopped = gone.into_iter().map(|(task, attempt)| (task, attempt, batch.now)).collect();
        self.settle(batch).map(drop)
    }
}
