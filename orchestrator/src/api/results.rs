//! What the items of a mapped task leave behind, as lists.

use warrener_engine::row::TaskRow;
use warrener_shared::state::TaskState;

use super::problem::Problem;
use super::shape::{Raw, raw};
use crate::store::Rows as _;
use crate::store::lists::ListWriter;
use crate::store::view::Snapshot;

/// The lists of one mapped task; null where they are too long.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Outputs in item order, if the task succeeded.
    pub outputs: Raw,
    /// `[{status, output, error, attempts}]` in item order.
    pub results: Raw,
    /// Bytes of both.
    pub bytes: usize,
}

/// Reads the lists of a mapped task.
pub(super) fn read(
    snapshot: &Snapshot<'_>,
    task: &TaskRow,
    max_parallel: Option<u32>,
    results: bool,
) -> Result<Lists, Problem> {
    let outputs = task.state == TaskState::Succeeded;
    let mut writer = ListWriter::new(outputs, results);
    if let Some(map) = task.map.filter(|_| outputs || results) {
        { *snapshot }.each_item(task, &mut |item| writer.add(&item))?;
        writer.rest(map.total, |index| unkept(task, max_parallel, index));
    }
    let bytes = writer.bytes();
    let (outputs, results) = writer.finish();
    Ok(Lists { outputs: raw(outputs.as_deref()), results: raw(results.as_deref()), bytes })
}

/// The state of an item that has no row yet: it is counted, not kept.
pub(super) fn unkept(task: &TaskRow, max_parallel: Option<u32>, index: u32) -> TaskState {
    let (Some(map), false) = (task.map, task.state.is_final()) else { return TaskState::Cancelled };
    let may_go = map.next + map.available(max_parallel);
    if index < may_go { TaskState::Ready } else { TaskState::Waiting }
}
