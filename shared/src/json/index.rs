//! The places of the children of a list or an object: one level at a time, so that parts which nobody asks for cost
//! nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::scan::{skip_space, skip_string, skip_value};
use super::text::unescape;

/// A place for the index of one list or object, filled at first need and shared by all clones of the document.
pub(super) type IndexSlot = Arc<OnceLock<Index>>;

/// Start and end, in bytes of the buffer. Documents are far below 4 GiB, so that four bytes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        let short = |at: usize| u32::try_from(at).expect("a document is below 4 GiB: no broker carries a larger one");
        Self { start: short(start), end: short(end) }
    }

    pub(super) fn of(self, buffer: &[u8]) -> &[u8] {
        buffer.get(self.start as usize..self.end as usize).unwrap_or_default()
    }
}

/// An entry of an object: the inside of its key as written, and its value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub(super) key: Span,
    pub(super) value: Span,
}

/// The children of one list or object.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) children: Children,
    /// Indexes of children that are large enough to be worth keeping.
    nested: Mutex<BTreeMap<u32, IndexSlot>>,
}

#[derive(Debug)]
pub(super) enum Children {
    List(Vec<Span>),
    /// Entries in order, each key once, and for a large object their positions sorted by key.
    Object(Vec<Member>, Vec<u32>),
}

impl Index {
    /// Reads the level below the list or object at `at`.
    pub(super) fn read(buffer: &[u8], at: usize) -> Self {
        let children = match buffer.get(at) {
            Some(b'{') => read_object(buffer, at + 1),
            _ => Children::List(read_list(buffer, at + 1)),
        };
        Self { children, nested: Mutex::default() }
    }

    /// Number of children.
    pub(super) fn len(&self) -> usize {
        match &self.children {
            Children::List(spans) => spans.len(),
            Children::Object(entries, _) => entries.len(),
        }
    }

    /// Place of the value of the child at this position.
    pub(super) fn span(&self, position: usize) -> Option<Span> {
        match &self.children {
            Children::List(spans) => spans.get(position).copied(),
            Children::Object(entries, _) => entries.get(position).map(|entry| entry.value),
        }
    }

    /// The position of the entry with this key; `None` also for lists.
    pub(super) fn find(&self, buffer: &[u8], key: &[u8]) -> Option<usize> {
        let Children::Object(entries, sorted) = &self.children else { return None };
        if sorted.is_empty() {
            return entries.iter().position(|entry| *key_of(buffer, entry) == *key);
        }
        let at = sorted.binary_search_by(|&at| (*key_of(buffer, &entries[at as usize])).cmp(key)).ok()?;
        Some(sorted[at] as usize)
    }

    /// The index of a child: kept with this one if the child is large, else made anew by each who asks.
    pub(super) fn slot(&self, position: usize, span: Span) -> IndexSlot {
        match u32::try_from(position) {
            Ok(position) if span.end - span.start > WORTH_KEEPING => {
                let mut nested = self.nested.lock().unwrap_or_else(PoisonError::into_inner);
                Arc::clone(nested.entry(position).or_default())
            }
            _ => IndexSlot::default(),
        }
    }
}

fn read_list(buffer: &[u8], mut at: usize) -> Vec<Span> {
    let mut spans = Vec::new();
    loop {
        at = skip_space(buffer, at);
        let end = skip_value(buffer, at);
        if end == at {
            spans.shrink_to_fit();
            return spans;
        }
        spans.push(Span::new(at, end));
        at = after_comma(buffer, end);
    }
}

fn read_object(buffer: &[u8], mut at: usize) -> Children {
    let mut entries = Vec::new();
    loop {
        at = skip_space(buffer, at);
        if buffer.get(at) != Some(&b'"') {
            return unique(buffer, entries);
        }
        let key_end = skip_string(buffer, at);
        let value = skip_space(buffer, skip_space(buffer, key_end) + 1);
        let end = skip_value(buffer, value);
        if end <= value {
            return unique(buffer, entries);
        }
        entries.push(Member { key: Span::new(at + 1, key_end - 1), value: Span::new(value, end) });
        at = after_comma(buffer, end);
    }
}

/// Drops all but the last of repeated keys, and sorts the keys of a large object.
fn unique(buffer: &[u8], mut entries: Vec<Member>) -> Children {
    if entries.len() <= SEARCHED_IN_ORDER {
        let mut at = 0;
        while at < entries.len() {
            let repeated = entries[at + 1..].iter().any(|later| key_of(buffer, later) == key_of(buffer, &entries[at]));
            if repeated {
                entries.remove(at);
            } else {
                at += 1;
            }
        }
        return Children::Object(entries, Vec::new());
    }
    let sorted = sorted(buffer, &entries);
    let is_last = |pair: &[u32]| {
        let key = |at: u32| key_of(buffer, &entries[at as usize]);
        pair.get(1).is_none_or(|&next| key(pair[0]) != key(next))
    };
    let mut kept: Vec<u32> = (0..sorted.len()).filter(|&at| is_last(&sorted[at..])).map(|at| sorted[at]).collect();
    if kept.len() == entries.len() {
        return Children::Object(entries, sorted);
    }
    kept.sort_unstable();
    let entries: Vec<Member> = kept.into_iter().map(|at| entries[at as usize]).collect();
    let sorted = self::sorted(buffer, &entries);
    Children::Object(entries, sorted)
}

fn sorted(buffer: &[u8], entries: &[Member]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..u32::try_from(entries.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by(|&a, &b| key_of(buffer, &entries[a as usize]).cmp(&key_of(buffer, &entries[b as usize])));
    order
}

/// An entry's key without escapes.
pub(super) fn key_of<'a>(buffer: &'a [u8], entry: &Member) -> Cow<'a, [u8]> {
    unescape(entry.key.of(buffer))
}

fn after_comma(buffer: &[u8], at: usize) -> usize {
    let at = skip_space(buffer, at);
    if buffer.get(at) == Some(&b',') { at + 1 } else { at }
}

/// Below this many bytes reading a child again costs less than the memory that its index would take.
const WORTH_KEEPING: u32 = 256;
/// Up to this many entries, comparing one by one is faster than a sorted order.
const SEARCHED_IN_ORDER: usize = 16;
