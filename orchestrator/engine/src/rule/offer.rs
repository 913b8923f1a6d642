//! The offer of tasks: the only place that puts a task among the ready of its queue, or takes it away.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::{fair, item, limited};
use crate::event::Event;
use crate::limit::LimitKey;
use crate::row::{JobRow, rank};
use crate::slice::{Line, Read, Slice, TaskOf};
use crate::turn::Turn;

/// The place of what has been ready since a time; `None` while something holds it.
fn place(job: &JobRow, spec: &TaskOf, since: Timestamp) -> Option<i64> {
    (!job.paused).then(|| rank(spec.policy.priority, since))
}

/// Takes a task or item away from the ready: it goes out.
pub(super) fn withdraw(turn: &mut Turn<'_>, no: TaskNo) {
    let stood = turn.task_mut(no).rank.take().is_some();
    if stood && let Some(share) = share(turn, no) {
        fair::stands(turn, &share, false);
    }
}

/// The share of a task in its queue; always none where there are neither limits nor fair queues.
fn share(turn: &Turn<'_>, no: TaskNo) -> Option<fair::Share> {
    if turn.slice.has_limits() { fair::share(turn.slice, no) } else { None }
}

/// Takes a task or item that is final away from the ready, or from what waits for `max_parallel` of its job.
pub(super) fn leave(turn: &mut Turn<'_>, no: TaskNo) {
    set(turn, no, None, None, None);
}

/// Puts a task or item at its place among the ready; if `max_parallel` of its job or a limit is reached, among the
/// parked.
fn stand(turn: &mut Turn<'_>, no: TaskNo, place: Option<i64>) {
    if !turn.job_of(no).has_slot() {
        return set(turn, no, None, place, None);
    }
    match place.and_then(|_| limited::line_of(turn, no)) {
        Some(key) => set(turn, no, None, place, Some(&key)),
        None => stand_ready(turn, no, place),
    }
}

/// Puts a task or item among the ready; in a fair queue behind the one of its key that stands there.
fn stand_ready(turn: &mut Turn<'_>, no: TaskNo, place: Option<i64>) {
    match place.and_then(|_| share(turn, no)).map(|share| fair::place(turn, no, &share)) {
        None => set(turn, no, place, None, None),
        Some(Ok(rank)) => set(turn, no, Some(rank), None, None),
        Some(Err(line)) => set(turn, no, None, place, Some(&line)),
    }
}

/// The place of a task or item by its priority and its age.
fn age_place(turn: &Turn<'_>, no: TaskNo) -> i64 {
    rank(turn.spec(no).policy.priority, turn.task(no).ready_at.unwrap_or(turn.now))
}

fn set(turn: &mut Turn<'_>, no: TaskNo, place: Option<i64>, parked: Option<i64>, line: Option<&LimitKey>) {
    let row = turn.task(no);
    let line = line.filter(|_| parked.is_some()).map(LimitKey::text);
    if (row.rank, row.parked, row.line.as_ref()) == (place, parked, line) {
        return;
    }
    let (before, stood) = (row.line(), row.rank.is_some());
    let row = turn.task_mut(no);
    row.rank = place;
    row.parked = parked;
    row.line = line.cloned();
    let after = row.line();
    if before != after {
        if let Some((line, _)) = &before {
            limited::left(turn, no, line);
        }
        if let Some((line, _)) = &after {
            limited::came(turn, no, line);
        }
        turn.slice.moved_parked(no, before, after);
    }
    if stood != place.is_some()
        && let Some(share) = share(turn, no)
    {
        fair::stands(turn, &share, !stood);
    }
    if stood && place.is_none() {
        stood_aside(turn, no);
    }
}

/// The task or item does not go out, though there was room for it: whoever waits for the same may take its place.
fn stood_aside(turn: &mut Turn<'_>, no: TaskNo) {
    limited::stood_aside(turn, no);
    let entry = turn.job_of(no);
    if entry.spec.max_parallel.is_some() && entry.has_slot() {
        let job = entry.row.no;
        turn.follow(Event::SlotFreed(job));
    }
}

