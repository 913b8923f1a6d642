//! Reach marks: which transitions and which faults were met, and in which states.

use std::collections::BTreeMap;

use warrener_shared::state::{JobState, TaskState};

use crate::plan::{FAULTS, Fault};

/// Counts of what was met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) tasks: BTreeMap<(TaskState, TaskState), u64>,
    pub(crate) jobs: BTreeMap<(JobState, JobState), u64>,
    /// Faults that struck.
    pub(crate) faults: Vec<Fault>,
    /// Faults of the world and states that tasks entered in it.
    pub(crate) pairs: BTreeMap<(Fault, TaskState), u64>,
}

impl Reach {
    pub(crate) fn add(&mut self, other: Self) {
        for (key, count) in &other.tasks {
            *self.tasks.entry(*key).or_default() += count;
            let mut struck = other.faults.clone();
            struck.sort_unstable();
            struck.dedup();
            for fault in struck {
                *self.pairs.entry((fault, key.1)).or_default() += count;
            }
        }
        for (key, count) in other.jobs {
            *self.jobs.entry(key).or_default() += count;
        }
    }

    /// The table, and what was never met.
    pub(crate) fn table(&self) -> (Vec<String>, Vec<String>) {
        let (mut lines, mut never) = (Vec::new(), Vec::new());
        let mut note = |name: String, count: u64| {
            if count == 0 {
                never.push(name.clone());
            }
            lines.push(format!("{count:>12}  {name}"));
        };
        for (from, to) in rows(JobState::TRANSITIONS) {
            note(format!("job {from} → {to}"), self.jobs.get(&(from, to)).copied().unwrap_or(0));
        }
        for (from, to) in rows(TaskState::TRANSITIONS) {
            note(format!("task {from} → {to}"), self.tasks.get(&(from, to)).copied().unwrap_or(0));
        }
        for (fault, name) in FAULTS {
            for state in TaskState::ALL {
                note(format!("{name} × {state}"), self.pairs.get(&(*fault, *state)).copied().unwrap_or(0));
            }
        }
        (lines, never)
    }
}

fn rows<S: Copy>(table: &[(S, &str, S)]) -> Vec<(S, S)> {
    table.iter().map(|(from, _, to)| (*from, *to)).collect()
}
