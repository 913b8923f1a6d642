//! The rules of trying a task again: the number of tries, and the delays.

use crate::time::Millis;

/// Growth of the delay from one retry to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// At once.
    None,
    /// Always `delay`.
    Fixed,
    /// `delay`, 2 × `delay`, 3 × `delay` …
    Linear,
    /// `delay`, `delay` × `factor`, `delay` × `factor`² …
    Exponential,
}

/// The resolved retry policy of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Number of attempts that may fail, time out or be lost, the first included; at least 1. Defaults to 5.
    pub max_attempts: u32,
    /// Defaults to exponential.
    pub backoff: Backoff,
    /// Delay before the first retry. Defaults to 1 s.
    pub delay: Millis,
    /// Upper bound of any delay. Defaults to 10 min.
    pub max_delay: Millis,
    /// Growth of the exponential back-off, at least 1. Defaults to 2.
    pub factor: f64,
    /// True if the delay is drawn from 50–100 % of itself. Defaults to true.
    pub jitter: bool,
    /// Error codes that are retried; `None` means all.
    pub only_on: Option<Vec<String>>,
    /// Error codes that are not retried; wins over `only_on`.
    pub not_on: Vec<String>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            backoff: Backoff::Exponential,
            delay: Millis::from_secs(1),
            max_delay: Millis::from_secs(600),
            factor: 2.0,
            jitter: true,
            only_on: None,
            not_on: Vec::new(),
        }
    }
}

impl RetryPolicy {
    /// Tells whether an error with this code may be retried at all.
    pub fn allows(&self, code: &str) -> bool {
        let wanted = self.only_on.as_ref().is_none_or(|codes| codes.iter().any(|c| c == code));
        wanted && !self.not_on.iter().any(|c| c == code)
    }

    /// The delay before retry number `retry` (from 1).
    ///
    /// `dice` is a uniform random number in `0..=u32::MAX`, drawn by the caller so that a decision can be
    /// repeated exactly.
    pub fn delay_before(&self, retry: u32, dice: u32) -> Millis {
        let delay = self.delay.0 as f64;
        let steps = f64::from(retry.max(1));
        let full = match self.backoff {
            Backoff::None => 0.0,
            Backoff::Fixed => delay,
            Backoff::Linear => delay * steps,
            Backoff::Exponential => delay * self.factor.powf(steps - 1.0),
        };
        let capped = full.min(self.max_delay.0 as f64);
        let share = if self.jitter { 0.5 + 0.5 * (f64::from(dice) / f64::from(u32::MAX)) } else { 1.0 };
        Millis((capped * share).round() as u64)
    }
}
