//! The limits on the work of each queue, and on jobs: the judge counts rows for itself after every commit.

use std::collections::BTreeMap;

use warrener_engine::row::TaskRow;
use warrener_orchestrator::store::memory::Memory;
use warrener_orchestrator::store::{Commit, Rows as _, Store as _};
use warrener_shared::state::JobState;
use warrener_shared::wire::event::JobEvent;

use super::Judge;
use crate::plan::Work;

/// Name of the limit on the work of each queue.
pub(crate) const LIMIT: &str = "work";
/// Name of the limit on jobs.
pub(crate) const JOB_LIMIT: &str = "jobs";

impl Judge {
    /// Never more are open than may be, never more begin in a span than its rate lets out, and nothing waits beside
    /// room.
    pub(super) fn judge_limit(&mut self, commit: &Commit, memory: &mut Memory) {
        let Some(limit) = self.limit else { return };
        let mut open: BTreeMap<i64, u32> = BTreeMap::new();
        for row in memory.open_attempts().unwrap_or_default().iter().filter(|row| self.is_counted(row)) {
            *open.entry(row.queue).or_default() += 1;
        }
        for (queue, count) in &open {
            let most = limit.concurrency;
            self.must(*count <= most, "limit", || format!("{count} attempts of queue {queue} are open, {most} may be"));
            if *count == most {
                self.mark("a limit is full");
            }
        }
        let now = self.now;
        for row in commit.changes.tasks.iter().chain(&commit.changes.new_tasks) {
            if row.dispatch_no.is_some() && self.is_counted(row) && self.counted.insert((row.no, row.attempt)) {
                self.begins.entry(row.queue).or_default().push(now);
            }
        }
        if let Some((count, burst)) = limit.rate.filter(|_| !self.clock_moves) {
            self.judge_rate(count, burst);
        } else if limit.rate.is_none() {
            self.judge_idle(memory, &open, limit.concurrency);
        }
    }

    fn judge_rate(&mut self, count: u64, burst: u64) {
        let mut faults = self.begins.iter().filter_map(|(queue, times)| {
            let last = times.len().checked_sub(1)?;
            (0..=last).find_map(|first| {
                let (begun, span) = ((last - first + 1) as u64, times[last] - times[first]);
                // A millisecond each for a clock that shows no less.
                (begun * 1_000 > burst * 1_000 + count * (span + 1)).then_some((*queue, begun, span))
            })
        });
        if let Some((queue, begun, span)) = faults.next() {
            self.find("rate", || format!("{begun} attempts of queue {queue} began within {span} ms"));
        }
    }

    /// What waits for a limit with room has one of its queue before it that may go out.
    fn judge_idle(&mut self, memory: &mut Memory, open: &BTreeMap<i64, u32>, most: u32) {
        for waiting in memory.limits().unwrap_or_default().waiting {
            let is_full = open.get(&waiting.queue).copied().unwrap_or(0) >= most;
            if waiting.key.limit() != LIMIT || is_full {
                continue;
            }
            let stands = memory.ready(waiting.queue, 1).is_ok_and(|ready| !ready.is_empty());
            let count = waiting.count;
            self.must(stands, "idle", || format!("{count} tasks of queue {} wait beside free room", waiting.queue));
        }
    }

    /// Never more jobs have begun and are not over than may, and none waits beside a free slot.
    pub(super) fn judge_jobs_at_once(&mut self, commit: &Commit, memory: &mut Memory) {
        let Some(most) = self.jobs_at_once else { return };
        // One that goes on in the commit in which it was over has to begin anew.
        let ends = |event: &JobEvent| JobState::ALL.iter().any(|state| state.is_final() && state.event() == event.kind);
        for (job, _) in commit.changes.events.iter().filter(|(_, events)| events.iter().any(ends)) {
            self.working.remove(job);
        }
        for row in commit.changes.tasks.iter().chain(&commit.changes.new_tasks) {
            let mut is_top = || memory.job(row.job).ok().flatten().is_some_and(|job| job.parent.is_none());
            if row.dispatch_no.is_some() && self.is_counted(row) && is_top() {
                self.working.insert(row.job);
            }
        }
        let count = self.working.len();
        self.must(count <= most, "job_limit", || format!("{count} jobs have begun and are not over, {most} may"));
        if count == most {
            self.mark("a limit on jobs is full");
            return;
        }
        let limits = memory.limits().unwrap_or_default();
        // A job whose first dispatch was undone in the commit that made it holds its slot all the same, to its end.
        let held = limits.slots.iter().filter(|slot| slot.key.limit() == JOB_LIMIT && !slot.is_over).count();
        if held >= most {
            return;
        }
        for waiting in limits.waiting {
            let mut stands = || memory.ready(waiting.queue, 1).is_ok_and(|ready| !ready.is_empty());
            let found = waiting.key.limit() != JOB_LIMIT || stands();
            self.must(found, "idle", || format!("jobs wait in queue {} beside a free slot", waiting.queue));
        }
    }

    fn is_counted(&self, row: &TaskRow) -> bool {
        self.task_of(row).is_some_and(|task| matches!(task.work, Work::Worker) && !task.is_rare)
    }
}
