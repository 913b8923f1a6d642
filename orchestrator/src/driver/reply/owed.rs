//! Answers by address: which wait, and which are on their way. Numbers only: bodies are read when they are sent.
//!
//! An address that takes answers gets more at once. One that fails is left alone for a while, longer each time, and
//! holds up no other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use warrener_shared::id::JobNo;
use warrener_shared::mutant::{self, Mutant};

/// Answers that wait or are on their way, as the session with the broker knows them.
///
/// Not part of what `recollect` makes anew. The rows say which answers are owed; they are read again after a start, a
/// reconnect, and a commit whose outcome is unknown.
#[derive(Debug)]
pub(in crate::driver) struct Replies {
    /// Time for which an answer is tried before it is given up.
    pub(super) kept: Duration,
    /// Addresses that are owed something, have it on its way, or are left alone after a failure.
    addresses: BTreeMap<Arc<str>, Address>,
    /// Answers handed to the broker side and not confirmed, by number.
    underway: HashMap<i64, AnswerUnderway>,
    /// Bytes of the bodies on their way.
    bytes: usize,
    /// Answers that the broker has and whose rows are still there. The next commit of anything removes the rows, since
    /// none is worth a sync of its own. After a crash before that they are given once more.
    given: BTreeSet<i64>,
    /// Refusals numbered so far in this process.
    refusals: i64,
    /// Addresses that took answers since the last look, and are owed more.
    freed: BTreeSet<Arc<str>>,
}

/// A queue that answers go to, and how well it takes them.
#[derive(Debug)]
struct Address {
    /// Numbers of answers that are owed and not on their way.
    waiting: BTreeSet<i64>,
    /// Answers on their way.
    underway: usize,
    /// Most answers that may be on their way at once: 1 after a failure, one more with each that arrives.
    room: usize,
    /// Time for which nothing was sent after the latest failure; zero if all went well since.
    pause: Duration,
    /// Monotonic time before which nothing is sent.
    not_before: Duration,
}

/// An answer that the broker side has and has not confirmed.
#[derive(Debug)]
struct AnswerUnderway {
    /// Destination.
    address: Arc<str>,
    /// Bytes of its body.
    bytes: usize,
}

impl Default for Replies {
    fn default() -> Self {
        Self {
            kept: Duration::MAX,
            addresses: BTreeMap::new(),
            underway: HashMap::new(),
            bytes: 0,
            given: BTreeSet::new(),
            refusals: 0,
            freed: BTreeSet::new(),
        }
    }
}

impl Default for Address {
    fn default() -> Self {
        let (pause, not_before) = (Duration::ZERO, Duration::ZERO);
        Self { waiting: BTreeSet::new(), underway: 0, room: ADDRESS_MAX, pause, not_before }
    }
}

impl Address {
    /// True if nothing needs to be known of the address.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.underway == 0 && self.pause.is_zero()
    }
}

impl Replies {
    /// A number in place of a job, by which a refusal is found after its commit; negative. After a restart one may be
    /// met again: then an older refusal is found too, which is owed as well.
    pub(super) fn next_refusal(&mut self) -> JobNo {
        self.refusals += 1;
        JobNo(-self.refusals)
    }

    /// Notes that a session began. What was on its way in the last one may not have arrived, and no address is known to
    /// be slow. All that is owed is to be read again.
    pub(in crate::driver) fn reconnected(&mut self) {
        self.underway.clear();
        self.bytes = 0;
        self.addresses.clear();
        self.freed.clear();
    }

    /// Notes a page of answers that are owed, of at most `most`. Gives the number above which there may be more; `None`
    /// if that was the last page.
    pub(super) fn note_page(&mut self, page: Vec<(i64, String)>, most: usize) -> Option<i64> {
        let last = page.last().map(|(no, _)| *no).filter(|_| page.len() == most);
        for (no, address) in page {
            if !self.given.contains(&no) && !self.underway.contains_key(&no) {
                self.address(&address).waiting.insert(no);
            }
        }
        last
    }

    /// Notes that an answer is ready. True if it goes now; if not, it waits for its turn, unless it is on its way or
    /// there.
    pub(super) fn send(&mut self, no: i64, address: &str, bytes: usize, now: Duration) -> bool {
        if self.given.contains(&no) || self.underway.contains_key(&no) {
            return false;
        }
        let has_room = self.has_room();
        let to = self.address(address);
        if !has_room || !to.waiting.is_empty() || now < to.not_before || to.underway >= to.room {
            to.waiting.insert(no);
            return false;
        }
        self.note_underway(no, address, bytes);
        true
    }

