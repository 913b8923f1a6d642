//! The condition of the store as the driver knows it, and what becomes of a batch that was not committed.
//!
//! A bad input stops no other, and a store that is away or ill costs no input: what is not committed is not
//! acknowledged.

use std::time::Duration;

use warrener_shared::mutant::{self, Mutant};

use super::input::{Input, Packet};
use super::{Driver, quarantine};
use crate::store::{Blame, Commit, Store, StoreError};

/// Degree to which the driver can rely on the store, and on its own memory of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StoreCondition {
    /// The latest commit succeeded, and memory agrees with the rows.
    Writable,
    /// Memory was made anew from the rows, and no commit has succeeded since.
    Untried,
    /// Memory may differ from the rows: the outcome of a commit is not known, or the rows could not be read. The loop
    /// rests for [`DEGRADED_RETRY`](super::DEGRADED_RETRY), then reads them again. Nothing is decided or written
    /// before.
    Unsure,
}

impl StoreCondition {
    /// The condition once the rows were read anew.
    pub(super) const fn after_reading(self) -> Self {
        if matches!(self, Self::Unsure) { Self::Untried } else { self }
    }
}

/// Time without a failed commit after which readiness says that the store is well again.
const RECOVERED: Duration = Duration::from_secs(2);

impl<S: Store> Driver<S> {
    /// Deals with the packets of a batch that was not committed.
    ///
    /// If an input is to blame, the inputs are tried one by one, and the one that fails alone is kept as a dead letter.
    /// If the store is to blame, all of them are withheld. Memory is made anew from the rows first.
    pub(super) fn rescue(&mut self, packets: Vec<Packet>, failure: Failure) {
        if let Err(error) = self.recollect() {
            return self.withhold(packets, &Failure::Store(error));
        }
        if !failure.is_the_inputs() {
            return self.withhold(packets, &failure);
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

    /// Handles one input alone; `known` is its failure if it was alone already. True if it is done with, also as a dead
    /// letter. False if it must come again.
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

    /// Withholds inputs until the store can be used. They stay unacknowledged meanwhile.
    fn withhold(&mut self, packets: Vec<Packet>, failure: &Failure) {
        if mutant::is(Mutant::AcksUnwritten) {
            packets.into_iter().filter_map(|packet| packet.done).for_each(|done| done.send(()).unwrap_or_default());
        } else {
            self.withheld.keep(packets);
        }
        self.degrade(&failure.to_string());
    }

    /// Handles what was withheld, and packets that came since, one by one and in order, until one fails. That one goes
    /// to the end: if it alone cannot be written, which no error tells for certain, the others must not wait for it.
    pub(super) fn make_up(&mut self, packets: Vec<Packet>) {
        let mut waiting = self.withheld.take();
        waiting.extend(packets);
        while self.condition != StoreCondition::Unsure
            && let Some(packet) = waiting.pop_front()
        {
            self.step(vec![packet]);
        }
        let failed = self.withheld.take();
        self.withheld.keep(waiting);
        self.withheld.keep(failed);
    }

    /// Keeps an input that cannot be handled as a dead letter, where a person finds it. One that carries no message of
    /// others is dropped, and logged.
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

    /// Notes that nothing can be written for now. Nothing is acknowledged until it can, and readiness is false with
    /// this reason.
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
    /// has no room for a large one, so a failure is remembered for [`RECOVERED`].
    pub(super) fn well(&mut self) {
        let recovered = self.failed_at.is_none_or(|at| self.since(at) >= RECOVERED);
        if self.condition == StoreCondition::Writable && recovered {
            self.failed_at = None;
            self.shared.health.ready("store");
        }
    }
}

/// Reason why a batch was not committed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The store refused a read or the commit. Its error says whose fault that is.
    #[error(transparent)]
    Store(StoreError),
    /// A rule panicked, with the text of the panic. Counts as the fault of the input that it was about.
    #[error("a rule panicked, please report it: {0}")]
    Bug(String),
}

impl Failure {
    /// True if the store is away, so that waiting helps.
    pub(super) fn is_an_outage(&self) -> bool {
        matches!(self, Self::Store(error) if error.blame() == Blame::Outage)
    }

    /// True if an input is to blame: without it the batch would have been committed. A store that is away or ill is
    /// never taken for a bad input.
    pub(super) fn is_the_inputs(&self) -> bool {
        match self {
            Self::Store(error) => error.blame() == Blame::Input || mutant::is(Mutant::BlamesInputs),
            Self::Bug(_) => true,
        }
    }
}

/// Text of a panic, as far as it was a string; else `no message`.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}
