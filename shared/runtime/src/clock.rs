//! The time of day together with a clock that never jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads the two clocks of this machine, or two that are moved by hand. Copies share one monotonic zero: the moment
/// the first was made.
#[derive(Clone, Debug)]
pub struct Clock {
    source: ClockSource,
}

#[derive(Clone, Debug)]
enum ClockSource {
    Machine(Instant),
    Hand(Arc<Hand>),
}

/// Both clocks, read together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Wall clock: milliseconds since 1970-01-01T00:00:00Z. May jump in either direction.
    pub wall_ms: i64,
    /// Time since the clock was started. Never goes back, and does not follow a jump of the wall clock.
    pub monotonic: Duration,
}

impl Clock {
    /// A clock whose monotonic time starts now.
    pub fn start() -> Self {
        Self { source: ClockSource::Machine(Instant::now()) }
    }

    /// A clock that stands still until the hand moves it.
    pub fn by_hand(hand: Arc<Hand>) -> Self {
        Self { source: ClockSource::Hand(hand) }
    }

    /// Wall clock in milliseconds since 1970-01-01T00:00:00Z; negative before that.
    pub fn now_ms(&self) -> i64 {
        if let ClockSource::Hand(hand) = &self.source {
            return hand.wall_ms.load(Ordering::Relaxed);
        }
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    /// Time since the clock was started.
    pub fn monotonic(&self) -> Duration {
        match &self.source {
            ClockSource::Machine(zero) => zero.elapsed(),
            ClockSource::Hand(hand) => Duration::from_millis(hand.monotonic_ms.load(Ordering::Relaxed)),
        }
    }

    /// Identity of the machine's latest start, and the time since then, which no clock setting changes and which goes
    /// on while no process runs. `None` where the system does not tell.
    pub fn since_boot(&self) -> Option<(i64, Duration)> {
        if let ClockSource::Hand(_) = &self.source {
            return Some((0, self.monotonic()));
        }
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let id = u64::from_str_radix(id.replace('-', "").get(..16)?, 16).ok()?;
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds = uptime.split_whitespace().next()?.parse().ok()?;
        Some((id.cast_signed(), Duration::try_from_secs_f64(seconds).ok()?))
    }

    /// Both at once, so that a jump of the wall clock shows as a difference between the two.
    pub fn read(&self) -> Reading {
        Reading { wall_ms: self.now_ms(), monotonic: self.monotonic() }
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::start()
    }
}

/// Moves the clocks made from it, for whoever plays through hours in a moment.
#[derive(Debug, Default)]
pub struct Hand {
    wall_ms: AtomicI64,
    monotonic_ms: AtomicU64,
}

impl Hand {
    /// Lets so many milliseconds pass on both clocks.
    pub fn pass(&self, ms: u64) {
        self.monotonic_ms.fetch_add(ms, Ordering::Relaxed);
        self.jump(i64::try_from(ms).unwrap_or(i64::MAX));
    }

    /// Sets the wall clock forward by so many milliseconds, or back.
    pub fn jump(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
