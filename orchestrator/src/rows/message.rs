//! The message of an attempt and the input of a task. Neither is kept: they are made anew from the rows.

use warrener_engine::slice::JobEntry;
use warrener_engine::{Need, Read, Slice, TaskRow};
use warrener_shared::id::{TaskAddress, TaskNo};
use warrener_shared::wire::dispatch::Dispatch;

use super::load::{self, Loader};
use super::{ExpandedLists, Specs};
use crate::store::{Rows, StoreError};

/// Message of the latest attempt of a task or item. `None` if there is no such task, or its input cannot be resolved.
pub(crate) fn dispatch(
    slice: &mut Slice,
    task: TaskNo,
    load: impl FnMut(Read, &mut Slice) -> Result<(), StoreError>,
) -> Result<Option<Dispatch>, StoreError> {
    load::all(slice, |slice| warrener_engine::missing(slice, Need::Message(task)), load)?;
    Ok(warrener_engine::resolve(slice, task))
}

/// Input of a task or item as JSON, for the API. `None` as long as it is not known: before its needs have ended.
pub(crate) fn input(
    rows: &mut impl Rows,
    specs: &Specs,
    lists: &ExpandedLists,
    job: &JobEntry,
    row: &TaskRow,
) -> Result<Option<Vec<u8>>, StoreError> {
    // Of an item the list is known, and with it the input, before it may go out.
    if row.ready_at.is_none() && row.index.is_none() {
        return Ok(None);
    }
    let mut slice = Slice::new(specs.limits(), 0);
    slice.load_job(job.clone());
    slice.load_task(row.clone());
    let mut loader = Loader { rows, specs, lists };
    let message = dispatch(&mut slice, row.no, |read, slice| loader.load(read, slice))?;
    lists.keep_all(&slice);
    Ok(message.map(|message| message.input))
}

/// Item of a mapped task that an address stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressedItem {
    /// Place of the item in the list, from 0.
    pub(crate) index: u32,
    /// Number of its row. `None` as long as it has none: it was never dispatched.
    pub(crate) no: Option<TaskNo>,
}

/// Item with this index of a task; `None` if the address names no item.
///
/// # Errors
/// [`NoSuchItem`] if the task has no such item.
pub(crate) fn item_at(task: Option<&TaskRow>, index: Option<u32>) -> Result<Option<AddressedItem>, NoSuchItem> {
    let Some(index) = index else { return Ok(None) };
    let map = task.and_then(|row| row.map).filter(|map| index < map.total).ok_or(NoSuchItem)?;
    Ok(Some(AddressedItem { index, no: (index < map.next).then(|| map.item_no(index)) }))
}

/// Error of an address that names an item that does not exist, or not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoSuchItem;

/// Row of a task or item; `None` if there is no such thing. An item that is only counted so far gets a row for the
/// occasion.
pub(crate) fn find(rows: &mut impl Rows, job: &JobEntry, address: &TaskAddress) -> Result<Option<TaskRow>, StoreError> {
    let Some(position) = job.spec.position(address.task.as_str()) else { return Ok(None) };
    let task = rows.tasks(job.row.task_no(position), 1)?.pop();
    Ok(match item_at(task.as_ref(), address.index) {
        Err(NoSuchItem) => None,
        Ok(None) => task,
        Ok(Some(AddressedItem { no: Some(no), .. })) => rows.tasks(no, 1)?.pop(),
        Ok(Some(AddressedItem { index, no: None })) => {
            let max_parallel = job.spec.tasks[position as usize].max_parallel();
            task.and_then(|mapped| mapped.counted_item(index, max_parallel))
        }
    })
}
