//! Free numbers of jobs, tasks and dispatches. No number is ever that of two rows, removed rows included.
//!
//! A number that a failed batch took is free again after `recollect`, since no row has it.

use warrener_engine::row::TaskRow;
use warrener_shared::id::{JobNo, TaskNo};

use crate::store::{Boot, DispatchNo};

/// The next free numbers. The commit keeps them, so that a number of a removed job is not given again.
#[derive(Clone, Copy, Debug)]
pub(in crate::driver) struct FreeNumbers {
    /// Next job.
    job: JobNo,
    /// Next task or item.
    task: TaskNo,
    /// Next dispatch.
    dispatch: DispatchNo,
}

impl FreeNumbers {
    /// Free numbers as the rows have them. Dispatch numbers also begin above those of all open attempts.
    pub(super) fn from_rows(boot: &Boot, open: &[TaskRow]) -> Self {
        let highest = open.iter().filter_map(|row| row.dispatch_no).max().unwrap_or(0);
        Self { job: boot.next_job, task: boot.next_task, dispatch: boot.next_dispatch.max(DispatchNo(highest + 1)) }
    }

    /// Takes the number of one job.
    pub(in crate::driver) const fn take_job(&mut self) -> JobNo {
        self.job.0 += 1;
        JobNo(self.job.0 - 1)
    }

    /// Takes the numbers of `count` jobs, which follow each other.
    pub(in crate::driver) fn take_jobs(&mut self, count: u32) -> impl Iterator<Item = JobNo> + use<> {
        let first = self.job.0;
        self.job.0 += i64::from(count);
        (first..self.job.0).map(JobNo)
    }

    /// Takes numbers of tasks or items, which follow each other, and gives the first.
    pub(in crate::driver) fn take_tasks(&mut self, count: u32) -> TaskNo {
        self.task.0 += i64::from(count);
        TaskNo(self.task.0 - i64::from(count))
    }

    /// Lowest number that no job has taken.
    pub(in crate::driver) const fn jobs_below(&self) -> JobNo {
        self.job
    }

    /// Lowest number that no task or item has taken.
    pub(in crate::driver) const fn tasks_below(&self) -> TaskNo {
        self.task
    }

    /// Number of the next dispatch.
    pub(in crate::driver) const fn next_dispatch(&self) -> DispatchNo {
        self.dispatch
    }

    /// Notes that dispatches below this number were committed. The slice of a batch counts on by itself.
    pub(in crate::driver) const fn dispatched_below(&mut self, next: DispatchNo) {
        self.dispatch = next;
    }
}
