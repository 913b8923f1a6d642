//! The settled deliveries of a channel, noted so that a `multiple` acknowledgement never covers anybody else's.

use std::collections::VecDeque;

/// The broker numbers the deliveries of a channel from 1. Holds one flag for each number between the oldest open one
/// and the newest settled one: at most as many as there are deliveries held.
#[derive(Debug)]
pub(crate) struct Ledger {
    oldest_open: u64,
    settled: VecDeque<bool>,
}

impl Ledger {
    pub(crate) fn new() -> Self {
        Self { oldest_open: 1, settled: VecDeque::new() }
    }

    /// Tells whether all deliveries before this one are settled.
    pub(crate) fn is_settled_before(&self, tag: u64) -> bool {
        self.oldest_open >= tag
    }

    /// Counts how many of these deliveries can share a frame, from the first on: once settled, they leave nothing open
    /// before the last of them. `tags` ascend.
    pub(crate) fn run(&self, tags: &[u64]) -> usize {
        let mut next = self.oldest_open;
        for (count, tag) in tags.iter().enumerate() {
            while next < *tag && self.is_settled(next) {
                next += 1;
            }
            if next < *tag {
                return count;
            }
            next = tag + 1;
        }
        tags.len()
    }

    fn is_settled(&self, tag: u64) -> bool {
        let index = tag.checked_sub(self.oldest_open).and_then(|index| usize::try_from(index).ok());
        index.is_none_or(|index| self.settled.get(index).copied().unwrap_or(false))
    }

    /// Notes that a delivery is settled.
    pub(crate) fn settle(&mut self, tag: u64) {
        let Some(index) = tag.checked_sub(self.oldest_open).and_then(|index| usize::try_from(index).ok()) else {
            return;
        };
        if index >= self.settled.len() {
            self.settled.resize(index + 1, false);
        }
        self.settled[index] = true;
        while self.settled.front() == Some(&true) {
            self.settled.pop_front();
            self.oldest_open += 1;
        }
    }
}

#[cfg(test)]
mod tests;
