//! The scope of a task's expressions, made from the rows of the slice.

use std::borrow::Cow;
use std::collections::BTreeMap;

use warrener_shared::error::code;
use warrener_shared::expr::{ExprError, ItemScope, Reference, Scope, TaskScope, Template};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::Source;
use warrener_shared::json::Doc;
use warrener_shared::state::TaskState;

use crate::row::Json;
use crate::slice::{JobEntry, Read, Slice};

/// Reads that evaluating expressions with these references takes.
pub(crate) fn missing(slice: &Slice, job: JobNo, references: &[Reference]) -> Vec<Read> {
    let Some(entry) = slice.job(job) else { return vec![Read::Job(job)] };
    let mut reads = Vec::new();
    for reference in references {
        let Some(position) = entry.spec.position(&reference.task) else { continue };
        let no = entry.row.task_no(position);
        let Some(row) = slice.task(no) else {
            reads.push(Read::Task(no));
            continue;
        };
        if row.map.is_some() && !has_lists(slice, no, reference) {
            reads.push(Read::Lists { task: no, results: reference.results });
        }
    }
    reads
}

fn has_lists(slice: &Slice, task: TaskNo, reference: &Reference) -> bool {
    let wanted = reference.output || reference.results;
    !wanted || slice.lists(task).is_some_and(|lists| lists.results.is_some() || !reference.results)
}

/// The scope for expressions with these references, all of them loaded; an error if a list is too long to join.
pub(crate) fn build<'a>(
    slice: &'a Slice,
    entry: &'a JobEntry,
    references: &'a [Reference],
    item: Option<ItemScope>,
) -> Result<Scope<'a>, ExprError> {
    let mut tasks = BTreeMap::new();
    for reference in references {
        let Some(position) = entry.spec.position(&reference.task) else { continue };
        tasks.insert(reference.task.as_str(), task_scope(slice, entry, position)?);
    }
    Ok(Scope {
        input: &entry.spec.input,
        job_id: entry.row.id.as_str(),
        job_name: entry.spec.name.as_deref(),
        job_labels: &entry.spec.labels,
        tasks,
        item,
        round: None,
        schedule: None,
        task: None,
    })
}

/// The output of the task at a position, loaded with its lists; an error if they are too long to join.
pub(crate) fn output(slice: &Slice, entry: &JobEntry, position: u32) -> Result<Doc, ExprError> {
    Ok(task_scope(slice, entry, position)?.output)
}

fn oversized(task: &str, limit: usize) -> ExprError {
    let message = format!("the outputs of the items of `{task}` together are larger than {limit} bytes");
    ExprError { code: code::TOO_LARGE, message }
}

fn task_scope(slice: &Slice, entry: &JobEntry, position: u32) -> Result<TaskScope, ExprError> {
    let (no, spec) = (entry.row.task_no(position), &entry.spec.tasks[position as usize]);
    let row = slice.loaded_task(no);
    let lists = slice.lists(no);
    if let Some(limit) = lists.and_then(|lists| lists.oversized) {
        return Err(oversized(spec.name.as_str(), limit));
    }
    let mapped = spec.for_each.is_some();
    let (output, results) = match (mapped, lists) {
        (false, _) => (doc(row.output.as_ref()), Doc::null()),
        (true, None) => (doc(row.output.as_ref()), Doc::trusted(*b"[]")),
        (true, Some(lists)) => (lists.outputs.clone(), lists.results.clone().unwrap_or_else(Doc::null)),
    };
    Ok(TaskScope {
        status: row.state,
        output: if row.state == TaskState::Succeeded { output } else { Doc::null() },
        error: doc(row.error.as_ref().filter(|_| row.state != TaskState::Succeeded)),
        attempts: row.attempt,
        results,
    })
}

fn doc(bytes: Option<&Json>) -> Doc {
    bytes.map_or_else(Doc::null, |bytes| Doc::trusted(bytes.clone()))
}

/// The references of a `for_each`, each task once.
pub(crate) fn of_source(source: &Source) -> Cow<'_, [Reference]> {
    let templates: Vec<&Template> = match source {
        Source::Items(items) => return Cow::Borrowed(items.references()),
        Source::Matrix { axes, exclude } => axes.iter().map(|(_, axis)| axis).chain(exclude).collect(),
    };
    let mut references: Vec<Reference> = Vec::new();
    for reference in templates.into_iter().flat_map(Template::references) {
        match references.iter_mut().find(|known| known.task == reference.task) {
            Some(known) => {
                known.output |= reference.output;
                known.error |= reference.error;
                known.results |= reference.results;
            }
            None => references.push(reference.clone()),
        }
    }
    Cow::Owned(references)
}
