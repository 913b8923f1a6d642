//! Numbers of jobs, tasks and dispatches: each is given once, and those below are taken.

use std::ops::Range;

use warrener_engine::row::TaskRow;
use warrener_shared::id::{JobNo, TaskNo};

use crate::store::Boot;

/// The next numbers that are free.
#[derive(Clone, Copy, Debug)]
pub(in crate::driver) struct Numbers {
    job: i64,
    task: i64,
    dispatch: i64,
}

impl Numbers {
    pub(super) fn from_rows(boot: &Boot, open: &[TaskRow]) -> Self {
        let highest = open.iter().filter_map(|row| row.dispatch_no).max().unwrap_or(0);
        Self { job: boot.next_job, task: boot.next_task, dispatch: boot.next_dispatch.max(highest + 1) }
    }

    /// Takes the number of one job.
    pub(in crate::driver) const fn take_job(&mut self) -> JobNo {
        self.job += 1;
        JobNo(self.job - 1)
    }

    /// Takes numbers of several jobs.
    pub(in crate::driver) fn take_jobs(&mut self, count: u32) -> Range<i64> {
        let first = self.job;
        self.job += i64::from(count);
        first..self.job
    }

    /// Takes numbers of tasks or items, which follow each other, and gives the first.
    pub(in crate::driver) fn take_tasks(&mut self, count: u32) -> TaskNo {
        self.task += i64::from(count);
        TaskNo(self.task - i64::from(count))
    }

    /// The number of a job from which on none is taken.
    pub(in crate::driver) const fn jobs_below(&self) -> i64 {
        self.job
    }

    /// The number of a task or item from which on none is taken.
    pub(in crate::driver) const fn tasks_below(&self) -> i64 {
        self.task
    }

    /// The number of the next dispatch.
    pub(in crate::driver) const fn next_dispatch(&self) -> i64 {
        self.dispatch
    }

    /// Notes that dispatches below this number were committed.
    pub(in crate::driver) const fn dispatched_below(&mut self, next: i64) {
        self.dispatch = next;
    }
}
