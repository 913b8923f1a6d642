//! The tick, four times a second: windows, silences, unpublished attempts, owed answers and the probe of the store.

use super::condition::StoreCondition;
use super::timers::Timer;
use super::{Driver, FORGET_EVERY, SAVE_EVERY, SEEN_EVERY};
use crate::store::{Blame, Store, StoreError};

impl<S: Store> Driver<S> {
    /// Looks at everything that time changes without a timer in the rows.
    pub(super) fn tick(&mut self) {
        let now = self.clock.monotonic();
        self.last_tick = now;
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
        if self.since(self.last_forget) >= FORGET_EVERY && self.condition != StoreCondition::Unsure {
            self.last_forget = now;
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
        if self.since(self.last_save) < SAVE_EVERY {
            return Ok(());
        }
        self.last_save = self.clock.monotonic();
        self.store.probe()?;
        self.well();
        self.keep_progress()
    }

    /// Commits how far publishing has come, which answers were given, and what the clock says, if anything of that is
    /// new. A restart then repeats little.
    fn keep_progress(&mut self) -> Result<(), StoreError> {
        let behind = self.held.delivery.is_ahead(self.held.numbers.next_dispatch());
        let unseen = self.held.next_due.is_some() && self.since(self.last_commit) > SEEN_EVERY;
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
