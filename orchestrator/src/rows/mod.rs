//! Reading of rows for the rules: the driver decides by what it finds here, the API shows it.
//!
//! Everything takes any [`Rows`](crate::store::Rows): the writer's store or a reader's snapshot.

mod expanded;
pub(crate) mod lists;
pub(crate) mod load;
pub(crate) mod message;
pub(crate) mod schedule;
mod specs;
pub(crate) mod verdict;

use quick_cache::Lifecycle;

pub(crate) use self::expanded::ExpandedLists;
pub(crate) use self::specs::{Parsed, Specs};

/// Hands what falls out of a cache back to whoever put something in. It is freed after the lock is released, since a
/// large job is a million small pieces.
#[derive(Clone, Debug)]
struct Evicted;

impl<K, V> Lifecycle<K, V> for Evicted {
    type RequestState = Vec<V>;

    fn begin_request(&self) -> Vec<V> {
        Vec::new()
    }

    fn on_evict(&self, out: &mut Vec<V>, _: K, value: V) {
        out.push(value);
    }
}
