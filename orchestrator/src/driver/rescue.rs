//! When a batch fails: one bad input stops no other, and a store that cannot be written stops nothing for good.

use warrener_shared::mutant::{self, Mutant};

use super::input::{Input, Packet};
use super::{Driver, batch};
use crate::store::{Commit, Store, StoreError};

impl<S: Store> Driver<S> {
    /// A batch failed: its inputs are tried one by one, and the one that fails alone is set aside.
    pub(super) fn rescue(&mut self, packets: Vec<Packet>, alone: bool, failure: &Failure) {
        if let Err(error) = self.recollect() {
            tracing::error!(%error, "cannot read the store");
            self.refuse(&packets);
            return self.degrade(&error.to_string());
        }
        if failure.is_transient() {
            self.refuse(&packets);
            if mutant::is(Mutant::AcksUnwritten) {
                packets.into_iter().filter_map(|packet| packet.done).for_each(|done| done.send(()).unwrap_or_default());
            }
            return self.degrade(&failure.to_string());
        }
        for packet in packets {
            let mut done = packet.done;
            let comes_again = done.is_some();
            for mut input in packet.inputs {
                if self.stale {
                    done = None;
                    continue;
                }
                let result = if alone { Err(Failure::Again) } else { self.attempt(vec![&mut input]) };
                match result {
                    Ok(()) => {}
                    Err(again) if again.is_transient() => {
                        done = None;
                        self.degrade(&again.to_string());
                    }
                    Err(again) => {
                        let why = if alone { failure.to_string() } else { again.to_string() };
                        if self.recollect().is_err() || self.quarantine(&input, &why).is_err() {
                            done = None;
                        }
                    }
                }
            }
            match done {
                Some(done) => drop(done.send(())),
                None if comes_again => self.hearing.closed(),
                None => {}
            }
        }
    }

    /// Deliveries that are not acknowledged come again with the next session only, which their owner then opens.
    fn refuse(&mut self, packets: &[Packet]) {
        if packets.iter().any(|packet| packet.done.is_some()) {
            self.hearing.closed();
        }
    }

    /// Keeps an input that nobody can decide where a person finds it.
    fn quarantine(&mut self, input: &Input, why: &str) -> Result<(), StoreError> {
        tracing::error!(%why, ?input, "an input could not be handled; it is kept as a dead letter");
        metrics::counter!("warrener_quarantined_total").increment(1);
        let mut commit = Commit::default();
        commit.dead.push(batch::quarantined(input, why, self.now()));
        self.store.commit(&commit)
    }

    /// Nothing can be written for now: nothing is acknowledged, and the process says so.
    pub(super) fn degrade(&mut self, why: &str) {
        self.degraded = true;
        self.stale = true;
        tracing::error!(%why, "the store cannot be written; inputs stay with the broker until it can");
        self.shared.health.not_ready("store", why.to_owned());
        self.resting = true;
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Store(StoreError),
    #[error("a rule panicked, please report it: {0}")]
    Bug(String),
    #[error("it failed alone")]
    Again,
}

impl Failure {
    pub(super) const fn is_transient(&self) -> bool {
        matches!(self, Self::Store(error) if error.is_transient())
    }
}

pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
