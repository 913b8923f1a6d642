//! Dead letters within their bounds: of number, of bytes and of age. The oldest go first.
//!
//! Whoever may publish to us can make dead letters, so without a bound anybody could fill the disk.

use warrener_shared::time::Millis;

use super::Driver;
use super::condition::StoreCondition;
use crate::store::{Commit, DeadTotal, KeptDead, Store, StoreError};

/// Most dead letters that one turn of the loop removes: twice as many as a batch can add, so that removing wins.
const SLICE: usize = 2 * super::BATCH;

/// Bounds of what is kept of dead letters. The oldest are dropped beyond any of them.
#[derive(Clone, Copy, Debug)]
pub struct DeadBound {
    /// Most letters.
    pub letters: u64,
    /// Most bytes that the letters take together, by their weights.
    pub bytes: u64,
    /// Time for which a letter is kept, from its receipt.
    pub retention: Millis,
}

impl Default for DeadBound {
    fn default() -> Self {
        Self { letters: 100_000, bytes: 1 << 30, retention: Millis::from_secs(90 * 86_400) }
    }
}

/// The bound of dead letters, and whether it was said that letters are dropped. Outlives `recollect`.
#[derive(Debug, Default)]
pub(super) struct DeadBook {
    bound: DeadBound,
    /// True once the log said that letters are dropped: it says so once in the life of a process.
    told: bool,
}

/// Count of the dead letters that are kept, made only once something needs it. Made anew by `recollect`.
#[derive(Debug, Default)]
pub(super) struct DeadCount {
    /// Upper bound of the letters that are kept and of their bytes; `None` as long as nobody counted.
    kept: Option<DeadTotal>,
    /// True if letters were taken out whose weight was not known, so that a recount may find less.
    may_be_less: bool,
}

impl DeadCount {
    /// Notes the letters that a commit added and took out.
    pub(super) fn committed(&mut self, commit: &Commit) {
        if let Some(kept) = &mut self.kept {
            kept.letters += commit.dead.len() as u64;
            kept.bytes += commit.dead.iter().map(|letter| letter.weight()).sum::<u64>();
        }
        self.may_be_less |= !commit.discarded.is_empty();
    }

    /// Notes that letters may have been taken out that nobody counted, such as those of a removed job.
    pub(super) const fn thinned(&mut self) {
        self.may_be_less = true;
    }

    /// Letters and bytes beyond the bound, zero where within.
    fn excess(&self, bound: &DeadBound) -> DeadTotal {
        let kept = self.kept.unwrap_or_default();
        DeadTotal { letters: kept.letters.saturating_sub(bound.letters), bytes: kept.bytes.saturating_sub(bound.bytes) }
    }
}

impl<S: Store> Driver<S> {
    /// Gives the driver another bound of dead letters.
    #[must_use]
    pub fn with_dead_bound(self, bound: DeadBound) -> Self {
        Self { dead: DeadBook { bound, told: false }, ..self }
    }

    /// Removes the oldest dead letters as far as there are too many, at the end of each turn. They are counted once;
    /// from then on it costs a comparison as long as there are not too many.
    pub(super) fn trim_dead(&mut self) {
        let is_within = self.held.dead.kept.is_some() && self.dead_excess() == DeadTotal::default();
        if self.condition != StoreCondition::Writable || is_within {
            return;
        }
        if let Err(error) = self.trim_to_bound() {
            self.degrade(&error.to_string());
        }
    }

    /// Removes dead letters that passed their retention, at most [`SLICE`]. Gives their number.
    pub(super) fn expire_dead(&mut self) -> Result<usize, StoreError> {
        let Some(before) = self.age.older_than(self.dead.bound.retention, &self.clock) else { return Ok(0) };
        let oldest = self.store.oldest_dead(SLICE)?;
        self.drop_dead(oldest.into_iter().take_while(|letter| letter.received_at < before).collect())
    }

    /// Letters and bytes beyond the bound, by the count so far.
    fn dead_excess(&self) -> DeadTotal {
        self.held.dead.excess(&self.dead.bound)
    }

    /// Recounts if the count is doubtful, then removes the oldest letters until the excess is covered, at most
    /// [`SLICE`].
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

    /// Removes these letters with a commit of their own, and counts them off. Gives their number.
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
