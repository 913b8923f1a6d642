//! Parked tasks: they wait until `max_parallel` of their job, or a limit, lets them join the ready.

use std::collections::{BTreeMap, BTreeSet};

use warrener_shared::id::{JobNo, TaskNo};

use super::Slice;
use crate::limit::LimitKey;
use crate::row::TaskRow;

/// The thing that a parked task waits for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Line {
    /// `max_parallel` of the job.
    Job(JobNo),
    /// Room under a limit.
    Key(LimitKey),
}

/// Parked tasks of one line, as far as they are loaded.
#[derive(Debug, Default)]
pub(super) struct ParkedTasks {
    /// Places and tasks, by queue.
    queues: BTreeMap<i64, BTreeSet<(i64, TaskNo)>>,
    /// Number of tasks that the store has as parked, and that were woken or ended since.
    left: u32,
    /// Number of tasks of each queue that were read, the best first.
    read: u32,
    /// True once all parked tasks of the line are loaded.
    is_complete: bool,
}

/// Parked tasks that are read at once; few lines have as many that are woken in one batch.
const READ_MIN: u32 = 8;

impl TaskRow {
    /// The line that it is parked in, and its place there.
    pub fn line(&self) -> Option<(Line, i64)> {
        let line = || self.line.as_ref().map_or(Line::Job(self.job), |key| Line::Key(LimitKey::written(key)));
        self.parked.map(|place| (line(), place))
    }
}

impl Slice {
    /// Notes that so many parked tasks of each queue of the line were looked for, the best first, and whether that is
    /// all of them.
    pub fn loaded_parked(&mut self, line: Line, most: u32, is_complete: bool) {
        let parked = self.parked.entry(line).or_default();
        parked.read = most;
        parked.is_complete = is_complete;
    }

    /// Number of parked tasks of each queue to read so that the best `wanted` of each are known; `None` if they are.
    pub(crate) fn missing_parked(&self, line: &Line, wanted: u32) -> Option<u32> {
        let Some(parked) = self.parked.get(line) else { return Some(wanted.next_power_of_two().max(READ_MIN)) };
        // Each that was woken since stands in the store before those that are still to be.
        let needed = parked.left.saturating_add(wanted);
        let is_known = parked.is_complete || parked.read >= needed;
        (!is_known).then(|| needed.next_power_of_two().max(READ_MIN))
    }

    /// Numbers of the best `most` parked tasks of each queue of the line.
    pub(crate) fn best_parked(&self, line: &Line, most: u32) -> Vec<TaskNo> {
        let queues = self.parked.get(line).into_iter().flat_map(|parked| parked.queues.values());
        queues.flat_map(|tasks| tasks.iter().take(most as usize)).map(|(_, no)| *no).collect()
    }

    /// A task that is loaded is parked.
    pub(super) fn found_parked(&mut self, queue: i64, (line, place): (Line, i64), no: TaskNo) {
        self.parked.entry(line).or_default().queues.entry(queue).or_default().insert((place, no));
    }

    /// A task moved from one place among the parked to another, or came or went.
    pub(crate) fn moved_parked(&mut self, no: TaskNo, before: Option<(Line, i64)>, after: Option<(Line, i64)>) {
        let queue = self.loaded_task(no).queue;
        if let Some((line, place)) = before {
            let parked = self.parked.entry(line).or_default();
            parked.queues.entry(queue).or_default().remove(&(place, no));
            parked.left += 1;
        }
        if let Some((line, place)) = after {
            self.parked.entry(line).or_default().queues.entry(queue).or_default().insert((place, no));
        }
    }
}
