//! The form of values in every resource: times, counts, payloads, lists.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use warrener_engine::row::Counts;
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

/// JSON exactly as it is kept; `None` is null.
pub(super) type Raw = Option<Box<RawValue>>;

/// JSON of bytes that were checked when they were kept. Only their outline is read again.
pub(super) fn raw(bytes: Option<&[u8]>) -> Raw {
    serde_json::from_slice(bytes?).ok()
}

/// A time in RFC 3339, in UTC.
pub(super) fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(Timestamp::to_rfc3339)
}

/// Number of tasks or items in each state: `{<state>: n}` with every state.
#[derive(Clone, Copy, Debug)]
pub(super) struct ByState(pub Counts);

impl Serialize for ByState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(TaskState::ALL.len()))?;
        for state in TaskState::ALL {
            map.serialize_entry(state.as_str(), &self.0.get(*state))?;
        }
        map.end()
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    /// Elements of the page, in the order of the list.
    pub items: Vec<T>,
    /// Place at which the next page begins; `None` on the last one.
    pub next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Page of things that are all in memory, in the order of their keys. The cursor is the last key shown.
    pub(super) fn slice(all: Vec<T>, key: impl Fn(&T) -> &str, after: Option<&str>, limit: usize) -> Self {
        let mut rest = all.into_iter().filter(|one| after.is_none_or(|after| key(one) > after));
        let items: Vec<T> = rest.by_ref().take(limit).collect();
        let more = rest.next().is_some();
        let next_cursor = items.last().filter(|_| more).map(|last| key(last).to_owned());
        Self { items, next_cursor }
    }
}
