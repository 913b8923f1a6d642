//! Dead letters within their bounds: of number, of bytes and of age. The oldest go first.
//!
//! Whoever may publish to us can make dead letters, so without a bound anybody could fill the disk.

use warrener_shared::time::Millis;

use super::Driver;
use super::condition::StoreCondition;
use crate::store::{Commit, DeadTotal, KeptDead, Store, StoreError};

/// Dead letters that one turn of the loop removes, twice as many as it can add.
const SLICE: usize = 2 * super::BATCH;

/// How much is kept of dead letters.
#[derive(Clone, Copy, Debug)]
pub struct DeadBound {
    /// Number of letters.
    pub letters: u64,
    /// Bytes that they take together, about.
    pub bytes: u64,
    /// How long each is kept.
    pub retention: Millis,
}

impl Default for DeadBound {
    fn default() -> Self {
        Self { letters: 100_000, bytes: 1 << 30, retention: Millis::from_secs(90 * 86_400) }
    }
}

/// The bound of dead letters, and what was said of it.
#[derive(Debug, Default)]
pub(super) struct DeadBook {
    bound: DeadBound,
    /// Set once it has been said that letters are dropped, which is said once.
    told: bool,
}

/// Count of the dead letters that are kept, as far as it was made.
#[derive(Debug, Default)]
pub(super) struct DeadCount {
    /// At least the letters that are kept; `None` if they are to be counted.
    kept: Option<DeadTotal>,
    /// Set if there may be less, since letters were taken out whose weight was not known.
    may_be_less: bool,
}

impl DeadCount {
    /// Notes what a commit added and took out.
    pub(super) fn committed(&mut self, commit: &Commit) {
        if let Some(kept) = &mut self.kept {
            kept.letters += commit.dead.len() as u64;
            kept.bytes += commit.dead.iter().map(|letter| letter.weight()).sum::<u64>();
        }
        self.may_be_less |= !commit.discarded.is_empty();
    }

    /// Notes that letters were taken out of which nobody counted.
    pub(super) const fn thinned(&mut self) {
        self.may_be_less = true;
    }

    /// Letters beyond the bound.
    fn excess(&self, bound: &DeadBound) -> DeadTotal {
        let kept = self.kept.unwrap_or_default();
        DeadTotal { letters: kept.letters.saturating_sub(bound.letters), bytes: kept.bytes.saturating_sub(bound.bytes) }
    }
}

impl<S: Store> Driver<S> {
    /// The same with another bound of dead letters.
    #[must_use]
    pub fn with_dead_bound(self, bound: DeadBound) -> Self {
        Self { dead: DeadBook { bound, told: false }, ..self }
    }

    /// Removes the oldest dead letters as far as there are too many. Costs nothing as long as there are not.
    pub(super) fn trim_dead(&mut self) {
        let is_within = self.held.dead.kept.is_some() && self.dead_excess() == DeadTotal::default();
        if self.condition != StoreCondition::Writable || is_within {
            return;
        }
        if let Err(error) = self.trim_to_bound() {
            self.degrade(&error.to_string());
        }
    }

    /// Removes dead letters that passed their retention, one slice.
    pub(super) fn expire_dead(&mut self) -> Result<usize, StoreError> {
        let Some(before) = self.age.older_than(self.dead.bound.retention, &self.clock) else { return Ok(0) };
        let oldest = self.store.oldest_dead(SLICE)?;
        self.drop_dead(oldest.into_iter().take_while(|letter| letter.received_at < before).collect())
    }

    fn dead_excess(&self) -> DeadTotal {
        self.held.dead.excess(&self.dead.bound)
    }

    fn trim_to_bound(&mut self) -> Result<(), StoreError> {
        if self.held.dead.kept.is_none() || self.held.dead.may_be_less {
            self.held.dead = DeadCount { kept: Some(self.store.dead_total()?), may_be_less: false };
        }
        let excess = self.dead_excess();
        if excess == DeadTotal::default() {
            return Ok(());
        }
        let mut gone = DeadTotal::default();
        let is_too_much = |letter: &KeptDead| {
            let is_too_much = gone.letters < excess.letters || gone.bytes < excess.bytes;
            gone.letters += 1;
            gone.bytes += letter.bytes;
            is_too_much
        };
        let oldest = self.store.oldest_dead(SLICE)?;
        let dropped = self.drop_dead(oldest.into_iter().take_while(is_too_much).collect())?;
        metrics::counter!("warrener_dead_letters_dropped_total").increment(dropped as u64);
        if !std::mem::replace(&mut self.dead.told, true) {
            let DeadBound { letters, bytes, .. } = self.dead.bound;
            tracing::warn!(
                max_letters = letters,
                max_bytes = bytes,
                "there are more dead letters than are kept (dead.max_letters, dead.max_bytes); the oldest are dropped"
            );
        }
        Ok(())
    }

    fn drop_dead(&mut self, letters: Vec<KeptDead>) -> Result<usize, StoreError> {
        if letters.is_empty() {
            return Ok(0);
        }
        let discarded = letters.iter().map(|letter| letter.no).collect();
        self.store.commit(&Commit { discarded, ..Commit::default() })?;
        if let Some(kept) = &mut self.held.dead.kept {
            kept.letters = kept.letters.saturating_sub(letters.len() as u64);
            kept.bytes = kept.bytes.saturating_sub(letters.iter().map(|letter| letter.bytes).sum());
        }
        Ok(letters.len())
    }
}
