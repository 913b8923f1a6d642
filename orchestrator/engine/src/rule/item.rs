//! The rows of items: an item becomes one when it may go out.

use warrener_shared::id::TaskNo;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::TaskState;

use crate::row::{Map, TaskRow};
use crate::slice::TaskOf;
use crate::turn::Turn;

/// Tells whether no further item may begin: the mapped task is over, or about to be.
pub(super) fn is_spent(mapped: &TaskRow, map: &Map, spec: &TaskOf) -> bool {
    mapped.state.is_final() || has_failed(map, spec) || is_enough(map, spec)
}

/// Tells if more items ended without success than the mapped task allows.
pub(super) fn has_failed(map: &Map, spec: &TaskOf) -> bool {
    let failed = map.failed().saturating_sub(u32::from(mutant::is(Mutant::ToleratesMore)));
    spec.each().is_spent(failed, map.total)
}

/// Tells if enough items succeeded for the mapped task to succeed.
pub(super) fn is_enough(map: &Map, spec: &TaskOf) -> bool {
    spec.each().is_enough(map.succeeded().saturating_sub(u32::from(mutant::is(Mutant::WantsMore))))
}

/// The next item without a row becomes one, ready to go out.
pub(super) fn next(turn: &mut Turn<'_>, mapped: TaskNo, spec: &TaskOf) -> TaskNo {
    let now = turn.now;
    let row = turn.task_mut(mapped);
    let map = row.items_mut();
    let index = map.next;
    let no = map.item_no(index);
    map.next += 1;
    map.counts.add(TaskState::Ready, 1);
    let limited = spec.each().max_parallel.is_some();
    let mut item = TaskRow::new(no, row.job, row.position, row.queue, 0);
    item.index = Some(index);
    item.state = TaskState::Ready;
    item.ready_at = if limited { Some(now) } else { row.ready_at };
    // The clock of the task is that of all its items, unless each begins to wait when another ends.
    item.start_by = if limited { spec.policy.start_within.map(|span| now + span) } else { row.start_by };
    turn.slice.insert_task(item);
    turn.slice.record_task(no, now);
    no
}
