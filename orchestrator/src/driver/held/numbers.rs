//! Numbers of jobs, tasks and dispatches: each is given once, and those below are taken.

use warrener_engine::row::TaskRow;
use warrener_shared::id::{JobNo, TaskNo};

use crate::store::{Boot, DispatchNo};

/// The next numbers that are free.
#[derive(Clone, Copy, Debug)]
pub(in crate::driver) struct FreeNumbers {
    job: JobNo,
    task: TaskNo,
    dispatch: DispatchNo,
}

impl FreeNumbers {
    pub(super) fn from_rows(boot: &Boot, open: &[TaskRow]) -> Self {
        let highest = open.iter().filter_map(|row| row.dispatch_no).max().unwrap_or(0);
        Self { job: boot.next_job, task: boot.next_task, dispatch: boot.next_dispatch.max(DispatchNo(highest + 1)) }
    }

    /// Takes the number of one job.
    pub(in crate::driver) const fn take_job(&mut self) -> JobNo {
        self.job.0 += 1;
        JobNo(self.job.0 - 1)
    }

    /// Takes numbers of several jobs.
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

    /// The number of a job from which on none is taken.
    pub(in crate::driver) const fn jobs_below(&self) -> JobNo {
        self.job
    }

    /// The number of a task or item from which on none is taken.
    pub(in crate::driver) const fn tasks_below(&self) -> TaskNo {
        self.task
    }

    /// The number of the next dispatch.
    pub(in crate::driver) const fn next_dispatch(&self) -> DispatchNo {
        self.dispatch
    }

    /// Notes that dispatches below this number were committed.
    pub(in crate::driver) const fn dispatched_below(&mut self, next: DispatchNo) {
        self.dispatch = next;
    }
}
