//! Evidence against the file. Once there is some, nothing is read or written any more: going on with half an index
//! loses jobs in silence.

use std::sync::{Arc, OnceLock};

use super::StoreError;

/// First fault that was found; shared by all that use the file. A fault stays until the process ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Soundness(Arc<OnceLock<Fault>>);

/// Fault of the file.
#[derive(Debug)]
enum Fault {
    /// The file is broken, in these words.
    Damaged(String),
    /// Another process writes to the file.
    Taken,
}

impl Soundness {
    /// Checks that nothing is known against the file. Costs a look at memory.
    ///
    /// # Errors
    /// [`StoreError`] with what is known against it.
    pub(super) fn ensure_sound(&self) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(Fault::Damaged(what)) => Err(StoreError::Corrupt(what.clone())),
            Some(Fault::Taken) => Err(StoreError::Statement { doing: "write", why: TAKEN.to_owned() }),
        }
    }

    /// Passes an outcome on, and remembers damage that it tells of.
    pub(super) fn heed<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Corrupt(what)) = &outcome {
            self.damaged(what.clone());
        }
        outcome
    }

    /// Remembers damage. The first fault counts.
    pub(super) fn damaged(&self, what: String) {
        // What was found first counts.
        self.0.set(Fault::Damaged(what)).ok();
    }

    /// Remembers that another process writes to the file.
    pub(super) fn taken(&self) {
        self.0.set(Fault::Taken).ok();
    }
}

/// Message for an orchestrator whose file another one has taken over.
const TAKEN: &str = "another orchestrator has taken the database over; this one must be started again";
