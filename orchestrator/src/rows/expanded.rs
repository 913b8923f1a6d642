//! Register of expanded lists: the items of mapped tasks, kept for whoever makes the input of an item next.
//!
//! The driver needs them for messages, a page of the API for what it shows. A list never changes once its task is
//! expanded, so what is kept is right as long as it is kept.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use quick_cache::unsync::Cache;
use quick_cache::{DefaultHashBuilder, Weighter};
use warrener_engine::Slice;
use warrener_engine::row::Map;
use warrener_shared::expr::Items;
use warrener_shared::id::TaskNo;

use super::Evicted;

/// Most bytes of lists that are kept, roughly. One that is not kept is expanded again each time it is needed.
const BYTES: u64 = 32 * 1024 * 1024;
/// Most lists that are kept, roughly.
const LISTS: usize = 1_000;

/// Mapped task and its first item. The item tells lists of the same task apart: a task that is worked on again gets new
/// items, unless its list is empty.
type ListKey = (TaskNo, TaskNo);

/// Weight of a list in bytes, with some overhead.
#[derive(Clone, Debug)]
struct ListBytes;

impl Weighter<ListKey, Arc<Items>> for ListBytes {
    fn weight(&self, _: &ListKey, items: &Arc<Items>) -> u64 {
        items.bytes() as u64 + 128
    }
}

/// Cache behind the lock; see [`Evicted`] for what falls out of it.
type ListCache = Cache<ListKey, Arc<Items>, ListBytes, DefaultHashBuilder, Evicted>;

/// Register of the expanded lists of a process, shared by driver and API. Nobody expands while holding its lock.
pub(crate) struct ExpandedLists(Mutex<ListCache>);

impl Default for ExpandedLists {
    fn default() -> Self {
        Self(Mutex::new(Cache::with(LISTS, BYTES, ListBytes, DefaultHashBuilder::default(), Evicted)))
    }
}

impl ExpandedLists {
    /// List of a mapped task, if it is kept.
    pub(crate) fn of(&self, task: TaskNo, map: &Map) -> Option<Arc<Items>> {
        self.kept().get(&(task, map.first_item)).cloned()
    }

    /// Keeps the lists that a slice has. All of them must be committed.
    pub(crate) fn keep_all(&self, slice: &Slice) {
        for (task, items) in slice.known_items() {
            let Some(map) = slice.task(task).and_then(|row| row.map) else { continue };
            let key = (task, map.first_item);
            let mut kept = self.kept();
            if kept.get(&key).is_none() {
                let replaced = kept.insert_with_lifecycle(key, items.clone());
                drop(kept);
                drop(replaced);
            }
        }
    }

    /// The cache, locked. A holder that panicked leaves it usable.
    fn kept(&self) -> MutexGuard<'_, ListCache> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ExpandedLists {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ExpandedLists({} lists)", self.kept().len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use warrener_engine::row::{Counts, TaskRow};
    use warrener_shared::expr::{Scope, expand};
    use warrener_shared::id::JobNo;
    use warrener_shared::job::{SubmitContext, parse};
    use warrener_shared::json::Doc;
    use warrener_shared::limits::Limits;

    use super::*;

    /// The list of two items that a task is expanded to.
    fn list() -> Arc<Items> {
        let job = br#"{"tasks":{"each":{"kind":"k","for_each":[1,2]}}}"#;
        let job = parse(job, &SubmitContext::default(), &Limits::DEFAULT).unwrap();
        let source = &job.tasks[0].for_each.as_ref().unwrap().source;
        let (input, job_labels) = (Doc::trusted(b"null".to_vec()), BTreeMap::new());
        let tasks = BTreeMap::new();
        let scope = Scope {
            input: &input,
            job_id: "j",
            job_name: None,
            job_labels: &job_labels,
            tasks,
            item: None,
            round: None,
            schedule: None,
            task: None,
        };
        Arc::new(expand(source, &scope, &Limits::DEFAULT).unwrap())
    }

    #[test]
    fn a_list_is_kept_until_its_task_gets_another() {
        let (lists, mut slice, no) = (ExpandedLists::default(), Slice::new(Limits::DEFAULT, 1), TaskNo(1));
        let map = |first| Map { total: 2, first_item: TaskNo(first), next: 0, counts: Counts::default() };
        slice.load_task(TaskRow { map: Some(map(10)), ..TaskRow::new(no, JobNo(1), 0, 1, 0) });
        slice.load_items(no, list());
        lists.keep_all(&slice);
        let kept = lists.of(no, &map(10)).expect("it was kept");
        assert!(Arc::ptr_eq(&kept, slice.items(no).unwrap()), "nobody expands it again");
        assert!(lists.of(no, &map(12)).is_none() && lists.of(TaskNo(2), &map(10)).is_none());
    }
}