    /// Notes that an answer that waited goes now.
    pub(super) fn send_waiting(&mut self, no: i64, address: &str, bytes: usize) {
        self.address(address).waiting.remove(&no);
        self.note_underway(no, address, bytes);
    }

    /// Counts an answer that goes now.
    fn note_underway(&mut self, no: i64, address: &str, bytes: usize) {
        self.address(address).underway += 1;
        self.bytes += bytes;
        let (address, _) = self.addresses.get_key_value(address).expect("just asked for");
        self.underway.insert(no, AnswerUnderway { address: address.clone(), bytes });
    }

    /// True if another answer may go, whoever it is for.
    pub(super) fn has_room(&self) -> bool {
        self.underway.len() < UNDERWAY_MAX && self.bytes < BYTES_MAX
    }

    /// Addresses that are owed something and may be sent it now.
    pub(super) fn due_addresses(&self, now: Duration) -> Vec<Arc<str>> {
        let is_due = |to: &Address| !to.waiting.is_empty() && to.not_before <= now && to.underway < to.room;
        self.addresses.iter().filter(|(_, to)| is_due(to)).map(|(address, _)| address.clone()).collect()
    }

    /// Takes the addresses that took answers since the last look and are owed more.
    pub(super) fn take_freed(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.freed)
    }

    /// Numbers of the next answers for an address, as many as it may have on their way.
    pub(super) fn page_of(&self, address: &str, now: Duration) -> Vec<i64> {
        let Some(to) = self.addresses.get(address).filter(|to| to.not_before <= now) else { return Vec::new() };
        let most = to.room.saturating_sub(to.underway).min(PAGE_MAX);
        to.waiting.iter().copied().take(most).collect()
    }

    /// Notes that the broker has these answers. Their addresses are well, and get more.
    pub(in crate::driver) fn arrived(&mut self, numbers: &[i64]) {
        for no in numbers {
            if let Some(address) = self.drop_underway(*no) {
                let to = self.address(&address);
                to.room = (to.room + 1).min(ADDRESS_MAX);
                (to.pause, to.not_before) = (Duration::ZERO, Duration::ZERO);
                if to.is_idle() {
                    self.addresses.remove(&address);
                } else if !to.waiting.is_empty() {
                    self.freed.insert(address);
                }
            }
        }
        self.given.extend(numbers.iter().copied());
    }

    /// Notes that these answers may not have arrived. Their addresses are left alone for a while, longer each time.
    pub(in crate::driver) fn failed(&mut self, numbers: &[i64], now: Duration) {
        for no in numbers {
            let Some(address) = self.drop_underway(*no) else { continue };
            let to = self.address(&address);
            if !mutant::is(Mutant::ReplyOnce) {
                to.waiting.insert(*no);
            }
            // What was on its way together fails together, and counts once.
            if now >= to.not_before {
                to.pause = (to.pause * 2).clamp(PAUSE, PAUSE_MAX);
                to.not_before = now + to.pause;
                to.room = 1;
            }
        }
    }

    /// Notes that an answer is no longer on its way. Gives its address; `None` if it was not.
    pub(super) fn drop_underway(&mut self, no: i64) -> Option<Arc<str>> {
        let AnswerUnderway { address, bytes } = self.underway.remove(&no)?;
        self.bytes -= bytes;
        let to = self.address(&address);
        to.underway = to.underway.saturating_sub(1);
        Some(address)
    }

    /// Notes that an answer is no longer owed to an address.
    pub(super) fn forget(&mut self, no: i64, address: &str) {
        let to = self.address(address);
        to.waiting.remove(&no);
        if to.is_idle() {
            self.addresses.remove(address);
        }
    }

    /// Numbers of answers that are there and whose rows are not removed yet.
    pub(in crate::driver) fn given(&self) -> impl Iterator<Item = i64> {
        self.given.iter().copied()
    }

    /// Notes that a commit removed the rows of all given answers.
    pub(in crate::driver) fn forgotten(&mut self) {
        self.given.clear();
    }

    /// The address, new if it was not known.
    fn address(&mut self, address: &str) -> &mut Address {
        if !self.addresses.contains_key(address) {
            self.addresses.insert(Arc::from(address), Address::default());
        }
        self.addresses.get_mut(address).expect("just inserted")
    }
}

/// Most answers on their way at once.
const UNDERWAY_MAX: usize = 1024;
/// Most bytes of answers on their way at once, but for the last of them.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most answers on their way to one address, so that one that is slow leaves room for the others.
const ADDRESS_MAX: usize = 256;
/// Most answers read from the rows for one address in one go.
const PAGE_MAX: usize = 256;
/// Time for which an address is left alone after its first failure. It doubles with each further one.
const PAUSE: Duration = Duration::from_secs(1);
/// Longest time for which an address is left alone.
const PAUSE_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
