//! The kinds that a worker serves.

use std::collections::{BTreeMap, BTreeSet};

use crate::exec::Handler;

/// Handlers by kind.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    handlers: BTreeMap<String, Handler>,
}

impl Registry {
    /// Adds a handler. Gives back its kind if there is one already.
    pub(crate) fn add(&mut self, kind: String, handler: Handler) -> Result<(), String> {
        if self.handlers.contains_key(&kind) {
            return Err(kind);
        }
        self.handlers.insert(kind, handler);
        Ok(())
    }

    /// The handler of a kind.
    pub(crate) fn get(&self, kind: &str) -> Option<Handler> {
        self.handlers.get(kind).cloned()
    }

    /// All kinds, sorted.
    pub(crate) fn kinds(&self) -> BTreeSet<String> {
        self.handlers.keys().cloned().collect()
    }
}
