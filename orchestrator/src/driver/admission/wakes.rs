//! Keys of limits that have room again at a time: what waits for them is woken then.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use warrener_engine::Event;
use warrener_engine::limit::LimitKey;
use warrener_shared::time::{Millis, Timestamp};

use super::super::Driver;
use super::super::condition::{Failure, panic_text};
use crate::store::Store;

/// Keys that are looked at in one batch.
const KEYS_MAX: usize = 256;
/// Time until keys are looked at again if that failed.
const AGAIN: Millis = Millis::from_secs(1);
/// Keys that are forgotten in one batch.
const IDLE_MAX: usize = 10_000;

/// Times at which keys are looked at, one for each.
#[derive(Debug, Default)]
pub(in crate::driver) struct KeyWakes {
    by_time: BTreeSet<(Timestamp, LimitKey)>,
    by_key: BTreeMap<LimitKey, Timestamp>,
}

impl KeyWakes {
    /// Wakes of these keys at once.
    pub(in crate::driver) fn of(keys: Vec<LimitKey>) -> Self {
        let mut wakes = Self::default();
        keys.into_iter().for_each(|key| wakes.note(&key, Timestamp(0)));
        wakes
    }

    /// Notes a time for a key; an earlier one stays.
    pub(in crate::driver) fn note(&mut self, key: &LimitKey, at: Timestamp) {
        match self.by_key.get(key) {
            Some(known) if *known <= at => return,
            Some(known) => drop(self.by_time.remove(&(*known, key.clone()))),
            None => {}
        }
        self.by_key.insert(key.clone(), at);
        self.by_time.insert((at, key.clone()));
    }

    /// The first time of all.
    pub(in crate::driver) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn take_due(&mut self, now: Timestamp) -> Vec<LimitKey> {
        let due = self.by_time.iter().take_while(|(at, _)| *at <= now).take(KEYS_MAX);
        let due: Vec<_> = due.cloned().collect();
        due.into_iter()
            .map(|(at, key)| {
                self.by_time.remove(&(at, key.clone()));
                self.by_key.remove(&key);
                key
            })
            .collect()
    }

    /// The clock was set by so many milliseconds.
    fn shift(&mut self, by: i64) {
        let keys = std::mem::take(&mut self.by_key);
        self.by_time.clear();
        keys.into_iter().for_each(|(key, at)| self.note(&key, Timestamp(at.0.saturating_add(by))));
    }
}

impl<S: Store> Driver<S> {
    /// Wakes what waits for keys that have room by now.
    pub(in crate::driver) fn wake_keys(&mut self) {
        let now = self.now();
        if self.held.wakes.next().is_none_or(|at| at > now) {
            return;
        }
        let keys = self.held.wakes.take_due(now);
        let Err(failure) = self.try_keys(&keys) else { return };
        tracing::error!(why = %failure, "what waits for limits could not be woken; trying again");
        if self.recollect().is_err() || failure.is_an_outage() {
            return self.degrade(&failure.to_string());
        }
        self.held.wakes = KeyWakes::default();
        let later = now + AGAIN;
        for key in self.shared.limit_register.book.waited_for() {
            self.held.wakes.note(&key, later);
        }
    }

    fn try_keys(&mut self, keys: &[LimitKey]) -> Result<(), Failure> {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut batch = self.new_batch();
            for key in keys {
                self.decide(Event::KeyFreed(key.clone()), &mut batch)?;
            }
            self.admit(&mut batch)?;
            self.settle(batch).map(drop)
        }));
        match outcome {
            Ok(result) => result.map_err(Failure::Store),
            Err(panic) => Err(Failure::Bug(panic_text(panic.as_ref()))),
        }
    }

    /// The wall clock was set: buckets and pauses go on as they were.
    pub(in crate::driver) fn shift_keys(&mut self, by: i64) {
        self.shared.limit_register.book.shift(by);
        self.held.wakes.shift(by);
    }

    /// Forgets keys of limits that nothing would be lost of.
    pub(in crate::driver) fn forget_idle_keys(&mut self) {
        let idle = self.shared.limit_register.book.idle(self.now(), IDLE_MAX);
        if idle.is_empty() {
            return;
        }
        let mut batch = self.new_batch();
        batch.commit.idle_keys.clone_from(&idle);
        match self.settle(batch) {
            Ok(_) => self.shared.limit_register.book.forget(&idle),
            Err(error) => self.degrade(&error.to_string()),
        }
    }
}
