//! Answers that are kept for tasks which begin to wait later, without their payloads.

use std::collections::{BTreeMap, BTreeSet};

use warrener_shared::time::Timestamp;

use crate::store::{KeptAnswer, KeptChanges, Store, StoreError};

/// Kept answers, by what they answer and by when their time is over.
#[derive(Debug, Default)]
pub(in crate::driver) struct KeptAnswers {
    /// Number and last time of each answer, by event and key; the latest answer last.
    by_event: BTreeMap<String, BTreeMap<i64, Timestamp>>,
    /// Last times of all answers, with their numbers.
    by_end: BTreeSet<(Timestamp, i64)>,
    /// Highest number that was given to an answer.
    last: i64,
}

impl KeptAnswers {
    /// Reads the answers from the store.
    pub(super) fn from_rows(store: &mut impl Store) -> Result<Self, StoreError> {
        let mut kept = Self::default();
        store.kept_answers()?.into_iter().for_each(|answer| kept.add(&answer));
        Ok(kept)
    }

    fn add(&mut self, answer: &KeptAnswer) {
        self.last = self.last.max(answer.no);
        self.by_event.entry(answer.event.clone()).or_default().insert(answer.no, answer.until);
        self.by_end.insert((answer.until, answer.no));
    }

    /// Number of answers.
    pub(in crate::driver) fn len(&self) -> usize {
        self.by_end.len()
    }

    /// Highest number that was given to an answer.
    pub(in crate::driver) const fn last(&self) -> i64 {
        self.last
    }

    /// Numbers of the answers to this event and key whose time is not over, the latest first.
    pub(in crate::driver) fn to(&self, event: &str, now: Timestamp) -> Vec<i64> {
        let all = self.by_event.get(event).into_iter().flat_map(|answers| answers.iter().rev());
        all.filter(|(_, until)| **until > now).map(|(no, _)| *no).collect()
    }

    /// Numbers of the answers whose time is over, at most so many.
    pub(in crate::driver) fn over(&self, now: Timestamp, most: usize) -> Vec<i64> {
        self.by_end.iter().take_while(|(until, _)| *until <= now).take(most).map(|(_, no)| *no).collect()
    }

    /// The wall clock was set by so many milliseconds: what is left of each time stays.
    pub(in crate::driver) fn shift(&mut self, by: i64) {
        self.by_event.values_mut().flat_map(BTreeMap::values_mut).for_each(|until| until.0 += by);
        self.by_end = self.by_end.iter().map(|(until, no)| (Timestamp(until.0 + by), *no)).collect();
    }

    /// Takes in what a commit made true.
    pub(in crate::driver) fn committed(&mut self, changes: &KeptChanges) {
        changes.new.iter().for_each(|(answer, _)| self.add(answer));
        if changes.gone.is_empty() {
            return;
        }
        let gone: BTreeSet<i64> = changes.gone.iter().copied().collect();
        self.by_end.retain(|(_, no)| !gone.contains(no));
        self.by_event.retain(|_, answers| {
            answers.retain(|no, _| !gone.contains(no));
            !answers.is_empty()
        });
    }
}
