//! Which answers wait, for whom, and which are on their way. Numbers only: bodies are read in their turn.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use warrener_shared::id::JobNo;
use warrener_shared::mutant::{self, Mutant};

/// What the session with the broker knows of answers: it outlives all that is read of the rows, and which answers are
/// owed is read again after a start, a reconnect, and a commit whose outcome is unknown.
#[derive(Debug)]
pub(in crate::driver) struct Replies {
    /// How long an answer is tried before it is given up.
    pub(super) kept: Duration,
    addresses: BTreeMap<Arc<str>, Address>,
    underway: HashMap<i64, AnswerUnderway>,
    /// Bytes of the bodies on their way.
    bytes: usize,
    /// Answers that the broker has: the next commit of anything forgets them, for none is worth a sync of its own.
    /// After a crash before that they are given once more.
    given: BTreeSet<i64>,
    refusals: i64,
    /// Addresses that took answers since the last look.
    freed: BTreeSet<Arc<str>>,
}

/// A queue that answers go to.
#[derive(Debug)]
struct Address {
    /// Answers that are owed and not on their way.
    waiting: BTreeSet<i64>,
    underway: usize,
    /// Answers that may be on their way at once.
    room: usize,
    /// How long nothing is sent after a failure; zero as long as there was none.
    pause: Duration,
    /// Nothing is sent before, on the monotonic clock.
    not_before: Duration,
}

#[derive(Debug)]
struct AnswerUnderway {
    address: Arc<str>,
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
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.underway == 0 && self.pause.is_zero()
    }
}

impl Replies {
    /// A number by which a refusal is found after its commit. After a restart one may be met again: then another
    /// refusal is found too, which is owed as well.
    pub(super) fn next_refusal(&mut self) -> JobNo {
        self.refusals += 1;
        JobNo(-self.refusals)
    }

    /// A session began: what was on its way in the last one may not have arrived, and nobody is known to be late.
    pub(in crate::driver) fn reconnected(&mut self) {
        self.underway.clear();
        self.bytes = 0;
        self.addresses.clear();
        self.freed.clear();
    }

    /// A page of answers that are owed, of at most `most`. Gives the number above which there may be more.
    pub(super) fn note_page(&mut self, page: Vec<(i64, String)>, most: usize) -> Option<i64> {
        let last = page.last().map(|(no, _)| *no).filter(|_| page.len() == most);
        for (no, address) in page {
            if !self.given.contains(&no) && !self.underway.contains_key(&no) {
                self.address(&address).waiting.insert(no);
            }
        }
        last
    }

    /// An answer is ready: whether it goes now. If not, it waits for its turn, unless it is on its way or there.
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

    /// An answer that waited goes now.
    pub(super) fn send_waiting(&mut self, no: i64, address: &str, bytes: usize) {
        self.address(address).waiting.remove(&no);
        self.note_underway(no, address, bytes);
    }

    fn note_underway(&mut self, no: i64, address: &str, bytes: usize) {
        self.address(address).underway += 1;
        self.bytes += bytes;
        let (address, _) = self.addresses.get_key_value(address).expect("just asked for");
        self.underway.insert(no, AnswerUnderway { address: address.clone(), bytes });
    }

    /// Whether another answer may go, whoever it is for.
    pub(super) fn has_room(&self) -> bool {
        self.underway.len() < UNDERWAY_MAX && self.bytes < BYTES_MAX
    }

    /// The addresses that may be sent something.
    pub(super) fn due_addresses(&self, now: Duration) -> Vec<Arc<str>> {
        let is_due = |to: &Address| !to.waiting.is_empty() && to.not_before <= now && to.underway < to.room;
        self.addresses.iter().filter(|(_, to)| is_due(to)).map(|(address, _)| address.clone()).collect()
    }

    /// Addresses that took answers and are owed more.
    pub(super) fn take_freed(&mut self) -> BTreeSet<Arc<str>> {
        std::mem::take(&mut self.freed)
    }

    /// The next answers for an address.
    pub(super) fn page_of(&self, address: &str, now: Duration) -> Vec<i64> {
        let Some(to) = self.addresses.get(address).filter(|to| to.not_before <= now) else { return Vec::new() };
        let most = to.room.saturating_sub(to.underway).min(PAGE_MAX);
        to.waiting.iter().copied().take(most).collect()
    }

    /// The broker has these answers.
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

    /// These answers may not have arrived. Their addresses are left alone for a while, longer each time.
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

    /// An answer is no longer on its way. Gives where it was going.
    pub(super) fn drop_underway(&mut self, no: i64) -> Option<Arc<str>> {
        let AnswerUnderway { address, bytes } = self.underway.remove(&no)?;
        self.bytes -= bytes;
        let to = self.address(&address);
        to.underway = to.underway.saturating_sub(1);
        Some(address)
    }

    /// Nothing is owed there any more.
    pub(super) fn forget(&mut self, no: i64, address: &str) {
        let to = self.address(address);
        to.waiting.remove(&no);
        if to.is_idle() {
            self.addresses.remove(address);
        }
    }

    /// Answers that are there and not forgotten yet.
    pub(in crate::driver) fn given(&self) -> impl Iterator<Item = i64> {
        self.given.iter().copied()
    }

    /// They are forgotten.
    pub(in crate::driver) fn forgotten(&mut self) {
        self.given.clear();
    }

    fn address(&mut self, address: &str) -> &mut Address {
        if !self.addresses.contains_key(address) {
            self.addresses.insert(Arc::from(address), Address::default());
        }
        self.addresses.get_mut(address).expect("just inserted")
    }
}

/// Answers on their way at once.
const UNDERWAY_MAX: usize = 1024;
/// Bytes of answers on their way at once, but for the last of them.
const BYTES_MAX: usize = 8 * 1024 * 1024;
/// The same for one address, so that one that is slow leaves room for the others.
const ADDRESS_MAX: usize = 256;
/// Answers read from the rows in one go.
const PAGE_MAX: usize = 256;
/// How long an address is left alone after its first failure.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest that it is left alone.
const PAUSE_MAX: Duration = Duration::from_secs(600);

#[cfg(test)]
mod tests;
