//! Results of the items of a mapped task, as lists.

use warrener_engine::Slice;
use warrener_engine::row::TaskRow;
use warrener_shared::state::TaskState;

use super::problem::Problem;
use super::shape::{Raw, raw};
use crate::rows::load;
use crate::store::view::Snapshot;

/// Lists of one mapped task; null where they are too long, or not wanted.
#[derive(Debug, Default)]
pub(super) struct ItemLists {
    /// Outputs in item order, if the task succeeded.
    pub outputs: Raw,
    /// `[{status, output, error, attempts}]` in item order.
    pub results: Raw,
    /// Bytes of both lists, for the size of a page.
    pub bytes: usize,
}

/// Reads the lists of a mapped task.
pub(super) fn read(
    snapshot: &mut Snapshot<'_>,
    task: &TaskRow,
    max_parallel: Option<u32>,
    results: bool,
) -> Result<ItemLists, Problem> {
    let wanted = (task.state == TaskState::Succeeded, results);
    let lists = load::lists(snapshot, &Slice::default(), task, max_parallel, wanted)?;
    let bytes = lists.bytes();
    let (outputs, results) = lists.finish();
    Ok(ItemLists { outputs: raw(outputs.as_deref()), results: raw(results.as_deref()), bytes })
}
