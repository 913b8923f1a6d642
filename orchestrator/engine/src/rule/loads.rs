//! Reads that most rules need: a task with the rows that it belongs to.

use warrener_shared::id::TaskNo;

use crate::slice::{Read, Slice};

/// The task, its job, and, of an item, its mapped task.
pub(super) fn with_mapped(slice: &Slice, task: TaskNo) -> Vec<Read> {
    let Some(row) = slice.task(task) else {
        return if slice.is_absent(task) { Vec::new() } else { vec![Read::Task(task)] };
    };
    let Some(entry) = slice.job(row.job) else { return vec![Read::Job(row.job)] };
    let mapped = entry.row.task_no(row.position);
    if slice.task(mapped).is_none() { vec![Read::Task(mapped)] } else { Vec::new() }
}

/// The same, and a random number for the jitter of a retry.
pub(super) fn with_dice(slice: &Slice, task: TaskNo) -> Vec<Read> {
    if slice.tokens() == 0 { vec![Read::Tokens(1)] } else { with_mapped(slice, task) }
}
