//! Parked tasks: they wait until `max_parallel` of their job lets them join the ready.

use std::collections::{BTreeMap, BTreeSet};

use warrener_shared::id::{JobNo, TaskNo};

use super::Slice;

/// Parked tasks of one job, as far as they are loaded.
#[derive(Debug, Default)]
pub(super) struct ParkedTasks {
    /// Places and tasks, by queue.
    queues: BTreeMap<i64, BTreeSet<(i64, TaskNo)>>,
    /// Number of tasks that the store has as parked, and that were woken or ended since.
    left: u32,
    /// Number of tasks of each queue that were read, the best first.
    read: u32,
    /// True once all parked tasks of the job are loaded.
    is_complete: bool,
}

/// Parked tasks that are read at once; few jobs have as many that end in one batch.
const READ_MIN: u32 = 8;

impl Slice {
    /// Notes that so many parked tasks of each queue of the job were looked for, the best first, and whether that is
    /// all of them.
    pub fn loaded_parked(&mut self, job: JobNo, most: u32, is_complete: bool) {
        let parked = self.parked.entry(job).or_default();
        parked.read = most;
        parked.is_complete = is_complete;
    }

    /// Number of parked tasks of each queue to read so that the best of each is known; `None` if it is.
    pub(crate) fn missing_parked(&self, job: JobNo) -> Option<u32> {
        let Some(parked) = self.parked.get(&job) else { return Some(READ_MIN) };
        // Each that was woken since stands in the store before those that are still to be.
        let is_known = parked.is_complete || parked.read > parked.left;
        (!is_known).then(|| (parked.left + 1).next_power_of_two().max(READ_MIN))
    }

    /// Numbers of the best parked task of each queue of the job.
    pub(crate) fn best_parked(&self, job: JobNo) -> Vec<TaskNo> {
        let queues = self.parked.get(&job).into_iter().flat_map(|parked| parked.queues.values());
        queues.filter_map(|tasks| tasks.first()).map(|(_, no)| *no).collect()
    }

    /// A task that is loaded is parked.
    pub(super) fn found_parked(&mut self, (job, queue, place): (JobNo, i64, i64), no: TaskNo) {
        self.parked.entry(job).or_default().queues.entry(queue).or_default().insert((place, no));
    }

    /// A task moved from one place among the parked to another, or came or went.
    pub(crate) fn moved_parked(&mut self, no: TaskNo, before: Option<i64>, after: Option<i64>) {
        let row = self.loaded_task(no);
        let (job, queue) = (row.job, row.queue);
        let parked = self.parked.entry(job).or_default();
        let tasks = parked.queues.entry(queue).or_default();
        if let Some(place) = before {
            tasks.remove(&(place, no));
            parked.left += 1;
        }
        if let Some(place) = after {
            tasks.insert((place, no));
        }
    }
}