/// The task or item was about to go out, and a limit has no room.
pub(super) fn park_for(turn: &mut Turn<'_>, no: TaskNo, key: &LimitKey) {
    let place = age_place(turn, no);
    set(turn, no, None, Some(place), Some(key));
}

/// The task or item waits no more for its turn: it joins the ready, unless another of its key stands there.
fn wake(turn: &mut Turn<'_>, no: TaskNo) {
    let place = turn.task(no).parked;
    stand_ready(turn, no, place);
    turn.slice.note_woken(no);
    if turn.task(no).rank.is_none() {
        stood_aside(turn, no);
    }
}

/// The task or item was about to go out, and `max_parallel` of its job is reached.
pub(super) fn park(turn: &mut Turn<'_>, no: TaskNo) {
    let place = age_place(turn, no);
    set(turn, no, None, Some(place), None);
}

/// Reads of the best parked tasks, where one may join the ready.
pub(super) fn missing(slice: &Slice, job: JobNo) -> Vec<Read> {
    match slice.job(job) {
        None => vec![Read::Job(job)],
        Some(entry) if !may_wake(&entry.row) || !entry.has_slot() => Vec::new(),
        Some(_) => {
            let line = Line::Job(job);
            slice.missing_parked(&line, 1).map(|most| Read::Parked(line, most)).into_iter().collect()
        }
    }
}

fn may_wake(job: &JobRow) -> bool {
    !job.paused && !job.state.is_final() && !mutant::is(Mutant::WakesNobody)
}

/// Lets the best parked task of each queue join the ready. The rules do not know which queue has room; a task that
/// comes too late is parked again.
pub(super) fn slot_freed(turn: &mut Turn<'_>, job: JobNo) {
    let entry = turn.job(job);
    if !may_wake(&entry.row) || !entry.has_slot() {
        return;
    }
    for no in turn.slice.best_parked(&Line::Job(job), 1) {
        wake(turn, no);
    }
}

/// Lets those that wait for a key join the ready.
pub(super) fn key_freed(turn: &mut Turn<'_>, key: &LimitKey) {
    for no in limited::to_wake(turn, key) {
        wake(turn, no);
    }
}

/// The task or item may go out as soon as its queue has room.
pub(super) fn become_ready(turn: &mut Turn<'_>, no: TaskNo) {
    let (row, now) = (turn.task(no), turn.now);
    let entry = turn.job(row.job);
    let spec = entry.spec_at(row.position);
    let place = place(&entry.row, &spec, now);
    let row = turn.task_mut(no);
    if row.ready_at.replace(now).is_none() {
        row.start_by = spec.policy.start_within.map(|span| now + span);
    }
    row.wake_at = row.start_by;
    stand(turn, no, place);
    turn.enter(no, TaskState::Ready);
}

/// The task or item was handed back and keeps its place: nobody worked on it.
pub(super) fn return_to_place(turn: &mut Turn<'_>, no: TaskNo) {
    let since = turn.task(no).ready_at.unwrap_or(turn.now);
    let place = place(&turn.job_of(no).row, &turn.spec(no), since);
    stand(turn, no, place);
    let row = turn.task_mut(no);
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
        stand(turn, no, place);
    }
}

/// A mapped task stands among the ready, or the parked, as long as an item without a row may go out.
pub(super) fn refresh(turn: &mut Turn<'_>, mapped: TaskNo, spec: &TaskOf) {
    if spec.each().max_parallel.is_some() && spec.policy.start_within.is_some() {
        offer_clocked(turn, mapped, spec);
    }
    let row = turn.task(mapped);
    let offers = row.state == TaskState::Dispatched
        && row.map.as_ref().is_some_and(|map| !item::is_spent(row, map, spec))
        && row.map.is_some_and(|map| map.available(spec.each().max_parallel) > 0);
    let place = offers.then(|| place(&turn.job(row.job).row, spec, row.ready_at.unwrap_or(turn.now))).flatten();
    match place {
        Some(_) => stand(turn, mapped, place),
        None if row.rank.is_some() || row.parked.is_some() => leave(turn, mapped),
        None => {}
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
        stand(turn, item, place);
        let row = turn.task_mut(item);
        row.wake_at = row.start_by;
    }
}
