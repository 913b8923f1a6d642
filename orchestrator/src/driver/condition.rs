//! The condition of the store as the driver knows it, and what becomes of a batch that was not committed.
//!
//! A bad input stops no other, and a store that is away or ill costs no input: what is not committed is not
//! acknowledged.

use std::time::Duration;

use warrener_shared::mutant::{self, Mutant};

use super::input::{Input, Packet};
use super::{Driver, quarantine};
use crate::store::{Blame, Commit, Store, StoreError};

/// How far the store can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreCondition {
    /// The latest commit succeeded.
    Writable,
    /// What is held in memory was made anew from the rows, and no commit has succeeded since.
    Untried,
    /// What is held in memory may differ from the rows: the outcome of a commit is not known, or the rows could not be
    /// read. The loop rests for a moment, then reads them again.
    Unsure,
}

impl StoreCondition {
    /// The condition once the rows were read.
    pub(super) const fn after_reading(self) -> Self {
        if matches!(self, Self::Unsure) { Self::Untried } else { self }
    }
}

/// Time without a failed commit after which the store counts as well again.
const RECOVERED: Duration = Duration::from_secs(2);

impl<S: Store> Driver<S> {
    /// Deals with a batch that was not committed: inputs are tried one by one, and the one that fails alone is set
    /// aside. If the store is to blame, all of them stay with whoever brought them.
    pub(super) fn rescue(&mut self, packets: Vec<Packet>, failure: Failure) {
        if let Err(error) = self.recollect() {
            return self.give_back(packets, &Failure::Store(error));
        }
        if !failure.is_the_inputs() {
            return self.give_back(packets, &failure);
        }
        let alone = packets.iter().map(|packet| packet.inputs.len()).sum::<usize>() == 1;
        let mut known = alone.then_some(failure);
        for packet in packets {
            let Packet { inputs, done } = packet;
            let kept = inputs.into_iter().all(|input| self.rescue_one(input, known.take()));
            if let Some(done) = done {
                if kept {
                    // Nobody waits any more if the session ended; the inputs will come again.
                    done.send(()).ok();
                } else {
                    self.hearing.refused();
                }
            }
        }
    }

    /// Handles an input alone, unless it is known how that ends. False if it must come again.
    fn rescue_one(&mut self, input: Input, known: Option<Failure>) -> bool {
        if self.condition == StoreCondition::Unsure {
            return false;
        }
        let inputs = [input];
        let failure = match known {
            Some(failure) => failure,
            None => match self.attempt(&inputs) {
                Ok(answers) => {
                    super::answer(inputs, answers);
                    return true;
                }
                Err(failure) => failure,
            },
        };
        // Keeping it is also the proof that the store is not to blame.
        let kept = if failure.is_the_inputs() {
            self.recollect().and_then(|()| self.quarantine(&inputs[0], &failure)).map_err(Failure::Store)
        } else {
            Err(failure)
        };
        kept.map_err(|failure| self.degrade(&failure.to_string())).is_ok()
    }

    /// Leaves inputs with whoever brought them. Deliveries come again with the next session, which their owner opens.
    fn give_back(&mut self, packets: Vec<Packet>, failure: &Failure) {
        if packets.iter().any(|packet| packet.done.is_some()) {
            self.hearing.refused();
        }
        if mutant::is(Mutant::AcksUnwritten) {
            packets.into_iter().filter_map(|packet| packet.done).for_each(|done| done.send(()).unwrap_or_default());
        }
        self.degrade(&failure.to_string());
    }

    /// Keeps an input that cannot be handled where a person finds it.
    fn quarantine(&mut self, input: &Input, failure: &Failure) -> Result<(), StoreError> {
        let what = quarantine::subject(input);
        metrics::counter!("warrener_quarantined_total").increment(1);
        let Some(letter) = quarantine::letter(input, &failure.to_string(), self.now(), &self.shared.names) else {
            tracing::error!(why = %failure, %what, "an input could not be handled; it is dropped");
            return Ok(());
        };
        tracing::error!(why = %failure, %what, "an input could not be handled; it is kept as a dead letter");
        let mut commit = Commit::default();
        commit.dead.push(letter);
        self.store.commit(&commit)?;
        self.held.dead.committed(&commit);
        Ok(())
    }

    /// Notes that nothing can be written for now: nothing is acknowledged, and the process says so.
    pub(super) fn degrade(&mut self, why: &str) {
        self.condition = StoreCondition::Unsure;
        self.failed_at = Some(self.clock.monotonic());
        tracing::error!(%why, "the store cannot be used; inputs stay with the broker until it can");
        self.shared.health.not_ready("store", why.to_owned());
    }

    /// Notes that a commit succeeded.
    pub(super) fn written(&mut self) {
        if self.condition != StoreCondition::Writable {
            tracing::info!("the store can be written again");
        }
        self.condition = StoreCondition::Writable;
    }

    /// Notes that the store answered, which readiness needs each few seconds. A small commit may succeed where a disk
    /// has no room for a large one, so a failure is remembered for a moment.
    pub(super) fn well(&mut self) {
        let recovered = self.failed_at.is_none_or(|at| self.since(at) >= RECOVERED);
        if self.condition == StoreCondition::Writable && recovered {
            self.failed_at = None;
            self.shared.health.ready("store");
        }
    }
}

/// Why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Store(StoreError),
    #[error("a rule panicked, please report it: {0}")]
    Bug(String),
}

impl Failure {
    /// Whether the store is away, so that waiting helps.
    pub(super) fn is_an_outage(&self) -> bool {
        matches!(self, Self::Store(error) if error.blame() == Blame::Outage)
    }

    /// Whether an input is to blame: without it the batch would have been committed. A store that is away or ill is
    /// never taken for a bad input.
    pub(super) fn is_the_inputs(&self) -> bool {
        match self {
            Self::Store(error) => error.blame() == Blame::Input || mutant::is(Mutant::BlamesInputs),
            Self::Bug(_) => true,
        }
    }
}

/// Text of a panic.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
