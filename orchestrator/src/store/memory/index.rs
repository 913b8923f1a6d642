//! Indexes of the store in memory: rows by queue and rank, by due time, and by dispatch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use warrener_engine::row::{JobRow, TaskRow, WaitsFor};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::time::Timestamp;

/// Indexes as a database has them. Each holds only rows with a value in its column.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Tasks that may go out, by queue, rank and number.
    ready: BTreeSet<(i64, i64, TaskNo)>,
    /// Tasks with a timer, by its time.
    due_tasks: BTreeSet<(Timestamp, TaskNo)>,
    /// Jobs with a timer, by its time.
    due_jobs: BTreeSet<(Timestamp, JobNo)>,
    /// Tasks with an open attempt, by its dispatch.
    open: BTreeMap<i64, TaskNo>,
    /// Built-in tasks that wait for an event, by event and key.
    waiting: BTreeSet<(Arc<str>, Arc<str>, TaskNo)>,
    /// Tasks that wait for `max_parallel` of their job or for a limit, by line and queue, then by rank.
    parked: BTreeMap<(Line, i64), BTreeSet<(i64, TaskNo)>>,
}

impl Index {
    /// Rank and number of the ready tasks of a queue, best first.
    pub(super) fn ready(&self, queue: i64) -> impl Iterator<Item = (i64, TaskNo)> {
        let all = (queue, i64::MIN, TaskNo(i64::MIN))..=(queue, i64::MAX, TaskNo(i64::MAX));
        self.ready.range(all).map(|(_, rank, task)| (*rank, *task))
    }

    /// Tasks whose time has come, earliest first.
    pub(super) fn due_tasks(&self, now: Timestamp) -> impl Iterator<Item = TaskNo> {
        self.due_tasks.iter().take_while(move |(at, _)| *at <= now).map(|(_, task)| *task)
    }

    /// Jobs whose time has come, earliest first.
    pub(super) fn due_jobs(&self, now: Timestamp) -> impl Iterator<Item = JobNo> {
        self.due_jobs.iter().take_while(move |(at, _)| *at <= now).map(|(_, job)| *job)
    }

    /// Earliest time of all timers; `None` if there is none.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let task = self.due_tasks.first().map(|(at, _)| *at);
        let job = self.due_jobs.first().map(|(at, _)| *at);
        task.into_iter().chain(job).min()
    }

    /// Built-in tasks that wait for this event and key.
    pub(super) fn waiting_for(&self, event: &str, key: &str) -> impl Iterator<Item = TaskNo> {
        let (event, key): (Arc<str>, Arc<str>) = (event.into(), key.into());
        let first = (event.clone(), key.clone(), TaskNo(i64::MIN));
        self.waiting.range(first..=(event, key, TaskNo(i64::MAX))).map(|(_, _, task)| *task)
    }

    /// Parked tasks of a line, at most `most` of each queue, best first.
    pub(super) fn parked(&self, line: &Line, most: usize) -> impl Iterator<Item = TaskNo> {
        let queues = self.parked.range((line.clone(), i64::MIN)..=(line.clone(), i64::MAX));
        queues.flat_map(move |(_, tasks)| tasks.iter().take(most)).map(|(_, task)| *task)
    }

    /// Keys of limits that tasks wait for, with the queue and their number.
    pub(super) fn waiting_in_lines(&self) -> impl Iterator<Item = (&Arc<str>, i64, usize)> {
        self.parked.iter().filter_map(|((line, queue), tasks)| match line {
            Line::Key(key) if !tasks.is_empty() => Some((key.text(), *queue, tasks.len())),
            _ => None,
        })
    }

    /// Tasks with an open attempt, in the order of dispatch.
    pub(super) fn open(&self) -> impl Iterator<Item = TaskNo> {
        self.open.values().copied()
    }

    /// Replaces the row of a task in all indexes. `None` stands for no row: the task is new, or removed.
    pub(super) fn task(&mut self, old: Option<&TaskRow>, new: Option<&TaskRow>) {
        if let Some(row) = old {
            row.rank.map(|rank| self.ready.remove(&(row.queue, rank, row.no)));
            row.wake_at.map(|at| self.due_tasks.remove(&(at, row.no)));
            row.dispatch_no.map(|no| self.open.remove(&no));
            if let Some((line, place)) = row.line() {
                self.parked.entry((line, row.queue)).or_default().remove(&(place, row.no));
            }
            if let Some(WaitsFor::Event { event, key }) = &row.waits_for {
                self.waiting.remove(&(event.clone(), key.clone(), row.no));
            }
        }
        if let Some(row) = new {
            row.rank.map(|rank| self.ready.insert((row.queue, rank, row.no)));
            row.wake_at.map(|at| self.due_tasks.insert((at, row.no)));
            row.dispatch_no.map(|no| self.open.insert(no, row.no));
            if let Some((line, place)) = row.line() {
                self.parked.entry((line, row.queue)).or_default().insert((place, row.no));
            }
            if let Some(WaitsFor::Event { event, key }) = &row.waits_for {
                self.waiting.insert((event.clone(), key.clone(), row.no));
            }
        }
    }

    /// Replaces the row of a job in all indexes. `None` stands for no row: the job is new, or removed.
    pub(super) fn job(&mut self, old: Option<&JobRow>, new: Option<&JobRow>) {
        if let Some((row, at)) = old.and_then(|row| Some((row, row.wake_at?))) {
            self.due_jobs.remove(&(at, row.no));
        }
        if let Some((row, at)) = new.and_then(|row| Some((row, row.wake_at?))) {
            self.due_jobs.insert((at, row.no));
        }
    }
}
