//! What the driver remembers between batches. Everything in it can be made anew from the rows.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::unsync::Cache;
use warrener_engine::slice::Lists;
use warrener_shared::expr::Items;
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::JobSpec;

/// Bytes of submitted documents whose parsed form is kept. Parsed forms are a few times as large.
const SPEC_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of expanded lists and joined outputs that are kept.
const LIST_BYTES: u64 = 32 * 1024 * 1024;

/// A parsed job with what is needed beside it.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    pub(super) spec: Arc<JobSpec>,
    pub(super) traceparent: Option<Arc<str>>,
    pub(super) bytes: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Bytes;

impl Weighter<JobNo, Parsed> for Bytes {
    fn weight(&self, _: &JobNo, parsed: &Parsed) -> u64 {
        parsed.bytes as u64 + 512
    }
}

impl Weighter<TaskNo, Arc<Items>> for Bytes {
    fn weight(&self, _: &TaskNo, items: &Arc<Items>) -> u64 {
        items.bytes() as u64 + 128
    }
}

impl Weighter<TaskNo, Lists> for Bytes {
    fn weight(&self, _: &TaskNo, lists: &Lists) -> u64 {
        let results = lists.results.as_ref().map_or(0, |doc| doc.bytes().len());
        (lists.outputs.bytes().len() + results) as u64 + 128
    }
}

/// See the module.
pub(super) struct Memory {
    pub(super) specs: Cache<JobNo, Parsed, Bytes>,
    pub(super) items: Cache<TaskNo, Arc<Items>, Bytes>,
    pub(super) lists: Cache<TaskNo, Lists, Bytes>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            specs: Cache::with_weighter(20_000, SPEC_BYTES, Bytes),
            items: Cache::with_weighter(1_000, LIST_BYTES, Bytes),
            lists: Cache::with_weighter(1_000, LIST_BYTES, Bytes),
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Memory({} jobs, {} lists)", self.specs.len(), self.items.len() + self.lists.len())
    }
}
