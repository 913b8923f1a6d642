//! Writing the lists that the items of a mapped task leave behind: its output and its `results`.
//!
//! They are written straight from the rows, so that 100,000 items cost their bytes and no more.

use std::ops::ControlFlow;

use warrener_shared::state::TaskState;

use crate::store::Item;

/// Most bytes of both lists together. More than any expression may give, so that one that sums them up still sees them.
pub(crate) const LISTS_MAX: usize = 64 * 1024 * 1024;

/// Writer of two JSON lists: the outputs of the items, and their results `[{status, output, error, attempts}]`.
#[derive(Debug)]
pub(crate) struct ListWriter {
    /// List of outputs so far, unclosed; `None` if it is not wanted or too long.
    outputs: Option<Vec<u8>>,
    /// List of results so far, unclosed; `None` if it is not wanted or too long.
    results: Option<Vec<u8>>,
    /// Items written so far.
    count: u32,
}

impl ListWriter {
    /// Writer of the lists that are wanted, perhaps of neither.
    pub(crate) fn new(outputs: bool, results: bool) -> Self {
        Self { outputs: outputs.then(Vec::new), results: results.then(Vec::new), count: 0 }
    }

    /// Writes the next item, in the order of the list. Breaks once the lists are too long.
    pub(crate) fn add(&mut self, item: &Item<'_>) -> ControlFlow<()> {
        let output = item.output.filter(|_| item.state == TaskState::Succeeded).unwrap_or(b"null");
        let error = item.error.filter(|_| item.state != TaskState::Succeeded).unwrap_or(b"null");
        self.push(item.state, output, error, item.attempt)
    }

    /// Writes the items that have no row, from the next one up to `total`. `state` gives the state of each by its
    /// index.
    pub(crate) fn rest(&mut self, total: u32, state: impl Fn(u32) -> TaskState) {
        while self.count < total && self.is_wanted() {
            if self.push(state(self.count), b"null", b"null", 0).is_break() {
                break;
            }
        }
    }

    /// Number of items written so far.
    pub(crate) const fn count(&self) -> u32 {
        self.count
    }

    /// Bytes of both lists together.
    pub(crate) fn bytes(&self) -> usize {
        [&self.outputs, &self.results].into_iter().flatten().map(Vec::len).sum()
    }

    /// Closed lists, outputs first. Both are `None` if together they passed [`LISTS_MAX`].
    pub(crate) fn finish(self) -> (Option<Vec<u8>>, Option<Vec<u8>>) {
        let close = |list: Option<Vec<u8>>| {
            let mut list = list?;
            list.extend_from_slice(if list.is_empty() { b"[]" } else { b"]" });
            Some(list)
        };
        (close(self.outputs), close(self.results))
    }

    /// True if at least one list is still written.
    const fn is_wanted(&self) -> bool {
        self.outputs.is_some() || self.results.is_some()
    }

    /// Writes one item to the lists that are wanted; drops both once they are too long.
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
        if self.bytes() > LISTS_MAX {
            (self.outputs, self.results) = (None, None);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
