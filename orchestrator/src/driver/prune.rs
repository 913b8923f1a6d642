//! Removing finished jobs that passed their retention, dead letters and rows of the audit likewise.
//!
//! Slices between batches remove as fast as jobs end, and nobody waits long for one.

use std::time::Duration;

use warrener_shared::time::Millis;

use super::condition::StoreCondition;
use super::{Driver, PRUNE_EVERY};
use crate::store::{Store, StoreError};

/// Most steps of one slice. A job of few tasks is one step, a large one takes several.
const STEPS: usize = 256;
/// Time for the rest of the loop after a slice, as a multiple of the slice's own: removing takes at most a quarter.
const OTHERS: u32 = 3;
/// Shortest time between two slices while there is more to remove.
const PAUSE: Duration = Duration::from_millis(5);

/// Time for which rows of the audit are kept.
const AUDIT_KEPT: Millis = Millis::from_secs(90 * 24 * 60 * 60);

impl<S: Store> Driver<S> {
    /// Removes one slice of what passed its retention, if it is time for one and the store can be written.
    pub(super) fn prune(&mut self) {
        let began = self.clock.monotonic();
        if began < self.rhythm.next_prune || self.condition != StoreCondition::Writable {
            return;
        }
        self.rhythm.next_prune = began + PRUNE_EVERY;
        match self.expire_dead() {
            Ok(0) => {}
            Ok(_) => self.rhythm.next_prune = began,
            Err(error) => return self.degrade(&error.to_string()),
        }
        let Some(old) = self.age.older_than(self.retention, &self.clock) else { return };
        match self.store.prune(old, STEPS).and_then(|jobs| Ok(jobs + self.prune_audit()?)) {
            Ok(0) => {}
            Ok(_) => {
                let now = self.clock.monotonic();
                self.rhythm.next_prune = now + ((now - began) * OTHERS).max(PAUSE);
            }
            Err(error) => self.degrade(&error.to_string()),
        }
    }

    /// Removes rows of the audit that passed [`AUDIT_KEPT`]. Gives their number.
    fn prune_audit(&mut self) -> Result<usize, StoreError> {
        match self.age.older_than(AUDIT_KEPT, &self.clock) {
            Some(old) => self.store.prune_audit(old, STEPS),
            None => Ok(0),
        }
    }
}
