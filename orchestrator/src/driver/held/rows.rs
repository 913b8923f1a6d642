//! Cache of rows, and of lists made from rows, that the next batches will ask for again.
//!
//! Rows in it are as committed, never as a batch changes them. What is not in it is read from the store.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use warrener_engine::row::{JobRow, TaskRow};
use warrener_engine::slice::{Changes, Lists};
use warrener_shared::id::{JobNo, TaskNo};

use crate::rows::Specs;
use crate::store::OwedReply;

/// Most bytes of joined outputs that are kept.
const LIST_BYTES: u64 = 32 * 1024 * 1024;

/// Most bytes of rows of tasks that are kept: those of tasks with an open attempt, as many as the windows of some busy
/// queues allow. Rows of jobs that are not final get a quarter besides.
const ROW_BYTES: u64 = 16 * 1024 * 1024;

/// Weight of what is kept, in bytes with some overhead.
#[derive(Clone, Debug)]
pub(in crate::driver) struct Bytes;

impl Weighter<TaskNo, Lists> for Bytes {
    fn weight(&self, _: &TaskNo, lists: &Lists) -> u64 {
        let results = lists.results.as_ref().map_or(0, |doc| doc.bytes().len());
        (lists.outputs.bytes().len() + results) as u64 + 128
    }
}

impl Weighter<TaskNo, Arc<TaskRow>> for Bytes {
    fn weight(&self, _: &TaskNo, row: &Arc<TaskRow>) -> u64 {
        let documents = [&row.progress, &row.error, &row.output].into_iter().flatten();
        size_of::<TaskRow>() as u64 + documents.map(|document| document.len() as u64).sum::<u64>() + 64
    }
}

impl Weighter<JobNo, JobRow> for Bytes {
    fn weight(&self, _: &JobNo, row: &JobRow) -> u64 {
        size_of::<JobRow>() as u64 + row.id.as_str().len() as u64 + 64
    }
}

/// Cache of rows and lists, bounded by weight.
pub(in crate::driver) struct RowCache {
    /// Joined outputs of mapped tasks that are final, by the number of the task.
    lists: Cache<TaskNo, Lists, Bytes>,
    /// Tasks with an open attempt, whose report comes next, and the mapped tasks of such items.
    tasks: Cache<TaskNo, Arc<TaskRow>, Bytes>,
    /// Jobs that are not final.
    jobs: Cache<JobNo, JobRow, Bytes>,
    /// Jobs that are not final and are owed no answer when they are. A job that is not in it may be owed one.
    silent: Cache<JobNo, ()>,
}

impl RowCache {
    /// Row of a task, if it is remembered.
    pub(in crate::driver) fn task(&mut self, no: TaskNo) -> Option<Arc<TaskRow>> {
        self.tasks.get(&no).cloned()
    }

    /// Row of a job, if it is remembered.
    pub(in crate::driver) fn job(&mut self, no: JobNo) -> Option<JobRow> {
        self.jobs.get(&no).cloned()
    }

    /// Joined outputs of a mapped task, if they are remembered. With `results` only lists that have the results too.
    pub(in crate::driver) fn lists(&mut self, task: TaskNo, results: bool) -> Option<Lists> {
        self.lists.get(&task).filter(|lists| lists.results.is_some() || !results).cloned()
    }

    /// Remembers the joined outputs of a mapped task.
    pub(in crate::driver) fn keep_lists(&mut self, task: TaskNo, lists: Lists) {
        self.lists.insert(task, lists);
    }

    /// Forgets all joined outputs, since some of their items are worked on again, or their lists come anew.
    pub(in crate::driver) fn forget_lists(&mut self) {
        self.lists.clear();
    }

    /// Tells whether it is certain that no answer is owed for a job that is final now. If false, the store knows.
    pub(in crate::driver) fn nobody_waits(&mut self, job: JobNo) -> bool {
        self.silent.remove(&job).is_some()
    }

    /// Takes in the rows as a commit left them, out of `changes`. `owed` are the answers that it owes.
    pub(in crate::driver) fn committed(&mut self, changes: &mut Changes, owed: &[OwedReply], specs: &Specs) {
        for row in &changes.new_jobs {
            self.silent.insert(row.no, ());
        }
        // The answers that they were owed before are owed still.
        for old in &changes.replaced {
            self.silent.remove(&old.job);
        }
        for reply in owed {
            self.silent.remove(&reply.job);
        }
        if !changes.dropped.is_empty() {
            self.forget_rows();
        }
        for row in changes.new_tasks.drain(..).chain(changes.tasks.drain(..)) {
            if row.dispatch_no.is_some() || (row.map.is_some() && !row.state.is_final()) {
                self.tasks.insert(row.no, row);
            } else {
                self.tasks.remove(&row.no);
            }
        }
        for row in changes.new_jobs.drain(..).chain(changes.jobs.drain(..)) {
            if row.state.is_final() {
                self.jobs.remove(&row.no);
                specs.forget(&row);
            } else {
                self.jobs.insert(row.no, row);
            }
        }
    }

    /// Forgets all rows, since they were changed by other means than a commit: timers moved, or a job was dropped.
    pub(in crate::driver) fn forget_rows(&mut self) {
        self.tasks.clear();
        self.jobs.clear();
    }
}

impl Default for RowCache {
    fn default() -> Self {
        Self {
            lists: Cache::with_weighter(1_000, LIST_BYTES, Bytes),
            tasks: Cache::with_weighter(20_000, ROW_BYTES, Bytes),
            jobs: Cache::with_weighter(20_000, ROW_BYTES / 4, Bytes),
            silent: Cache::new(20_000),
        }
    }
}

impl std::fmt::Debug for RowCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RowCache({} jobs, {} lists)", self.jobs.len(), self.lists.len())
    }
}
