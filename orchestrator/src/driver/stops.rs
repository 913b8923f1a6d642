//! Attempts that were closed while a worker may have been at them: who was asked to stop, and has it?
//!
//! It holds what is not confirmed, which the windows bound, and is made anew from the rows at a start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use warrener_engine::Effect;
use warrener_shared::id::{TaskNo, Ticket};
use warrener_shared::limits::HEARTBEAT_EVERY_MS;
use warrener_shared::time::Timestamp;

use super::batch::Batch;
use super::input::Heard;
use super::{Driver, Store, StoreError};
use crate::pulse::LIVE;
use crate::store::Asked;

/// From then on a heartbeat cannot be older than the start of an attempt that was at work when it was stopped.
const FRESH: Duration = Duration::from_millis(HEARTBEAT_EVERY_MS + 500);

/// An attempt whose worker is not known to have stopped.
#[derive(Debug)]
pub(super) struct Pending {
    /// `None` as long as no worker that sends heartbeats was seen at it; then nothing is kept of it.
    worker: Option<Arc<str>>,
    /// Set once a heartbeat of that worker named it, so that one that does not is proof.
    named: bool,
    asked_at: Timestamp,
    asked: Duration,
    /// Time at which the worker was last heard of.
    heard: Duration,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Stops(BTreeMap<(TaskNo, u32), Pending>);

impl Stops {
    /// Nobody knows what was heard before the start: all spans begin anew.
    pub(super) fn from_rows(rows: Vec<Asked>, now: Duration) -> Self {
        let pending = |row: Asked| {
            let open = Pending { worker: Some(row.worker), named: false, asked_at: row.at, asked: now, heard: now };
            ((row.task, row.attempt), open)
        };
        Self(rows.into_iter().map(pending).collect())
    }

    pub(super) fn extend(&mut self, stops: Vec<(Ticket, Pending)>) {
        self.0.extend(stops.into_iter().map(|(ticket, pending)| ((ticket.task, ticket.attempt), pending)));
    }

    /// Counts silences anew after our own session ended: nobody could be heard meanwhile.
    pub(super) fn reconnected(&mut self, now: Duration) {
        self.0.values_mut().for_each(|pending| pending.heard = now);
    }

    /// A worker said what it works on: what it does not name any more it has stopped.
    pub(super) fn heard(&mut self, heard: &Heard, now: Duration, batch: &mut Batch) {
        if self.0.is_empty() {
            return;
        }
        let named: BTreeSet<_> = heard.tickets.iter().map(|ticket| (ticket.task, ticket.attempt)).collect();
        for key in &named {
            let Some(pending) = self.0.get_mut(key) else { continue };
            (pending.named, pending.heard) = (true, now);
            if pending.worker.as_ref() != Some(&heard.worker) {
                pending.worker = Some(heard.worker.clone());
                batch.commit.asked.extend(pending.row(*key));
            }
        }
        self.0.retain(|key, pending| {
            if pending.worker.as_ref() != Some(&heard.worker) || named.contains(key) {
                return true;
            }
            pending.heard = now;
            let has_stopped = pending.named || now.saturating_sub(pending.asked) >= FRESH;
            if has_stopped {
                batch.commit.stopped.push((key.0, key.1, batch.now));
            }
            !has_stopped
        });
    }

    /// Forgets those whose workers were not heard of for so long that they count as gone. Gives the attempts.
    fn take_silent(&mut self, now: Duration) -> Vec<(TaskNo, u32)> {
        let mut gone = Vec::new();
        self.0.retain(|key, pending| {
            let is_silent = now.saturating_sub(pending.heard) >= LIVE;
            if is_silent && pending.worker.is_some() {
                gone.push(*key);
            }
            !is_silent
        });
        gone
    }
}

impl Pending {
    fn row(&self, (task, attempt): (TaskNo, u32)) -> Option<Asked> {
        let worker = self.worker.clone()?;
        Some(Asked { task, attempt, worker, at: self.asked_at })
    }
}

impl<S: Store> Driver<S> {
    /// Keeps with the end of the attempts which workers are asked to stop.
    pub(super) fn ask_to_stop(&self, batch: &mut Batch) {
        let now = self.clock.monotonic();
        for effect in &batch.effects {
            let Effect::Stop { ticket, .. } = effect else { continue };
            let open = self.watch.get(ticket);
            let named = open.is_some_and(|open| open.named);
            // Of one that sends no heartbeats nothing will ever be known.
            let worker = open.and_then(|open| open.worker.clone());
            let worker = worker.filter(|worker| named || self.shared.workers.knows(worker));
            let pending = Pending { worker, named, asked_at: batch.now, asked: now, heard: now };
            batch.commit.asked.extend(pending.row((ticket.task, ticket.attempt)));
            batch.stops.push((*ticket, pending));
        }
    }

    /// Of workers that are gone nothing more is to be heard.
    pub(super) fn give_up_on_silent(&mut self) -> Result<(), StoreError> {
        let gone = self.stops.take_silent(self.clock.monotonic());
        if gone.is_empty() {
            return Ok(());
        }
        let mut batch = self.new_batch();
        batch.commit.stopped = gone.into_iter().map(|(task, attempt)| (task, attempt, batch.now)).collect();
        self.settle(batch).map(drop)
    }
}
