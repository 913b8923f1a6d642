//! The window of a queue has room: ready tasks and items go out, with their input resolved.

use warrener_shared::id::{TaskAddress, TaskNo};
use warrener_shared::job::BuiltIn;
use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Dispatch;

use super::end::{self, End};
use super::loads::with_mapped;
use super::{attempt, built_in, input, item, limited, offer};
use crate::effect::Effect;
use crate::limit::LimitKey;
use crate::slice::{Read, Slice, TaskOf};
use crate::turn::Turn;

pub(super) fn missing(slice: &Slice, task: TaskNo, most: u32) -> Vec<Read> {
    let reads = with_mapped(slice, task);
    if slice.task(task).is_none() || !reads.is_empty() {
        return reads;
    }
    let (row, entry) = slice.with_job(task);
    let spec = &entry.spec.tasks[row.position as usize];
    let mut reads = Vec::new();
    if slice.tokens() < most as usize {
        reads.push(Read::Tokens(most as usize));
    }
    match BuiltIn::of(&spec.kind) {
        Some(kind) => reads.extend(built_in::missing(slice, kind, most)),
        None if slice.lane(&spec.policy.queue).is_none() => reads.push(Read::Queue(spec.policy.queue.clone())),
        None => {}
    }
    reads.extend(input::missing(slice, row, entry));
    reads
}

pub(super) fn apply(turn: &mut Turn<'_>, no: TaskNo, most: u32) {
    let Some(row) = turn.slice.task(no).filter(|row| row.rank.is_some()) else { return };
    let entry = turn.job(row.job);
    if !entry.has_slot() {
        return offer::park(turn, no);
    }
    let spec = entry.spec_at(row.position);
    let Some(map) = row.map else {
        return match full_key(turn, no) {
            Some(key) => offer::park_for(turn, no, &key),
            None => go_out(turn, no, &spec),
        };
    };
    for _ in 0..most.min(map.available(spec.each().max_parallel)) {
        // Items that fail here may be too many already.
        if item::is_spent(turn.task(no), &turn.map(no), &spec) {
            break;
        }
        if BuiltIn::of(&spec.kind).is_some_and(|kind| !built_in::may_begin(turn.slice, kind)) {
            break;
        }
        if (spec.is_limited() && !turn.job_of(no).has_slot()) || full_key(turn, no).is_some() {
            break;
        }
        let item = item::next(turn, no, &spec);
        go_out(turn, item, &spec);
    }
    offer::refresh(turn, no, &spec);
}

/// The key that a task has to wait for; always none where there are no limits.
fn full_key(turn: &mut Turn<'_>, no: TaskNo) -> Option<LimitKey> {
    if turn.slice.has_limits() { limited::full_key(turn, no) } else { None }
}

/// The next attempt of a task or item, or its end if its input cannot be resolved.
fn go_out(turn: &mut Turn<'_>, no: TaskNo, spec: &TaskOf) {
    match input::resolve(turn.slice, no, spec) {
        Err(error) => end::end(turn, no, End::failed(&error.to_object())),
        Ok(input) => match BuiltIn::of(&spec.kind) {
            Some(kind) => built_in::begin(turn, no, spec, kind, &input),
            None => {
                let dispatch_no = attempt::dispatch(turn, no, spec);
                let dispatch = Box::new(message(turn.slice, no, spec, input));
                turn.effect(Effect::Publish { dispatch_no, dispatch });
            }
        },
    }
}

/// Makes the message of the latest attempt of a task or item anew, once what [`crate::Need::Message`] names is loaded.
///
/// `None` if there is no such task, or its input cannot be resolved.
pub fn resolve(slice: &mut Slice, no: TaskNo) -> Option<Dispatch> {
    slice.job(slice.task(no)?.job)?;
    let spec = slice.spec_of(no);
    let input = input::resolve(slice, no, &spec).ok()?;
    Some(message(slice, no, &spec, input))
}

/// Makes the message of the latest attempt; the same each time.
fn message(slice: &Slice, no: TaskNo, spec: &TaskOf, input: Vec<u8>) -> Dispatch {
    let (row, entry) = slice.with_job(no);
    Dispatch {
        ticket: row.ticket(),
        job: entry.row.id.clone(),
        task: TaskAddress { task: spec.name.clone(), index: row.index },
        attempt: row.attempt,
        max_attempts: spec.policy.retry.max_attempts,
        kind: spec.kind.clone(),
        queue: spec.policy.queue.clone(),
        priority: spec.policy.priority,
        timeout: spec.policy.timeout.unwrap_or(Millis(i64::MAX.unsigned_abs())),
        heartbeat: spec.policy.heartbeat,
        deliveries: row.deliveries,
        traceparent: entry.traceparent.as_deref().map(str::to_owned),
        input,
    }
}
