//! Attempts that were closed while a worker may have been at them: who was asked to stop, and who has stopped.
//!
//! Only what is not confirmed is held, which the windows bound. All of it is made anew from the rows at a start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use warrener_shared::id::{JobNo, TaskNo, Ticket};
use warrener_shared::limits::HEARTBEAT_EVERY_MS;
use warrener_shared::time::Timestamp;

use super::super::input::Heard;
use crate::pulse::LIVE;
use crate::store::{Asked, Commit, Store, StoreError};

/// Time after a request to stop from which on a heartbeat that does not name the attempt proves that it has stopped. An
/// earlier one may have been made before the attempt was at work.
const FRESH: Duration = Duration::from_millis(HEARTBEAT_EVERY_MS + 500);

/// A closed attempt whose worker is not known to have stopped.
#[derive(Debug)]
pub(in crate::driver) struct PendingStop {
    /// Job of the task.
    job: JobNo,
    /// Id of the worker. `None` as long as no worker that sends heartbeats was seen at it; then no row keeps it.
    worker: Option<Arc<str>>,
    /// True once a heartbeat of that worker named it, so that the next one that does not is proof.
    named: bool,
    /// Time of the request, as its row has it.
    asked_at: Timestamp,
    /// Time of the request on the monotonic clock, or of the start of the process.
    asked: Duration,
    /// Monotonic time at which the worker was last heard of, or from which its silence counts.
    heard: Duration,
}

/// Pending stops by task and attempt.
#[derive(Debug, Default)]
pub(in crate::driver) struct Stops(BTreeMap<(TaskNo, u32), PendingStop>);

impl Stops {
    /// Pending stops as the rows have them. All spans begin at `now`, since nobody knows what was heard before the
    /// start.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn from_rows(store: &mut impl Store, now: Duration) -> Result<Self, StoreError> {
        let mut stops = BTreeMap::new();
        for Asked { task, attempt, worker, at } in store.asked()? {
            let Some(row) = store.tasks(task, 1)?.pop() else { continue };
            let (job, worker) = (row.job, Some(worker));
            stops.insert(
                (task, attempt),
                PendingStop { job, worker, named: false, asked_at: at, asked: now, heard: now },
            );
        }
        Ok(Self(stops))
    }

    /// Adds stops that were committed.
    pub(in crate::driver) fn extend(&mut self, stops: Vec<(Ticket, PendingStop)>) {
        self.0.extend(stops.into_iter().map(|(ticket, pending)| ((ticket.task, ticket.attempt), pending)));
    }

    /// Counts silences from `now` on: nobody could be heard meanwhile.
    pub(in crate::driver) fn reconnected(&mut self, now: Duration) {
        self.0.values_mut().for_each(|pending| pending.heard = now);
    }

    /// Notes a heartbeat, which names everything that its worker works on. An attempt that it names no more has
    /// stopped: the commit says when.
    pub(in crate::driver) fn heard(&mut self, heard: &Heard, now: Duration, at: Timestamp, commit: &mut Commit) {
        if self.0.is_empty() {
            return;
        }
        let named: BTreeSet<_> = heard.tickets.iter().map(|ticket| (ticket.task, ticket.attempt)).collect();
        for key in &named {
            let Some(pending) = self.0.get_mut(key) else { continue };
            (pending.named, pending.heard) = (true, now);
            if pending.worker.as_ref() != Some(&heard.worker) {
                pending.worker = Some(heard.worker.clone());
                commit.asked.extend(pending.row(*key));
            }
        }
        self.0.retain(|key, pending| {
            if pending.worker.as_ref() != Some(&heard.worker) || named.contains(key) {
                return true;
            }
            pending.heard = now;
            let has_stopped = pending.named || now.saturating_sub(pending.asked) >= FRESH;
            if has_stopped {
                commit.stopped.push((key.0, key.1, at));
            }
            !has_stopped
        });
    }

    /// Jobs on which a worker that was asked to stop may still be at work.
    pub(in crate::driver) fn jobs(&self) -> BTreeSet<JobNo> {
        self.0.values().map(|pending| pending.job).collect()
    }

    /// Forgets stops whose workers were not heard of for so long that they count as gone. Gives their tasks and
    /// attempts.
    pub(in crate::driver) fn take_silent(&mut self, now: Duration) -> Vec<(TaskNo, u32)> {
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

impl PendingStop {
    /// A stop of a task of `job` that is asked for now, by both clocks. `named` says that a heartbeat of the worker had
    /// named the attempt.
    pub(in crate::driver) const fn new(
        job: JobNo,
        worker: Option<Arc<str>>,
        named: bool,
        asked_at: Timestamp,
        asked: Duration,
    ) -> Self {
        Self { job, worker, named, asked_at, asked, heard: asked }
    }

    /// Row that keeps the stop; `None` if no worker is known that could confirm it.
    pub(in crate::driver) fn row(&self, (task, attempt): (TaskNo, u32)) -> Option<Asked> {
        let worker = self.worker.clone()?;
        Some(Asked { task, attempt, worker, at: self.asked_at })
    }
}
