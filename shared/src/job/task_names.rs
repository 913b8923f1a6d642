//! The names of the tasks of a job while it is read.

use std::borrow::Cow;
use std::collections::HashMap;

/// The names of the tasks of a job, with their positions.
#[derive(Default)]
pub(crate) struct TaskNames<'a> {
    written: Vec<Cow<'a, str>>,
    positions: HashMap<Cow<'a, str>, u32>,
}

impl<'a> TaskNames<'a> {
    /// Takes the next name; `None` if it is there already.
    pub(crate) fn add(&mut self, name: Cow<'a, str>) -> Option<u32> {
        let position = u32::try_from(self.written.len()).ok()?;
        if self.positions.contains_key(&name) {
            return None;
        }
        self.positions.insert(name.clone(), position);
        self.written.push(name);
        Some(position)
    }

    /// Number of names.
    pub(crate) fn len(&self) -> usize {
        self.written.len()
    }

    /// The name at a position.
    pub(crate) fn name(&self, position: u32) -> &str {
        &self.written[position as usize]
    }

    /// The position of a name.
    pub(crate) fn position(&self, name: &str) -> Option<u32> {
        self.positions.get(name).copied()
    }

    /// All names, in the order written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.written.iter().map(|name| &**name)
    }
}
