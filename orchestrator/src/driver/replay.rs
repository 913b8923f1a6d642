//! Dead letters that bulk operations have on their way, and what became of each.
//!
//! It is asked for a few letters at a time. A member counts once the broker has its message, or it is known not to take
//! it. What was on its way when the process ended is sent once more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batch::Batch;
use super::{Driver, letter};
use crate::store::{BulkAction, BulkRow, Store, StoreError};

/// Time between two looks at an operation whose letters are on their way.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest wait for what became of a letter.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of messages on their way at once, though one may always be.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Letters on their way, by number. Outlives `recollect`.
#[derive(Debug, Default)]
pub(super) struct Replays {
    letters: BTreeMap<i64, Replaying>,
}

/// A letter on its way.
#[derive(Debug)]
struct Replaying {
    /// Operation that asked for it.
    operation: i64,
    /// Bytes of its message.
    bytes: usize,
    /// Monotonic time after which nothing more is heard of it.
    until: Duration,
    /// Outcome, once it is known: the reason if it was not taken.
    outcome: Option<Result<(), String>>,
}

impl Replays {
    /// Notes what became of a letter, if an operation asked for it.
    pub(super) fn note(&mut self, no: i64, outcome: Result<(), String>) {
        if let Some(letter) = self.letters.get_mut(&no) {
            letter.outcome = Some(outcome);
        }
    }

    /// Takes what became of a letter; `None` if nobody asked for it.
    pub(super) fn take(&mut self, no: i64) -> Option<Result<(), String>> {
        let outcome = self.letters.remove(&no)?.outcome;
        Some(outcome.unwrap_or_else(|| Err("the broker did not say whether it has it".to_owned())))
    }

    fn is_settled(&self, no: i64, now: Duration) -> bool {
        self.letters.get(&no).is_some_and(|letter| letter.outcome.is_some() || letter.until <= now)
    }

    fn bytes(&self) -> usize {
        self.letters.values().filter(|letter| letter.outcome.is_none()).map(|letter| letter.bytes).sum()
    }
}

impl<S: Store> Driver<S> {
    /// Notes what became of a letter, with the reason if the broker did not take it. One that it took is forgotten.
    pub(super) fn replay_ended(&mut self, no: i64, refusal: Option<&str>, batch: &mut Batch) {
        match refusal {
            None => {
                self.replays.note(no, Ok(()));
                batch.commit.discarded.push(no);
            }
            Some(why) => self.replays.note(no, Err(why.to_owned())),
        }
    }

    /// Has the next members of an operation sent again, if that is its action, and gives the number of the first of
    /// them of which it is known what became of them. All of them for any other action.
    pub(super) fn replayed(
        &mut self,
        no: i64,
        row: &BulkRow,
        members: &[i64],
        batch: &mut Batch,
    ) -> Result<usize, StoreError> {
        if row.action != BulkAction::Replay {
            return Ok(members.len());
        }
        let now = self.clock.monotonic();
        let open = &self.held.bulk.open;
        self.replays.letters.retain(|_, letter| open.contains_key(&letter.operation));
        let mut settled = 0;
        for (at, member) in members.iter().enumerate() {
            let is_known =
                self.replays.is_settled(*member, now) || !self.ask_for_replay(no, row, *member, now, batch)?;
            if is_known && settled == at {
                settled += 1;
            }
        }
        Ok(settled)
    }

    /// Has a letter sent again, unless it is on its way, others take all the room, or there is no session. False if it
    /// cannot be sent.
    fn ask_for_replay(
        &mut self,
        operation: i64,
        row: &BulkRow,
        no: i64,
        now: Duration,
        batch: &mut Batch,
    ) -> Result<bool, StoreError> {
        let sent = self.replays.bytes();
        if self.replays.letters.contains_key(&no) || !self.hearing.is_connected() || sent >= BYTES_MAX {
            return Ok(true);
        }
        let Some(kept) = self.store.dead_letter(no)? else { return Ok(false) };
        if !self.letter_matches(row, kept.head.job.as_deref(), batch)? {
            return Ok(false);
        }
        let Ok(parcel) = letter::parcel(&kept) else { return Ok(false) };
        let bytes = parcel.message.body.len();
        self.replays.letters.insert(no, Replaying { operation, bytes, until: now + PATIENCE, outcome: None });
        batch.after.replay.push((no, Box::new(parcel)));
        Ok(true)
    }
}
