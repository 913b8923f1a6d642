//! Tasks that a batch changes.

use std::collections::BTreeSet;
use std::ops::Deref;

use warrener_shared::id::TaskNo;

/// Numbers of tasks that changed, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct ChangedTasks {
    numbers: BTreeSet<TaskNo>,
    /// The number that was added last. A rule changes one task several times in a row, which costs one search.
    latest: Option<TaskNo>,
}

impl ChangedTasks {
    pub(super) fn add(&mut self, no: TaskNo) {
        if self.latest != Some(no) {
            self.numbers.insert(no);
            self.latest = Some(no);
        }
    }

    /// Takes out those from `first` up to before `end`.
    pub(super) fn forget(&mut self, first: TaskNo, end: TaskNo) {
        self.numbers.retain(|no| *no < first || *no >= end);
        self.latest = None;
    }
}

impl Deref for ChangedTasks {
    type Target = BTreeSet<TaskNo>;

    fn deref(&self) -> &BTreeSet<TaskNo> {
        &self.numbers
    }
}
