//! Inputs of tasks and items, and the scope of their expressions.

use std::sync::Arc;

use warrener_shared::expr::{ExprError, ItemScope, Reference, RoundScope, Scope, expand};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::json::Doc;
use warrener_shared::mutant::{self, Mutant};

use super::loads::with_mapped;
use crate::row::{Json, TaskRow};
use crate::scope;
use crate::slice::{JobEntry, Read, Slice, TaskOf, counted};

/// The outputs that the input of a task or item is made of, those that its list is made of, and those that say whether
/// its rounds are enough.
pub(super) fn missing(slice: &Slice, row: &TaskRow, entry: &JobEntry) -> Vec<Read> {
    let (job, spec) = (row.job, &entry.spec.tasks[row.position as usize]);
    let mut reads = Vec::new();
    if let Some(input) = &spec.input {
        reads.extend(scope::missing(slice, job, input.references()));
    }
    if let Some(repeat) = &spec.repeat {
        reads.extend(scope::missing(slice, job, repeat.until.references()));
    }
    if let Some(source) = spec.for_each.as_ref().map(|each| &each.source)
        && slice.items(entry.row.task_no(row.position)).is_none()
    {
        reads.extend(scope::missing(slice, job, &scope::of_source(source)));
    }
    reads
}

/// Reads that making the message of a task or item anew takes.
pub(super) fn missing_message(slice: &Slice, task: TaskNo) -> Vec<Read> {
    let reads = with_mapped(slice, task);
    if slice.task(task).is_none() || !reads.is_empty() {
        return reads;
    }
    let (row, entry) = slice.with_job(task);
    missing(slice, row, entry)
}

/// The resolved input of a task or item: a function of the job and of outputs that no longer change, so it is
/// made anew wherever it is needed rather than kept.
pub(super) fn resolve(slice: &mut Slice, no: TaskNo, spec: &TaskOf) -> Result<Vec<u8>, ExprError> {
    let Some(template) = &spec.input else { return Ok(b"null".to_vec()) };
    let limits = slice.limits;
    template.render(&scope(slice, no, spec, template.references(), None)?, &limits)
}

/// Judges `until` of a repeated task or item after a round with this output; true for one that is not repeated.
pub(super) fn is_reached(slice: &mut Slice, no: TaskNo, spec: &TaskOf, output: &Json) -> Result<bool, ExprError> {
    let Some(repeat) = &spec.repeat else { return Ok(true) };
    let limits = slice.limits;
    repeat.until.judge(&scope(slice, no, spec, repeat.until.references(), Some(output))?, &limits)
}

/// Scope of the expressions of a task or item; `output` is that of a round that is over.
fn scope<'a>(
    slice: &'a mut Slice,
    no: TaskNo,
    spec: &TaskOf,
    references: &'a [Reference],
    output: Option<&Json>,
) -> Result<Scope<'a>, ExprError> {
    let (row, entry) = slice.with_job(no);
    let (job, index, mapped) = (row.job, row.index, entry.row.task_no(row.position));
    let item = index.map(|index| item_scope(slice, job, mapped, index, spec)).transpose()?;
    let slice = &*slice;
    let mut scope = scope::build(slice, slice.loaded_job(job), references, item)?;
    scope.round = spec.repeat.as_ref().map(|_| round_scope(slice.loaded_task(no), output));
    Ok(scope)
}

fn round_scope(row: &TaskRow, output: Option<&Json>) -> RoundScope {
    let doc = |bytes: Option<&Json>| bytes.map_or_else(Doc::null, |bytes| Doc::trusted(bytes.clone()));
    let previous = row.previous.as_ref().filter(|_| !mutant::is(Mutant::ForgetsPrevious));
    RoundScope { round: row.round + 1, previous: doc(previous), output: doc(output) }
}

/// An item of the list, which is made anew if no earlier item of this batch needed it.
fn item_scope(
    slice: &mut Slice,
    job: JobNo,
    mapped: TaskNo,
    index: u32,
    spec: &TaskOf,
) -> Result<ItemScope, ExprError> {
    let items = match slice.items(mapped) {
        Some(items) => items.clone(),
        None => {
            let source = &spec.each().source;
            let references = scope::of_source(source);
            let entry = slice.loaded_job(job);
            let items = expand(source, &scope::build(slice, entry, &references, None)?, &slice.limits)?;
            let items = Arc::new(items);
            slice.keep_items(mapped, items.clone());
            items
        }
    };
    Ok(ItemScope { item: items.get(index as usize), index, total: counted(items.len()) })
}
