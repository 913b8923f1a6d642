//! The arithmetic of a rate: a bucket that leaks, kept as the time at which it will be empty.

use warrener_shared::time::Timestamp;

/// So much cost in a span of time, with a burst. The level of a bucket is kept as the time at which it is empty again,
/// in nanoseconds since 1970 (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Cost that leaks out in one period, at least 1.
    pub count: u64,
    /// Length of the period in nanoseconds, at least 1.
    pub period_ns: u64,
    /// Cost that the bucket holds, at least 1.
    pub burst: u64,
}

const NS_PER_MS: i64 = 1_000_000;

impl Rate {
    /// Time that so much cost takes to leak out, in nanoseconds.
    fn span(&self, cost: u64) -> i64 {
        let span = (u128::from(cost) * u128::from(self.period_ns)).div_ceil(u128::from(self.count.max(1)));
        i64::try_from(span).unwrap_or(i64::MAX / 4).min(i64::MAX / 4)
    }

    /// A cost above the burst counts as the burst: it goes through an empty bucket, and fills it.
    fn counted(&self, cost: u32) -> u64 {
        u64::from(cost).min(self.burst)
    }

    /// The first time at which a cost fits into a bucket; `None` if it fits now.
    pub fn fits_at(&self, bucket: i64, cost: u32, now: Timestamp) -> Option<Timestamp> {
        let empty = bucket.max(ns(now)).saturating_add(self.span(self.counted(cost)));
        let over = empty.saturating_sub(ns(now)).saturating_sub(self.span(self.burst));
        // Rounded up: a millisecond early would be too early.
        (over > 0).then(|| Timestamp(now.0.saturating_add(over.saturating_add(NS_PER_MS - 1) / NS_PER_MS)))
    }

    /// The bucket with a cost in it.
    pub fn fill(&self, bucket: i64, cost: u32, now: Timestamp) -> i64 {
        bucket.max(ns(now)).saturating_add(self.span(self.counted(cost)))
    }

    /// The bucket once a cost turned out to be another: at least empty, and at most a burst beyond full.
    pub fn settle(&self, bucket: i64, said: u32, really: u32, now: Timestamp) -> i64 {
        let (said, really) = (self.span(self.counted(said)), self.span(u64::from(really)));
        let most = ns(now).saturating_add(self.span(self.burst.saturating_mul(2)));
        bucket.max(ns(now)).saturating_add(really - said).clamp(ns(now), most)
    }

    /// Cost that is in the bucket.
    pub fn used(&self, bucket: i64, now: Timestamp) -> u64 {
        let level = u128::try_from(bucket.saturating_sub(ns(now))).unwrap_or(0);
        let used = (level * u128::from(self.count)).div_ceil(u128::from(self.period_ns.max(1)));
        u64::try_from(used).unwrap_or(u64::MAX)
    }

    /// Attempts of a cost that fit now.
    pub(super) fn room(&self, bucket: i64, cost: u32, now: Timestamp) -> u64 {
        let left = self.burst.saturating_sub(self.used(bucket, now));
        if cost == 0 { u64::MAX } else { left / self.counted(cost).max(1) }
    }
}

const fn ns(time: Timestamp) -> i64 {
    time.0.saturating_mul(NS_PER_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    const fn rate(count: u64, burst: u64) -> Rate {
        Rate { count, period_ns: 1_000_000_000, burst }
    }

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let (rate, mut bucket, mut now, mut times) = (rate(4, 2), 0, NOW, Vec::new());
        for _ in 0..5 {
            now = rate.fits_at(bucket, 1, now).unwrap_or(now);
            assert_eq!(rate.fits_at(bucket, 1, now), None);
            bucket = rate.fill(bucket, 1, now);
            times.push(now.0 - NOW.0);
        }
        assert_eq!(times, [0, 0, 250, 500, 750]);
        assert_eq!((rate.used(bucket, now), rate.used(bucket, Timestamp(now.0 + 10_000))), (2, 0));
    }

    #[test]
    fn what_costs_more_than_the_burst_waits_for_an_empty_bucket() {
        let rate = rate(10, 5);
        assert_eq!(rate.fits_at(0, 1_000_000_000, NOW), None);
        let full = rate.fill(0, 1_000_000_000, NOW);
        assert_eq!(rate.fits_at(full, 1_000_000_000, NOW), Some(Timestamp(NOW.0 + 500)));
        assert_eq!(rate.fits_at(full, 0, NOW), None);
    }

    #[test]
    fn a_debt_is_at_most_a_burst() {
        let rate = rate(10, 5);
        let bucket = rate.settle(rate.fill(0, 1, NOW), 1, 1_000_000, NOW);
        assert_eq!(rate.used(bucket, NOW), 10);
        assert_eq!(rate.used(rate.settle(bucket, 5, 0, NOW), NOW), 5);
        assert_eq!(rate.used(rate.settle(rate.fill(0, 3, NOW), 3, 1, NOW), NOW), 1);
    }

    #[test]
    fn no_number_overflows() {
        let slow = Rate { count: 1, period_ns: 86_400_000_000_000, burst: u64::MAX };
        let bucket = slow.fill(slow.fill(i64::MAX, u32::MAX, NOW), u32::MAX, NOW);
        assert!(slow.fits_at(bucket, u32::MAX, NOW).is_some());
        assert!(slow.settle(bucket, 0, u32::MAX, NOW) > 0);
        assert_eq!(slow.room(0, 0, NOW), u64::MAX);
    }
}
