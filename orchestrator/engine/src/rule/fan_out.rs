//! Mapped tasks: their items begin, end, and together make the task end.

use std::sync::Arc;

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::expr::Items;
use warrener_shared::id::TaskNo;
use warrener_shared::state::TaskState;

use super::end::{self, End};
use super::loads::with_mapped;
use super::{item, offer};
use crate::event::Event;
use crate::row::{Counts, Map};
use crate::slice::{Read, Slice, TaskOf, counted};
use crate::turn::Turn;

/// The list is known: the task is dispatched until its last item is final.
pub(super) fn begin(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf, items: Arc<Items>) {
    let total = counted(items.len());
    let first_item = turn.slice.take_numbers(total);
    turn.slice.keep_items(no, items);
    if let Some(least) = spec.each().min_successes.filter(|least| *least > total) {
        let message = format!("{least} items are to succeed (min_successes), and the list has {total}");
        return end::end(turn, no, End::failed(&ErrorObject::new(code::TOO_FEW, message)));
    }
    let now = turn.now;
    let row = turn.task_mut(no);
    row.ready_at = Some(now);
    row.map = Some(Map { total, first_item, next: 0, counts: Counts::default() });
    if total == 0 {
        return end::end(turn, no, End::succeeded(Arc::from(*b"[]")));
    }
    row.dispatched_at = Some(now);
    turn.enter(no, TaskState::Dispatched);
    offer::refresh(turn, no, spec);
    start_clock(turn, no, spec);
}

/// Starts the clock of the items without a row, one for all of them: without `max_parallel` all may go out at once.
/// With it, none is started here.
fn start_clock(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf) {
    let (now, unlimited) = (turn.now, spec.each().max_parallel.is_none());
    let row = turn.task_mut(no);
    row.start_by = spec.policy.start_within.filter(|_| unlimited).map(|span| now + span);
    row.wake_at = row.start_by;
}

/// Goes on after a retry of the job: the list and the succeeded items stay, the others wait for their turn again.
pub(super) fn resume(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf) {
    let (now, map) = (turn.now, turn.map(no));
    let row = turn.task_mut(no);
    row.ready_at = Some(now);
    row.dispatched_at = Some(now);
    turn.enter(no, TaskState::Dispatched);
    if map.counts.get(TaskState::Waiting) > 0 {
        turn.follow(Event::ItemsWaiting(no));
    }
    if item::is_enough(&map, spec) {
        return turn.follow(Event::EnoughSuccesses(no));
    }
    if map.is_over() {
        return end::end(turn, no, End::mapped_succeeded());
    }
    offer::refresh(turn, no, spec);
    start_clock(turn, no, spec);
}

/// Makes as many waiting items ready as may be open.
pub(super) fn next_waiting(turn: &mut Turn<'_>, mapped: TaskNo) {
    if turn.slice.task(mapped).is_none_or(|row| row.state != TaskState::Dispatched) {
        return;
    }
    let (spec, map) = (turn.spec(mapped), turn.map(mapped));
    let busy = map.counts.open() - map.counts.get(TaskState::Waiting);
    let room = spec.each().max_parallel.map_or(u32::MAX, |most| most.saturating_sub(busy));
    let mut waiting = turn.slice.open_items_of(mapped);
    waiting.retain(|no| turn.task(*no).state == TaskState::Waiting);
    for no in waiting.into_iter().take(room as usize) {
        offer::become_ready(turn, no);
    }
}

/// An item became final: perhaps the task does too, perhaps another item may go out.
pub(super) fn item_ended(turn: &mut Turn<'_>, mapped: TaskNo, item: TaskNo) {
    let row = turn.task(mapped);
    let Some(map) = row.map.filter(|_| !row.state.is_final()) else { return };
    let spec = turn.job(row.job).spec_at(row.position);
    if item::is_enough(&map, &spec) {
        turn.follow(Event::EnoughSuccesses(mapped));
    } else if item::has_failed(&map, &spec) {
        turn.follow(Event::TooManyFailures(mapped, item));
    } else if map.is_over() {
        end::end(turn, mapped, End::mapped_succeeded());
    } else {
        if map.counts.get(TaskState::Waiting) > 0 {
            turn.follow(Event::ItemsWaiting(mapped));
        }
        offer::refresh(turn, mapped, &spec);
    }
}

pub(super) fn missing(slice: &Slice, mapped: TaskNo) -> Vec<Read> {
    let mut reads = with_mapped(slice, mapped);
    if reads.is_empty() && !slice.has_open_items(mapped) {
        reads.push(Read::OpenItems(mapped));
    }
    reads
}

/// The task fails at once; its open items are cancelled.
pub(super) fn too_many_failures(turn: &mut Turn<'_>, mapped: TaskNo, last: TaskNo) {
    if turn.slice.task(mapped).is_none_or(|row| row.state.is_final()) {
        return;
    }
    let (map, last, least) = (turn.map(mapped), last_error(turn, last), turn.spec(mapped).each().min_successes);
    let too_few = least.filter(|least| map.total.saturating_sub(map.failed()) < *least);
    let too_few = too_few.map_or_else(String::new, |least| format!("; {least} were to succeed (min_successes)"));
    let message = format!("{} of {} items ended without success{last}{too_few}", map.failed(), map.total);
    let error = ErrorObject::new(code::TOO_MANY_FAILURES, message);
    end::end_with_items(turn, mapped, End::failed(&error));
}

/// Ends a mapped task of which enough items succeeded; those that are open are cancelled.
pub(super) fn enough_successes(turn: &mut Turn<'_>, mapped: TaskNo) {
    if turn.slice.task(mapped).is_some_and(|row| !row.state.is_final()) {
        end::end_with_items(turn, mapped, End::mapped_succeeded());
    }
}

fn last_error(turn: &Turn<'_>, item: TaskNo) -> String {
    let row = turn.task(item);
    let error = row.error.as_deref().and_then(ErrorObject::from_json);
    let why = error.map_or_else(String::new, |error| format!(": {}: {}", error.code, error.message));
    // After a retry of one item the others may be too many already.
    if row.state == TaskState::Succeeded {
        return String::new();
    }
    format!(", the last of them item {}{why}", row.index.unwrap_or_default())
}
