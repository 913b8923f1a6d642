//! The offer of tasks: the only place that puts a task among the ready of its queue, or takes it away.

use warrener_shared::id::TaskNo;
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::item;
use crate::row::{JobRow, TaskRow, rank};
use crate::slice::TaskOf;
use crate::turn::Turn;

/// The place of what has been ready since a time; `None` while something holds it.
fn place(job: &JobRow, spec: &TaskOf, since: Timestamp) -> Option<i64> {
    (!job.paused).then(|| rank(spec.policy.priority, since))
}

/// Takes a task or item away from the ready: it went out, or is final.
pub(super) const fn withdraw(row: &mut TaskRow) {
    row.rank = None;
}

/// The task or item may go out as soon as its queue has room.
pub(super) fn become_ready(turn: &mut Turn<'_>, no: TaskNo) {
    let (row, now) = (turn.task(no), turn.now);
    let entry = turn.job(row.job);
    let spec = entry.spec_at(row.position);
    let place = place(&entry.row, &spec, now);
    let row = turn.task_mut(no);
    let first_time = row.ready_at.replace(now).is_none();
    row.rank = place;
    if first_time {
        row.start_by = spec.policy.start_within.map(|span| now + span);
    }
    row.wake_at = row.start_by;
    turn.enter(no, TaskState::Ready);
}

/// The task or item was handed back and keeps its place: nobody worked on it.
pub(super) fn return_to_place(turn: &mut Turn<'_>, no: TaskNo) {
    let since = turn.task(no).ready_at.unwrap_or(turn.now);
    let place = place(&turn.job_of(no).row, &turn.spec(no), since);
    let row = turn.task_mut(no);
    row.rank = place;
    row.wake_at = row.start_by;
    turn.enter(no, TaskState::Ready);
}

/// The job of an open task is held or goes on: the task, or what a mapped one offers, is placed anew.
pub(super) fn review(turn: &mut Turn<'_>, no: TaskNo) {
    let mut offers = vec![no];
    if turn.task(no).map.is_some() {
        let spec = turn.spec(no);
        refresh(turn, no, &spec);
        offers = turn.slice.open_items_of(no);
    }
    for no in offers {
        let row = turn.task(no);
        if row.state != TaskState::Ready {
            continue;
        }
        let since = row.ready_at.unwrap_or(turn.now);
        let place = place(&turn.job_of(no).row, &turn.spec(no), since);
        turn.task_mut(no).rank = place;
    }
}

/// A mapped task stands among the ready as long as an item without a row may go out.
pub(super) fn refresh(turn: &mut Turn<'_>, mapped: TaskNo, spec: &TaskOf) {
    if spec.each().max_parallel.is_some() && spec.policy.start_within.is_some() {
        offer_clocked(turn, mapped, spec);
    }
    let row = turn.task(mapped);
    let offers = row.state == TaskState::Dispatched
        && row.map.as_ref().is_some_and(|map| !item::is_spent(row, map, spec))
        && row.map.is_some_and(|map| map.available(spec.each().max_parallel) > 0);
    let place = offers.then(|| place(&turn.job(row.job).row, spec, row.ready_at.unwrap_or(turn.now))).flatten();
    if row.rank != place {
        turn.task_mut(mapped).rank = place;
    }
}

/// With both `max_parallel` and `start_within` each item has a clock of its own from when it may go out, so it
/// becomes a row then, and stands among the ready itself.
fn offer_clocked(turn: &mut Turn<'_>, mapped: TaskNo, spec: &TaskOf) {
    let (row, map) = (turn.task(mapped), turn.map(mapped));
    if row.state != TaskState::Dispatched || item::is_spent(row, &map, spec) {
        return;
    }
    for _ in 0..map.available(spec.each().max_parallel) {
        let item = item::next(turn, mapped, spec);
        let place = place(&turn.job_of(item).row, spec, turn.now);
        let row = turn.task_mut(item);
        row.rank = place;
        row.wake_at = row.start_by;
    }
}
