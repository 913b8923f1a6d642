//! The evidence against the file. Once there is some, nothing is read or written any more: going on with half an index
//! loses jobs in silence.

use std::sync::{Arc, OnceLock};

use super::StoreError;

/// First fault that was found; shared by all that use the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Soundness(Arc<OnceLock<Fault>>);

#[derive(Debug)]
enum Fault {
    /// The file is broken, in these words.
    Damaged(String),
    /// Somebody else writes to the file.
    Taken,
}

impl Soundness {
    /// # Errors
    /// [`StoreError`] with what is known against the file.
    pub(super) fn ensure_sound(&self) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(Fault::Damaged(what)) => Err(StoreError::Corrupt(what.clone())),
            Some(Fault::Taken) => Err(StoreError::Statement { doing: "write", why: TAKEN.to_owned() }),
        }
    }

    /// Remembers damage that a statement met.
    pub(super) fn heed<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Corrupt(what)) = &outcome {
            self.damaged(what.clone());
        }
        outcome
    }

    pub(super) fn damaged(&self, what: String) {
        // What was found first counts.
        self.0.set(Fault::Damaged(what)).ok();
    }

    pub(super) fn taken(&self) {
        self.0.set(Fault::Taken).ok();
    }
}

const TAKEN: &str = "another orchestrator has taken the database over; this one must be started again";
