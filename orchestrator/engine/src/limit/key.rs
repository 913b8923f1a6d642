//! A key of a limit, and what it holds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use warrener_shared::id::LimitName;
use warrener_shared::limits::LIMIT_KEY_BYTES;
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::Timestamp;

use super::{Hold, Limit, Rate};

/// A limit and a key of it, written `limit/key`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LimitKey(Arc<str>);

impl LimitKey {
    /// The key of a limit. One that is too long is cut, and told apart by a checksum.
    pub fn new(limit: &LimitName, key: &str) -> Self {
        if key.len() <= LIMIT_KEY_BYTES {
            return Self(format!("{limit}/{key}").into());
        }
        let end = (0..=LIMIT_KEY_BYTES - 20).rev().find(|at| key.is_char_boundary(*at)).unwrap_or(0);
        // FNV-1a: nobody gains anything by a collision but to share a limit with himself.
        let hash = key
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(format!("{limit}/{}…{hash:016x}", &key[..end]).into())
    }

    /// The same from how it is written.
    pub fn written(text: &Arc<str>) -> Self {
        Self(text.clone())
    }

    /// A key of something else than a limit, which no limit can have the name of.
    pub(crate) fn raw(text: &str) -> Self {
        Self(text.into())
    }

    /// The text `limit/key`.
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }

    /// Name of the limit.
    pub fn limit(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(limit, _)| limit)
    }

    /// The key within the limit.
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Settings of one key, in place of those of its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeySettings {
    /// Attempts that may be open at once.
    pub concurrency: Option<u32>,
    /// Cost that may begin in a span of time.
    pub rate: Option<Rate>,
    /// Share among the keys of a queue, from 1.
    pub weight: Option<u32>,
}

/// State of a key: all that it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyState {
    /// Attempts that are open; of a limit that counts jobs, slots that are taken.
    pub running: u32,
    /// Jobs among those that hold a slot and give it up once they have ended.
    pub leaving: u32,
    /// True if more than one task of a job stands in the line of a key of a limit that counts jobs, as after a change
    /// of the limit. Then all that stand there find their places anew.
    pub is_mixed: bool,
    /// Tasks that wait for it, by the number of their queue; none is 0.
    pub waiting: BTreeMap<i64, u32>,
    /// Level of the bucket of the rate; see [`Rate`].
    pub bucket: i64,
    /// Time until which nothing of it goes out.
    pub paused_until: Option<Timestamp>,
    /// Settings of its own.
    pub settings: KeySettings,
}

/// Reason why an attempt cannot go out now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// So many attempts are open, and may be.
    Running(u32, u32),
    /// The rate lets it out at this time.
    Rate(Timestamp),
    /// The key is paused until this time.
    Paused(Timestamp),
}

impl Full {
    /// The time at which it ends by itself; `None` if an attempt has to close.
    pub const fn ends_at(self) -> Option<Timestamp> {
        match self {
            Self::Running(..) => None,
            Self::Rate(at) | Self::Paused(at) => Some(at),
        }
    }
}

impl KeyState {
    /// Attempts of the key that may be open at once; `None` is any number.
    pub fn concurrency(&self, limit: &Limit) -> Option<u32> {
        self.settings.concurrency.or(limit.concurrency)
    }

    /// The rate of the key; `None` is any.
    pub fn rate(&self, limit: &Limit) -> Option<Rate> {
        self.settings.rate.or(limit.rate)
    }

    /// The reason why an attempt of this cost cannot go out now; `None` if it can.
    pub fn full(&self, limit: &Limit, cost: u32, now: Timestamp) -> Option<Full> {
        if let Some(until) = self.paused_until.filter(|until| *until > now && !mutant::is(Mutant::IgnoresPausedKey)) {
            return Some(Full::Paused(until));
        }
        let most = self.concurrency(limit).map(|most| most + u32::from(mutant::is(Mutant::OneOverLimit)));
        if let Some(most) = most.filter(|most| self.running >= *most) {
            return Some(Full::Running(self.running, most));
        }
        self.rate(limit).and_then(|rate| rate.fits_at(self.bucket, cost, now)).map(Full::Rate)
    }

    /// Attempts of this cost that could go out now.
    pub fn room(&self, limit: &Limit, cost: u32, now: Timestamp) -> u32 {
        if self.paused_until.is_some_and(|until| until > now) {
            return 0;
        }
        let open = self.concurrency(limit).map_or(u32::MAX, |most| most.saturating_sub(self.running));
        let rate = self.rate(limit).map_or(u64::MAX, |rate| rate.room(self.bucket, cost, now));
        open.min(u32::try_from(rate).unwrap_or(u32::MAX))
    }

    /// An attempt takes its share.
    pub(crate) fn take(&mut self, hold: &Hold, now: Timestamp) {
        self.running += 1;
        if let Some(rate) = self.rate(&hold.limit).filter(|_| !mutant::is(Mutant::FreeRate)) {
            self.bucket = rate.fill(self.bucket, hold.cost, now);
        }
    }

    /// The cost of an attempt turned out to be another.
    pub(crate) fn settle(&mut self, hold: &Hold, really: u32, now: Timestamp) {
        if let Some(rate) = self.rate(&hold.limit) {
            self.bucket = rate.settle(self.bucket, hold.cost, really, now);
        }
    }

    /// An attempt gives its share back; what its rate cost is spent.
    pub(crate) const fn give_back(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// A task comes to wait in a queue, or waits no more.
    pub fn count_waiting(&mut self, queue: i64, comes: bool) {
        let count = self.waiting.entry(queue).or_default();
        *count = if comes { *count + 1 } else { count.saturating_sub(1) };
        if *count == 0 {
            self.waiting.remove(&queue);
        }
    }

    /// Tells whether nothing would be lost if the key were forgotten.
    pub fn is_idle(&self, now: Timestamp) -> bool {
        let is_empty = self.bucket <= now.0.saturating_mul(1_000_000);
        let is_paused = self.paused_until.is_some_and(|until| until > now);
        self.running == 0
            && self.waiting.is_empty()
            && is_empty
            && !is_paused
            && self.settings == KeySettings::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_stays_one_key() {
        let name = LimitName::new("api").unwrap();
        let (long, other) = ("ä".repeat(300), format!("{}b", "ä".repeat(300)));
        let key = LimitKey::new(&name, &long);
        assert!(key.key().len() <= LIMIT_KEY_BYTES && key == LimitKey::new(&name, &long));
        assert!(key != LimitKey::new(&name, &other));
        assert_eq!((key.limit(), LimitKey::new(&name, "a/b").key()), ("api", "a/b"));
    }
}
