//! The window of a queue has room: ready tasks and items go out, with their input resolved.

use warrener_shared::expr::{ExprError, ItemScope, Reference, expand};
use warrener_shared::id::{JobNo, TaskAddress, TaskNo};
use warrener_shared::job::{BuiltIn, TaskSpec};
use warrener_shared::state::TaskState;
use warrener_shared::time::{Millis, Timestamp};
use warrener_shared::wire::dispatch::Dispatch;

use super::end::{self, End};
use super::{Decision, built_in, fan_out, with_mapped};
use crate::effect::Effect;
use crate::scope;
use crate::slice::{JobEntry, Read, Slice};

pub(super) fn missing(slice: &Slice, task: TaskNo, most: u32) -> Vec<Read> {
    let reads = with_mapped(slice, task);
    let Some(row) = slice.task(task).filter(|_| reads.is_empty()) else { return reads };
    let entry = slice.job(row.job).expect("loaded just above");
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
    if let Some(input) = &spec.input {
        reads.extend(scope::missing(slice, row.job, input.references()));
    }
    if let Some(source) = spec.for_each.as_ref().map(|each| &each.source)
        && slice.items(entry.row.task_no(row.position)).is_none()
    {
        reads.extend(scope::missing(slice, row.job, &scope::of_source(source)));
    }
    reads
}

pub(super) fn apply(slice: &mut Slice, no: TaskNo, most: u32, now: Timestamp, out: &mut Decision) {
    let Some(row) = slice.task(no) else { return };
    if row.rank.is_none() {
        return;
    }
    let spec = slice.job(row.job).expect("the job was loaded").spec.clone();
    let spec = &spec.tasks[row.position as usize];
    let Some(map) = row.map else {
        return offer(slice, no, spec, now, out);
    };
    let max_parallel = spec.for_each.as_ref().and_then(|each| each.max_parallel);
    for _ in 0..most.min(map.available(max_parallel)) {
        // Items that fail here may be too many already.
        if fan_out::is_spent(slice, no, spec) {
            break;
        }
        if BuiltIn::of(&spec.kind).is_some_and(|kind| !built_in::may_begin(slice, kind)) {
            break;
        }
        let item = fan_out::next_item(slice, no, spec, now);
        offer(slice, item, spec, now, out);
    }
    fan_out::refresh_offer(slice, no, spec, now);
}

/// The next attempt of a task or item, or its end if its input cannot be resolved.
fn offer(slice: &mut Slice, no: TaskNo, spec: &TaskSpec, now: Timestamp, out: &mut Decision) {
    match input(slice, no, spec) {
        Err(error) => end::end(slice, no, End::failed(&error.to_object()), now, out),
        Ok(input) => match BuiltIn::of(&spec.kind) {
            Some(kind) => built_in::begin(slice, no, spec, kind, &input, now, out),
            None => dispatch(slice, no, spec, input, now, out),
        },
    }
}

fn dispatch(slice: &mut Slice, no: TaskNo, spec: &TaskSpec, input: Vec<u8>, now: Timestamp, out: &mut Decision) {
    let token = slice.take_token();
    let dispatch_no = slice.take_dispatch_no();
    let row = slice.task_mut(no);
    row.attempt += 1;
    row.token = token;
    row.dispatch_no = Some(dispatch_no);
    row.dispatched_at = Some(now);
    row.started_at = None;
    row.worker = None;
    row.lease = None;
    row.progress = None;
    row.rank = None;
    row.wake_at = row.start_by;
    let (job, ticket, queue) = (row.job, row.ticket(), row.queue);
    slice.job_mut(job).begun = true;
    slice.enter(no, TaskState::Dispatched, now);
    let dispatch = Box::new(message(slice, no, spec, input));
    out.effects.push(Effect::Opened { ticket, queue, dispatch_no, silence: spec.policy.heartbeat });
    out.effects.push(Effect::Publish { dispatch_no, dispatch });
}

/// The message of the latest attempt of a task or item, made anew: everything that admitting it needs is loaded.
///
/// `None` if there is no such task, or its input cannot be resolved.
pub fn resolve(slice: &mut Slice, no: TaskNo) -> Option<Dispatch> {
    let row = slice.task(no)?;
    let spec = slice.job(row.job)?.spec.clone();
    let spec = &spec.tasks[row.position as usize];
    let input = input(slice, no, spec).ok()?;
    Some(message(slice, no, spec, input))
}

/// What the message of the latest attempt says; the same each time it is made.
fn message(slice: &Slice, no: TaskNo, spec: &TaskSpec, input: Vec<u8>) -> Dispatch {
    let row = slice.task(no).expect("the task was loaded");
    let entry = slice.job(row.job).expect("the job was loaded");
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

/// The resolved input of a task or item: a function of the job and of outputs that no longer change, so it is
/// made anew wherever it is needed rather than kept.
fn input(slice: &mut Slice, no: TaskNo, spec: &TaskSpec) -> Result<Vec<u8>, ExprError> {
    let Some(template) = &spec.input else { return Ok(b"null".to_vec()) };
    let row = slice.task(no).expect("the task was loaded");
    let (job, index) = (row.job, row.index);
    let mapped = slice.job(job).expect("the job was loaded").row.task_no(row.position);
    if index.is_some() {
        ensure_items(slice, job, mapped, spec)?;
    }
    let item = index.map(|index| item_scope(slice, mapped, index));
    let entry: &JobEntry = slice.job(job).expect("the job was loaded");
    let references: &[Reference] = template.references();
    template.render(&scope::build(slice, entry, references, item)?, &slice.limits)
}

fn ensure_items(slice: &mut Slice, job: JobNo, mapped: TaskNo, spec: &TaskSpec) -> Result<(), ExprError> {
    if slice.items(mapped).is_some() {
        return Ok(());
    }
    let source = &spec.for_each.as_ref().expect("only mapped tasks have items").source;
    let entry = slice.job(job).expect("the job was loaded");
    let references = scope::of_source(source);
    let items = expand(source, &scope::build(slice, entry, &references, None)?, &slice.limits)?;
    slice.keep_items(mapped, std::sync::Arc::new(items));
    Ok(())
}

fn item_scope(slice: &Slice, mapped: TaskNo, index: u32) -> ItemScope {
    let items = slice.items(mapped).expect("expanded just above");
    let total = u32::try_from(items.len()).expect("the expansion limits the items");
    ItemScope { item: items.get(index as usize), index, total }
}
