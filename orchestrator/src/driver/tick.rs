//! The tick, four times a second: windows, silences, unpublished attempts, owed answers and the probe of the store.

use std::time::Duration;

use super::condition::StoreCondition;
use super::timers::Timer;
use super::{Driver, FORGET_EVERY, PRUNE_EVERY, SAVE_EVERY, SEEN_EVERY};
use crate::store::{Blame, Store, StoreError};

/// Monotonic times of what the driver does now and then.
#[derive(Debug)]
pub(super) struct Rhythm {
    /// The latest tick.
    pub(super) last_tick: Duration,
    /// The next look for what passed its retention.
    pub(super) next_prune: Duration,
    /// The latest look at what only a commit of its own would keep.
    pub(super) last_save: Duration,
    /// The latest look for idle keys of limits.
    pub(super) last_forget: Duration,
    /// The latest commit of a batch.
    pub(super) last_commit: Duration,
}

impl Rhythm {
    /// All of it, from this moment on.
    pub(super) const fn from(now: Duration) -> Self {
        Self {
            last_tick: now,
            next_prune: now.saturating_add(PRUNE_EVERY),
            last_save: now,
            last_forget: now,
            last_commit: now,
        }
    }
}

impl<S: Store> Driver<S> {
    /// Looks at everything that time changes without a timer in the rows.
    pub(super) fn tick(&mut self) {
        let now = self.clock.monotonic();
        self.rhythm.last_tick = now;
        let slots = self.shared.workers.slots_by_queue();
        self.held.admission.tick(&slots);
        let upto = self.hearing.silence_upto(now);
        let silent: Vec<Timer> = upto
            .map_or_else(Vec::new, |upto| self.held.delivery.silent(upto))
            .into_iter()
            .map(Timer::Silence)
            .collect();
        if !silent.is_empty() {
            self.happen(&silent);
        }
        if let Err(error) = self.look_at_open_attempts().and_then(|()| self.free_slots()).and_then(|()| self.save()) {
            tracing::error!(%error, "the periodic look at open attempts failed; trying again");
            if self.recollect().is_err() || error.blame() != Blame::Input {
                self.degrade(&error.to_string());
            }
        }
        if self.since(self.rhythm.last_forget) >= FORGET_EVERY && self.condition != StoreCondition::Unsure {
            self.rhythm.last_forget = now;
            self.forget_idle_keys();
            self.forget_answers();
        }
        self.show();
    }

    /// Publishes and answers again what did not arrive, while there is a session.
    fn look_at_open_attempts(&mut self) -> Result<(), StoreError> {
        if self.hearing.is_connected() {
            self.repeat_unheard()?;
            self.republish()?;
            self.give_owed()?;
            self.give_up_on_silent()?;
        }
        Ok(())
    }

    /// Publishes attempts again that may have ended in reports that were lost with their queue. After a crash before
    /// that their time limits end them.
    fn repeat_unheard(&mut self) -> Result<(), StoreError> {
        let Some(first) = self.held.delivery.ended_unheard(self.clock.monotonic()) else { return Ok(()) };
        tracing::warn!("the queue of results was gone; attempts that no worker names are published again");
        let mut batch = self.new_batch();
        self.unpublish(Some(first), &mut batch);
        self.settle(batch).map(drop)
    }

    /// Probes the store each second, and keeps the progress that nothing else has committed.
    fn save(&mut self) -> Result<(), StoreError> {
        if self.since(self.rhythm.last_save) < SAVE_EVERY {
            return Ok(());
        }
        self.rhythm.last_save = self.clock.monotonic();
        self.store.probe()?;
        self.well();
        self.keep_progress()
    }

    /// Commits how far publishing has come, which answers were given, and what the clock says, if anything of that is
    /// new. A restart then repeats little.
    fn keep_progress(&mut self) -> Result<(), StoreError> {
        let behind = self.held.delivery.is_ahead(self.held.numbers.next_dispatch());
        let unseen = self.held.next_due.is_some() && self.since(self.rhythm.last_commit) > SEEN_EVERY;
        let given = self.events_published.is_some() || self.replies.given().next().is_some();
        if behind || unseen || given || self.condition == StoreCondition::Untried {
            let mut batch = self.new_batch();
            batch.must_commit = true;
            self.settle(batch)?;
        }
        Ok(())
    }

    /// Keeps before the end of the process what would be done once more after the next start.
    pub(super) fn leave(&mut self) {
        if self.condition != StoreCondition::Writable {
            return;
        }
        if let Err(error) = self.keep_progress() {
            tracing::warn!(%error, "some answers may be given once more after the next start");
        }
    }

    /// Shows the queues and the number of open attempts to the API, the broker side and the metrics.
    pub fn show(&self) {
        self.shared.queues.show(self.held.admission.snapshots(), self.held.delivery.unstarted());
        metrics::gauge!("warrener_open_attempts").set(self.held.delivery.len() as f64);
    }
}
