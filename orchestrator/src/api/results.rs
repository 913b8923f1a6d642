//! What the items of a mapped task leave behind, as lists.

use std::ops::ControlFlow;

use warrener_engine::row::TaskRow;
use warrener_shared::state::TaskState;

use super::problem::Problem;
use super::shape::{Raw, raw};
use crate::store::Item;
use crate::store::sqlite::view::Snapshot;

/// Bytes of both lists together; longer ones are not shown, and their items are read one by one.
const BYTES_MAX: usize = 64 * 1024 * 1024;

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

struct Writer {
    outputs: Option<Vec<u8>>,
    results: Option<Vec<u8>>,
    count: u32,
}

/// Reads the lists of a mapped task.
pub(super) fn read(
    snapshot: &Snapshot<'_>,
    task: &TaskRow,
    max_parallel: Option<u32>,
    results: bool,
) -> Result<Lists, Problem> {
    let outputs = task.state == TaskState::Succeeded;
    let mut writer = Writer { outputs: outputs.then(Vec::new), results: results.then(Vec::new), count: 0 };
    if task.map.is_some() && (outputs || results) {
        snapshot.each_item(task, &mut |item| writer.add(&item))?;
        writer.rest(task, max_parallel);
    }
    Ok(writer.finish())
}

/// The state of an item that has no row yet: it is counted, not kept.
pub(super) fn unkept(task: &TaskRow, max_parallel: Option<u32>, index: u32) -> TaskState {
    let (Some(map), false) = (task.map, task.state.is_final()) else { return TaskState::Cancelled };
    let may_go = map.next + map.available(max_parallel);
    if index < may_go { TaskState::Ready } else { TaskState::Waiting }
}

impl Writer {
    fn add(&mut self, item: &Item<'_>) -> ControlFlow<()> {
        let output = item.output.filter(|_| item.state == TaskState::Succeeded).unwrap_or(b"null");
        let error = item.error.filter(|_| item.state != TaskState::Succeeded).unwrap_or(b"null");
        self.push(item.state, output, error, item.attempt)
    }

    fn push(&mut self, state: TaskState, output: &[u8], error: &[u8], attempts: u32) -> ControlFlow<()> {
        let comma: &[u8] = if self.count == 0 { b"[" } else { b"," };
        self.count += 1;
        if let Some(outputs) = &mut self.outputs {
            outputs.extend_from_slice(comma);
            outputs.extend_from_slice(output);
        }
        if let Some(results) = &mut self.results {
            results.extend_from_slice(comma);
            results.extend_from_slice(format!(r#"{{"status":"{state}","output":"#).as_bytes());
            results.extend_from_slice(output);
            results.extend_from_slice(br#","error":"#);
            results.extend_from_slice(error);
            results.extend_from_slice(format!(r#","attempts":{attempts}}}"#).as_bytes());
        }
        if self.bytes() > BYTES_MAX {
            (self.outputs, self.results) = (None, None);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn bytes(&self) -> usize {
        [&self.outputs, &self.results].into_iter().flatten().map(Vec::len).sum()
    }

    /// Items without a row come after those with one.
    fn rest(&mut self, task: &TaskRow, max_parallel: Option<u32>) {
        let total = task.map.map_or(0, |map| map.total);
        while self.count < total && (self.outputs.is_some() || self.results.is_some()) {
            let state = unkept(task, max_parallel, self.count);
            if self.push(state, b"null", b"null", 0).is_break() {
                break;
            }
        }
    }

    fn finish(self) -> Lists {
        let bytes = self.bytes();
        let close = |list: Option<Vec<u8>>| {
            let mut list = list?;
            list.extend_from_slice(if list.is_empty() { b"[]" } else { b"]" });
            raw(Some(&list))
        };
        Lists { outputs: close(self.outputs), results: close(self.results), bytes }
    }
}
