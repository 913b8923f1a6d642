//! Results of the benchmark.

use std::time::Duration;

use serde::Serialize;

use super::args::BenchRow;
use super::promise::{self, Promise};

/// A result, beside that of the broker alone where there is one.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Measure {
    pub(super) row: BenchRow,
    pub(super) what: &'static str,
    /// Place on the horizontal axis of its plot; `None` if it is no point of a plot.
    pub(super) at: Option<f64>,
    pub(super) unit: &'static str,
    pub(super) value: f64,
    /// The same of the broker alone.
    pub(super) raw: Option<f64>,
    /// The value as a share of `raw`: the median over rounds, each of which ran both in turn.
    pub(super) ratio: Option<f64>,
    /// The lowest and the highest of the rounds: of their ratios where there are any, otherwise of their values.
    pub(super) spread: Option<[f64; 2]>,
    /// The promise about it; `None` if nothing is promised.
    pub(super) promise: Option<Promise>,
    /// The wish beyond the promise.
    pub(super) want: Option<Promise>,
}

impl Measure {
    pub(super) fn new(row: BenchRow, what: &'static str, unit: &'static str, value: f64) -> Self {
        let (promise, want) = promise::of(row, what).unzip();
        Self { row, what, at: None, unit, value, raw: None, ratio: None, spread: None, promise, want }
    }

    /// The median over rounds.
    pub(super) fn of_rounds(row: BenchRow, what: &'static str, unit: &'static str, values: Vec<f64>) -> Self {
        Self { spread: spread(&values), ..Self::new(row, what, unit, median(values)) }
    }

    /// Both sides, round by round.
    pub(super) fn compared(row: BenchRow, what: &'static str, unit: &'static str, pairs: &[(f64, f64)]) -> Self {
        let side = |of: fn(&(f64, f64)) -> f64| median(pairs.iter().map(of).collect());
        let (value, raw) = (side(|pair| pair.0), side(|pair| pair.1));
        let ratios: Vec<f64> = pairs.iter().map(|pair| pair.0 / pair.1).collect();
        let spread = spread(&ratios);
        Self { raw: Some(raw), ratio: Some(median(ratios)), spread, ..Self::new(row, what, unit, value) }
    }

    /// The same as a point of a plot.
    pub(super) fn at(self, at: f64) -> Self {
        Self { at: Some(at), ..self }
    }

    /// Tells whether a promise or wish about it is kept; true without one.
    pub(super) fn keeps(&self, promise: Option<Promise>) -> bool {
        promise.is_none_or(|promise| promise.is_kept_by(self.ratio.unwrap_or(self.value)))
    }
}

/// The lowest and the highest of several.
fn spread(values: &[f64]) -> Option<[f64; 2]> {
    let least = values.iter().copied().min_by(f64::total_cmp)?;
    let most = values.iter().copied().max_by(f64::total_cmp)?;
    (values.len() > 1).then_some([least, most])
}

/// The middle one.
pub(super) fn median(values: Vec<f64>) -> f64 {
    percentile(values, 50)
}

/// The value that so many percent of all don't exceed; 0 without values.
pub(super) fn percentile(mut values: Vec<f64>, percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = (values.len() * percent / 100).min(values.len().saturating_sub(1));
    values.get(at).copied().unwrap_or(0.0)
}

pub(super) fn milliseconds(spans: &[Duration]) -> Vec<f64> {
    spans.iter().map(|span| span.as_secs_f64() * 1e3).collect()
}

#[cfg(test)]
mod tests;
