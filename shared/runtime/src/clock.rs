//! The time of day together with a clock that never jumps.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Reads both clocks of this machine. Copies share one monotonic zero: the moment [`Clock::start`] was called.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    zero: Instant,
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
        Self { zero: Instant::now() }
    }

    /// Wall clock in milliseconds since 1970-01-01T00:00:00Z; negative before that.
    pub fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    /// Time since the clock was started.
    pub fn monotonic(&self) -> Duration {
        self.zero.elapsed()
    }

    /// Both at once, so that a jump of the wall clock shows as a difference between the two.
    pub fn read(&self) -> Reading {
        Reading { wall_ms: self.now_ms(), monotonic: self.monotonic() }
    }
}

#[cfg(test)]
mod tests;
