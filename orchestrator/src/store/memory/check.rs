//! What a database refuses, before anything is changed.

use std::collections::BTreeSet;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_shared::state::{JobState, TaskState};

use super::Memory;
use crate::store::{Commit, StoreError};

impl Memory {
    /// Refuses a commit that a database would refuse.
    pub(super) fn check(&self, commit: &Commit) -> Result<(), StoreError> {
        let changes = &commit.changes;
        let (mut jobs, mut ids, mut tasks) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for row in &changes.new_jobs {
            let fresh = jobs.insert(row.no) && ids.insert(&row.id);
            let known = self.jobs.contains_key(&row.no) || self.ids.contains_key(&row.id);
            ensure(fresh && !known, "keep a job", || format!("there is a job {} already", row.id))?;
        }
        for row in changes.new_jobs.iter().chain(&changes.jobs) {
            ensure(is_sound_job(row), "update jobs", || format!("a row contradicts itself: {row:?}"))?;
        }
        for row in &changes.new_tasks {
            let fresh = tasks.insert(row.no) && !self.tasks.contains_key(&row.no);
            ensure(fresh, "keep tasks", || format!("there is a task {} already", row.no.0))?;
        }
        for row in changes.new_tasks.iter().chain(&changes.tasks) {
            ensure(is_sound_task(row), "update tasks", || format!("a row contradicts itself: {row:?}"))?;
        }
        self.check_events(commit)
    }

    fn check_events(&self, commit: &Commit) -> Result<(), StoreError> {
        let mut chunks = BTreeSet::new();
        for (job, events) in &commit.changes.events {
            let key = (*job, events.first().map_or(0, |event| event.sequence));
            let fresh = chunks.insert(key) && !self.events.contains_key(&key);
            ensure(fresh, "keep events", || format!("event {} of job {} is kept already", key.1, key.0.0))?;
        }
        Ok(())
    }
}

fn ensure(holds: bool, doing: &'static str, why: impl FnOnce() -> String) -> Result<(), StoreError> {
    if holds { Ok(()) } else { Err(StoreError::Statement { doing, why: why() }) }
}

fn is_sound_job(row: &JobRow) -> bool {
    row.state.is_final() == row.finished_at.is_some() && (row.output.is_none() || row.state == JobState::Succeeded)
}

fn is_sound_task(row: &TaskRow) -> bool {
    let dispatched = row.state == TaskState::Dispatched;
    let offers = row.state == TaskState::Ready || (dispatched && row.map.is_some());
    let quiet = row.wake_at.is_none() && row.rank.is_none() && row.dispatch_no.is_none();
    (row.waits_for.is_none() || dispatched)
        && (row.dispatch_no.is_none() || (dispatched && row.attempt > 0))
        && (row.rank.is_none() || offers)
        && row.state.is_final() == row.finished_at.is_some()
        && (!row.state.is_final() || quiet)
}
