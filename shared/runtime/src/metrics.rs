//! Numbers for Prometheus: one recorder for the process, rendered on demand.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

/// The recorder of this process. Copies share it.
#[derive(Clone, Debug)]
pub struct Metrics {
    handle: PrometheusHandle,
}

/// The recorder could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("installing the metrics recorder: {0}")]
pub struct MetricsError(#[from] BuildError);

impl Metrics {
    /// Installs the recorder, or gives the one that an earlier call installed.
    ///
    /// # Errors
    /// [`MetricsError`] if another library has installed its own recorder.
    pub fn install() -> Result<Self, MetricsError> {
        static INSTALLED: OnceLock<Metrics> = OnceLock::new();
        if let Some(metrics) = INSTALLED.get() {
            return Ok(metrics.clone());
        }
        // Two first calls at once: the loser's install fails, and by then the winner's handle may be there.
        match builder()?.install_recorder() {
            Ok(handle) => Ok(INSTALLED.get_or_init(|| Self { handle }).clone()),
            Err(error) => INSTALLED.get().cloned().ok_or(MetricsError(error)),
        }
    }

    /// All metrics in the text format of Prometheus.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded samples into their buckets every five seconds until `stop` is cancelled.
    ///
    /// Without it the samples of histograms pile up in memory for as long as nobody scrapes.
    pub async fn keep_up(&self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.handle.run_upkeep();
        }
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
}

/// Samples kept between two folds stay few thousands even at full load.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Bounds of histograms in seconds: from the flush of one commit to the hour of a long task.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

#[cfg(test)]
mod tests;
