//! Checks of a commit that a database would make, before anything is changed.

use std::collections::BTreeSet;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_shared::state::TaskState;

use super::Memory;
use crate::store::columns::{JOB_CHECKS, TASK_CHECKS};
use crate::store::{Commit, StoreError};

impl Memory {
    /// Refuses a commit that a database would refuse.
    pub(super) fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        let changes = &commit.changes;
        let (mut jobs, mut ids, mut tasks) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let replaced = |row: &JobRow| changes.replaced.iter().any(|old| old.job == row.no);
        for row in changes.new_jobs.iter().filter(|row| !replaced(row)) {
            let is_new = jobs.insert(row.no) && !self.jobs.contains_key(&row.no);
            unique(is_new, "keep a job", || format!("there is a job number {} already", row.no.0))?;
            let is_new = ids.insert(&row.id) && !self.ids.contains_key(&row.id);
            fit(is_new, "keep a job", || format!("there is a job {} already", row.id))?;
        }
        for row in changes.new_jobs.iter().chain(&changes.jobs) {
            fit(is_sound_job(row), "update jobs", || format!("the row of job {} contradicts itself", row.id))?;
        }
        for row in &changes.new_tasks {
            let is_new = tasks.insert(row.no) && !self.tasks.contains_key(&row.no);
            unique(is_new, "keep tasks", || format!("there is a task {} already", row.no.0))?;
        }
        for row in changes.new_tasks.iter().chain(&changes.tasks) {
            fit(is_sound_task(row), "update tasks", || format!("the row of task {} contradicts itself", row.no.0))?;
        }
        self.check_events(commit)
    }

    /// Refuses chunks of events whose numbers are taken.
    fn check_events(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut chunks = BTreeSet::new();
        for (job, events) in &commit.changes.events {
            let key = (*job, events.first().map_or(0, |event| event.sequence));
            let is_new = chunks.insert(key) && !self.events.contains_key(&key);
            unique(is_new, "keep events", || format!("event {} of job {} is kept already", key.1, key.0.0))?;
        }
        Ok(())
    }
}

/// Error of a row that cannot be kept, whatever else is kept. An input is to blame.
fn fit(holds: bool, doing: &'static str, why: impl FnOnce() -> String) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Unfit { doing, why: why() }) }
}

/// Error of a number that was given twice. No input can be to blame.
fn unique(holds: bool, doing: &'static str, why: impl FnOnce() -> String) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Statement { doing, why: why() }) }
}

/// True if a job fulfils the conditions of the schema.
fn is_sound_job(row: &JobRow) -> bool {
    JOB_CHECKS.iter().all(|check| (check.holds)(row))
}

/// True if a task fulfils the conditions of the schema, and some that only tests enforce.
fn is_sound_task(row: &TaskRow) -> bool {
    // No database refuses this; no rule does it.
    let waits_at_work = row.waits_for.is_none() || row.state == TaskState::Dispatched;
    let stands_once = row.parked.is_none() || (row.rank.is_none() && !row.state.is_final());
    waits_at_work && stands_once && TASK_CHECKS.iter().all(|check| (check.holds)(row))
}
