//! Views of rows that must be loaded: [`crate::missing`] names them before a rule asks.

use std::ops::Deref;
use std::sync::Arc;

use warrener_shared::id::{JobNo, QueueName, TaskNo};
use warrener_shared::job::{ForEach, JobSpec, TaskSpec};
use warrener_shared::mutant::{self, Mutant};

use super::{JobEntry, Slice};
use crate::limit::TaskInJob;
use crate::row::{Map, TaskRow, WaitsFor};

/// A task of a job as it was submitted, held while rows change.
#[derive(Clone, Debug)]
pub(crate) struct TaskOf {
    job: Arc<JobSpec>,
    position: usize,
}

impl TaskOf {
    /// Tells if its job has a `max_parallel`.
    pub(crate) fn is_limited(&self) -> bool {
        self.job.max_parallel.is_some()
    }

    /// The `for_each` of a mapped task.
    ///
    /// # Panics
    /// If the task is not mapped.
    pub(crate) fn each(&self) -> &ForEach {
        self.for_each.as_ref().expect(MAPPED)
    }
}

impl Deref for TaskOf {
    type Target = TaskSpec;

    fn deref(&self) -> &TaskSpec {
        &self.job.tasks[self.position]
    }
}

impl JobEntry {
    /// The task at a position as it was submitted.
    pub(crate) fn spec_at(&self, position: u32) -> TaskOf {
        TaskOf { job: self.spec.clone(), position: position as usize }
    }

    /// The task at a position with its job, as far as limits look at it.
    pub fn limited_task(&self, position: u32) -> TaskInJob<'_> {
        TaskInJob { id: &self.row.id, job: &self.spec, task: &self.spec.tasks[position as usize] }
    }

    /// Tells if `max_parallel` lets another attempt of the job be open.
    pub(crate) fn has_slot(&self) -> bool {
        let most = self.spec.max_parallel.filter(|_| !mutant::is(Mutant::IgnoresSlots));
        most.is_none_or(|most| self.row.open_attempts < most)
    }

    /// Number of tasks of the job.
    pub(crate) fn task_count(&self) -> u32 {
        counted(self.spec.tasks.len())
    }
}

/// # Panics
/// Every one of them panics if what it shows is not loaded.
impl Slice {
    /// The job.
    pub(crate) fn loaded_job(&self, no: JobNo) -> &JobEntry {
        self.job(no).expect(LOADED)
    }

    /// The task or item.
    pub(crate) fn loaded_task(&self, no: TaskNo) -> &TaskRow {
        self.task(no).expect(LOADED)
    }

    /// The task or item with its job.
    pub(crate) fn with_job(&self, no: TaskNo) -> (&TaskRow, &JobEntry) {
        let row = self.loaded_task(no);
        (row, self.loaded_job(row.job))
    }

    /// The task, or the mapped task of an item, as it was submitted.
    pub(crate) fn spec_of(&self, no: TaskNo) -> TaskOf {
        let (row, entry) = self.with_job(no);
        entry.spec_at(row.position)
    }

    /// The number of a queue.
    pub(crate) fn loaded_lane(&self, name: &QueueName) -> i64 {
        self.lane(name).expect(LOADED)
    }

    /// The mapped task of an item; a task itself.
    pub(crate) fn mapped_of(&self, item: TaskNo) -> TaskNo {
        let (row, entry) = self.with_job(item);
        entry.row.task_no(row.position)
    }

    /// The items of a mapped task that is expanded.
    pub(crate) fn map_of(&self, mapped: TaskNo) -> Map {
        self.loaded_task(mapped).map.expect(MAPPED)
    }
}

/// Looking for those who wait.
impl Slice {
    /// Tasks that changed in this batch and wait for an event, each with event and key.
    pub fn waiting_for_events(&self) -> Vec<(TaskNo, Arc<str>, Arc<str>)> {
        let waits = |no: &TaskNo| match &self.tasks[no].waits_for {
            Some(WaitsFor::Event { event, key }) => Some((*no, event.clone(), key.clone())),
            _ => None,
        };
        self.dirty_tasks.iter().filter_map(waits).collect()
    }
}

/// A number of tasks, items or needs as rows count them.
pub(crate) fn counted(count: usize) -> u32 {
    u32::try_from(count).expect("the limits on jobs are far below")
}

/// Reason why a row is there.
pub(super) const LOADED: &str = "a rule touches only what `missing` had loaded";
/// Reason why a task has items.
const MAPPED: &str = "only what `for_each` made has items";
