//! The wait before the next session.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// Waits between attempts to reach the broker: from 0.25 s doubling to 15 s, each drawn from the upper half,
/// so that the processes of a fleet don't come back in step.
#[derive(Clone, Debug)]
pub struct Backoff {
    step: Duration,
    longest: Duration,
}

impl Backoff {
    /// Begins with the shortest wait.
    pub fn new() -> Self {
        Self::at_most(LONGEST)
    }

    /// The same with another longest wait.
    pub fn at_most(longest: Duration) -> Self {
        Self { step: FIRST.min(longest), longest }
    }

    /// The next wait: 50 to 100 % of the current step, which then doubles.
    #[expect(clippy::should_implement_trait, reason = "endless, and nobody wants to iterate over waits")]
    pub fn next(&mut self) -> Duration {
        let step = self.step;
        self.step = (step * 2).min(self.longest);
        step.mul_f64(0.5 + random_fraction() / 2.0)
    }

    /// Begins anew, once a session has proved useful.
    pub fn reset(&mut self) {
        self.step = FIRST.min(self.longest);
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// A random number from 0 to 1. The standard library seeds each hasher at random; waits need no better source.
fn random_fraction() -> f64 {
    let bits = RandomState::new().hash_one(0_u8);
    f64::from(u32::try_from(bits >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

/// A broker that restarts is often back within a second.
const FIRST: Duration = Duration::from_millis(250);
/// A broker that comes back after hours is noticed within this time.
const LONGEST: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
