//! A person leaves an open task or item out: it counts as ok for those that need it, with no output.

use warrener_shared::id::TaskNo;
use warrener_shared::state::JobState;

use super::end::{self, End};
use super::loads::with_mapped;
use crate::row::Skip;
use crate::slice::{Read, Slice};
use crate::turn::Turn;

/// The task, and of a mapped one its open items.
pub(super) fn missing(slice: &Slice, no: TaskNo) -> Vec<Read> {
    let mut reads = with_mapped(slice, no);
    let mapped = slice.task(no).is_some_and(|row| row.map.is_some());
    if reads.is_empty() && mapped && !slice.has_open_items(no) {
        reads.push(Read::OpenItems(no));
    }
    reads
}

/// Finds the reason why the task or item cannot be skipped as things are; `None` if it can.
pub fn refusal(slice: &Slice, no: TaskNo) -> Option<String> {
    let row = slice.task(no)?;
    let job = &slice.job(row.job)?.row;
    if row.state.is_final() {
        return Some(format!("it is {} already; only what is open can be skipped", row.state));
    }
    (job.state == JobState::Scheduled).then(|| "its job has not begun; cancel the job, or wait".to_owned())
}

pub(super) fn apply(turn: &mut Turn<'_>, no: TaskNo) {
    if turn.slice.task(no).is_some() && refusal(turn.slice, no).is_none() {
        end::end_with_items(turn, no, End::skipped(Skip::Hand));
    }
}
