//! Mapped tasks: their items begin, end, and together make the task end.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::expr::Items;
use warrener_shared::id::TaskNo;
use warrener_shared::job::TaskSpec;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::end::{self, End};
use super::{Decision, needs_ended};
use crate::event::Event;
use crate::row::{Counts, Map, TaskRow, rank};
use crate::slice::{Read, Slice};

/// The list is known: the task is dispatched until its last item is final.
pub(super) fn begin(
    slice: &mut Slice,
    no: TaskNo,
    spec: &TaskSpec,
    items: Arc<Items>,
    now: Timestamp,
    out: &mut Decision,
) {
    let total = u32::try_from(items.len()).expect("the expansion limits the items");
    let first_item = slice.take_numbers(total);
    slice.keep_items(no, items);
    let row = slice.task_mut(no);
    row.ready_at = Some(now);
    row.map = Some(Map { total, first_item, next: 0, counts: Counts::default() });
    if total == 0 {
        return end::end(slice, no, End::succeeded(Arc::from(*b"[]")), now, out);
    }
    row.dispatched_at = Some(now);
    slice.enter(no, TaskState::Dispatched, now);
    refresh_offer(slice, no, spec, now);
    start_clock(slice, no, spec, now);
}

/// Without `max_parallel` all items may go out at once, so one clock is enough for those without a row.
fn start_clock(slice: &mut Slice, no: TaskNo, spec: &TaskSpec, now: Timestamp) {
    let unlimited = spec.for_each.as_ref().is_some_and(|each| each.max_parallel.is_none());
    let row = slice.task_mut(no);
    row.start_by = spec.policy.start_within.filter(|_| unlimited).map(|span| now + span);
    row.wake_at = row.start_by;
}

/// After a retry of its job: the list and the succeeded items stay, the others wait for their turn again.
pub(super) fn resume(slice: &mut Slice, no: TaskNo, spec: &TaskSpec, now: Timestamp, out: &mut Decision) {
    let row = slice.task_mut(no);
    row.ready_at = Some(now);
    row.dispatched_at = Some(now);
    let map = row.map.expect("an expanded task has items");
    slice.enter(no, TaskState::Dispatched, now);
    if map.counts.get(TaskState::Waiting) > 0 {
        out.follow.push(Event::ItemsWaiting(no));
    }
    if map.counts.open() == 0 && map.next == map.total {
        return end::end(slice, no, End::mapped_succeeded(), now, out);
    }
    refresh_offer(slice, no, spec, now);
    start_clock(slice, no, spec, now);
}

/// As many waiting items as may be open become ready.
pub(super) fn next_waiting(slice: &mut Slice, mapped: TaskNo, now: Timestamp) {
    let Some(row) = slice.task(mapped).filter(|row| row.state == TaskState::Dispatched) else { return };
    let map = row.map.expect("a task with items is mapped");
    let spec = slice.job(row.job).expect("the job was loaded").spec.clone();
    let each = spec.tasks[row.position as usize].for_each.as_ref().expect("a task with items is mapped");
    let busy = map.counts.open() - map.counts.get(TaskState::Waiting);
    let room = each.max_parallel.map_or(u32::MAX, |most| most.saturating_sub(busy));
    let mut waiting = slice.open_items_of(mapped);
    waiting.retain(|no| slice.task(*no).is_some_and(|row| row.state == TaskState::Waiting));
    for no in waiting.into_iter().take(room as usize) {
        needs_ended::become_ready(slice, no, now);
    }
}

/// A mapped task stands among the ready as long as an item without a row may go out.
pub(super) fn refresh_offer(slice: &mut Slice, no: TaskNo, spec: &TaskSpec, now: Timestamp) {
    let is_spent = is_spent(slice, no, spec);
    if !is_spent {
        offer_clocked(slice, no, spec, now);
    }
    let row = slice.task(no).expect("the mapped task was loaded");
    let paused = slice.job(row.job).expect("the job was loaded").row.paused;
    let max_parallel = spec.for_each.as_ref().and_then(|each| each.max_parallel);
    let offers =
        row.map.is_some_and(|map| map.available(max_parallel) > 0) && !paused && row.state == TaskState::Dispatched;
    let offers = offers && !is_spent;
    let place = offers.then(|| rank(spec.policy.priority, row.ready_at.expect("an expanded task was ready")));
    if row.rank != place {
        slice.task_mut(no).rank = place;
    }
}

/// With both `max_parallel` and `start_within` each item has a clock of its own from when it may go out, so it
/// becomes a row then, and stands among the ready itself.
fn offer_clocked(slice: &mut Slice, no: TaskNo, spec: &TaskSpec, now: Timestamp) {
    let Some(most) = spec.for_each.as_ref().and_then(|each| each.max_parallel) else { return };
    let row = slice.task(no).expect("the mapped task was loaded");
    let paused = slice.job(row.job).expect("the job was loaded").row.paused;
    let Some(map) = row.map.filter(|_| spec.policy.start_within.is_some() && row.state == TaskState::Dispatched) else {
        return;
    };
    for _ in 0..map.available(Some(most)) {
        let item = next_item(slice, no, spec, now);
        let row = slice.task_mut(item);
        row.rank = (!paused).then(|| rank(spec.policy.priority, now));
        row.wake_at = row.start_by;
    }
}

