//! Finding the tasks of a job by name: expressions name them, and a job may have 100,000 that each name another.

use super::TaskSpec;

/// The positions of the tasks of one job, in the order of their names.
#[derive(Clone, Debug)]
pub(super) struct ByName(Box<[u32]>);

impl ByName {
    pub(super) fn of(tasks: &[TaskSpec]) -> Self {
        let count = u32::try_from(tasks.len()).expect("the parser limits the tasks");
        let mut positions: Box<[u32]> = (0..count).collect();
        positions.sort_unstable_by_key(|at| tasks[*at as usize].name.as_str());
        Self(positions)
    }

    pub(super) fn find(&self, tasks: &[TaskSpec], name: &str) -> Option<u32> {
        let found = self.0.binary_search_by_key(&name, |at| tasks[*at as usize].name.as_str());
        found.ok().map(|at| self.0[at])
    }
}
