//! Requests to workers to stop attempts that were closed.

use warrener_engine::Effect;

use super::Driver;
use super::batch::Batch;
use super::held::PendingStop;
use crate::store::{Store, StoreError};

impl<S: Store> Driver<S> {
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
            let job = batch.slice.task(ticket.task).expect("just closed").job;
            let pending = PendingStop::new(job, worker, named, batch.now, now);
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