/// Whether no further item may begin: the task is over, or about to be.
pub(super) fn is_spent(slice: &Slice, mapped: TaskNo, spec: &TaskSpec) -> bool {
    let row = slice.task(mapped).expect("the mapped task was loaded");
    let map = row.map.expect("a task with items is mapped");
    let allowed = spec.for_each.as_ref().expect("a task with items is mapped").max_failures;
    let failed = map.failed().saturating_sub(u32::from(mutant::is(Mutant::ToleratesMore)));
    row.state.is_final() || allowed.is_exceeded(failed, map.total)
}

/// The next item without a row becomes one, ready to go out.
pub(super) fn next_item(slice: &mut Slice, mapped: TaskNo, spec: &TaskSpec, now: Timestamp) -> TaskNo {
    let row = slice.task_mut(mapped);
    let (job, position, queue, ready_at) = (row.job, row.position, row.queue, row.ready_at);
    let start_by = row.start_by;
    let map = row.map.as_mut().expect("only an expanded task has items");
    let index = map.next;
    let no = TaskNo(map.first_item.0 + i64::from(index));
    map.next += 1;
    map.counts.add(TaskState::Ready, 1);
    let limited = spec.for_each.as_ref().is_some_and(|each| each.max_parallel.is_some());
    let ready_at = if limited { Some(now) } else { ready_at };
    let mut item = TaskRow::new(no, job, position, queue, 0);
    item.index = Some(index);
    item.state = TaskState::Ready;
    item.ready_at = ready_at;
    // The clock of the task is that of all its items, unless each begins to wait when another ends.
    item.start_by = if limited { spec.policy.start_within.map(|span| now + span) } else { start_by };
    slice.insert_task(item);
    slice.record_task(no, now);
    no
}

/// An item became final: perhaps the task does too, perhaps another item may go out.
pub(super) fn item_ended(slice: &mut Slice, item: TaskNo, now: Timestamp, out: &mut Decision) {
    let row = slice.task(item).expect("the item was loaded");
    let entry = slice.job(row.job).expect("the job was loaded");
    let mapped = entry.row.task_no(row.position);
    let spec = entry.spec.clone();
    let spec = &spec.tasks[row.position as usize];
    let mapped_row = slice.task(mapped).expect("the mapped task was loaded");
    if mapped_row.state.is_final() {
        return;
    }
    let map = mapped_row.map.expect("a task with items is mapped");
    if is_spent(slice, mapped, spec) {
        out.follow.push(Event::TooManyFailures(mapped, item));
    } else if map.counts.open() == 0 && map.next == map.total {
        end::end(slice, mapped, End::mapped_succeeded(), now, out);
    } else {
        if map.counts.get(TaskState::Waiting) > 0 {
            out.follow.push(Event::ItemsWaiting(mapped));
        }
        refresh_offer(slice, mapped, spec, now);
    }
}

pub(super) fn missing(slice: &Slice, mapped: TaskNo) -> Vec<Read> {
    let mut reads = super::with_mapped(slice, mapped);
    if reads.is_empty() && !slice.has_open_items(mapped) {
        reads.push(Read::OpenItems(mapped));
    }
    reads
}

/// The task fails at once; its open items are cancelled.
pub(super) fn too_many_failures(slice: &mut Slice, mapped: TaskNo, last: TaskNo, now: Timestamp, out: &mut Decision) {
    let Some(row) = slice.task(mapped) else { return };
    if row.state.is_final() {
        return;
    }
    let map = row.map.expect("a task with items is mapped");
    let failed = map.failed();
    let last = last_error(slice, last);
    let message = format!("{failed} of {} items ended without success{last}", map.total);
    end::end(slice, mapped, End::failed(&ErrorObject::new(code::TOO_MANY_FAILURES, message)), now, out);
    cancel_items(slice, mapped, now, out);
}

fn last_error(slice: &Slice, item: TaskNo) -> String {
    let row = slice.task(item).expect("the item ended in this batch");
    let error = row.error.as_deref().and_then(ErrorObject::from_json);
    let why = error.map_or_else(String::new, |error| format!(": {}: {}", error.code, error.message));
    // After a retry of one item the others may be too many already.
    if row.state == TaskState::Succeeded {
        return String::new();
    }
    format!(", the last of them item {}{why}", row.index.unwrap_or_default())
}

/// Cancels the items of a mapped task that is final, as far as they are open.
pub(super) fn cancel_items(slice: &mut Slice, mapped: TaskNo, now: Timestamp, out: &mut Decision) {
    for item in slice.open_items_of(mapped) {
        end::end(slice, item, End::cancelled(), now, out);
    }
}
