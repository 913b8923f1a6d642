//! Liveness, readiness and metrics of the process.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::gauge;
use serde::Serialize;
use utoipa::ToSchema;
use warrener_runtime::health::{HealthCheck, HealthReport};
use warrener_shared::state::JobState;

use super::app::App;
use super::documented::Example;
use super::problem::Problem;
use super::queues::{self, QueueState};

/// `GET /livez`: the process answers, so it lives. Looks at nothing.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// Readiness of the process, and the reason if it is not ready.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// True if every check holds.
    pub(super) ready: bool,
    /// Checks by name.
    pub(super) checks: Vec<ReadinessCheck>,
    /// Sentences on what a person should look at although the process is ready.
    pub(super) notes: Vec<String>,
}

/// Check of readiness.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadinessCheck {
    /// Name of the check, such as `store` or `broker`.
    pub(super) name: &'static str,
    /// True if the check holds.
    pub(super) ready: bool,
    /// Reason why it does not hold.
    pub(super) reason: Option<String>,
}

impl Example for Readiness {
    fn example() -> Self {
        let check = |name| ReadinessCheck { name, ready: true, reason: None };
        Self { ready: true, checks: vec![check("broker"), check("store")], notes: Vec::new() }
    }
}

impl From<HealthReport> for Readiness {
    fn from(report: HealthReport) -> Self {
        let check = |HealthCheck { name, ready, reason }: HealthCheck| ReadinessCheck { name, ready, reason };
        Self { ready: report.ready, checks: report.checks.into_iter().map(check).collect(), notes: report.notes }
    }
}

/// `GET /readyz`: 200 if every check holds, else 503 with the reasons.
pub(super) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<Readiness>) {
    let report = app.shared.health.report();
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report.into()))
}

/// `GET /metrics`: numbers of the process and of the database, in the text format of Prometheus.
pub(super) async fn metrics(State(app): State<Arc<App>>) -> Response {
    // Numbers of the process are worth having even if those of the database cannot be read.
    if let Err(problem) = app.read(gather).await {
        tracing::warn!(?problem, "the numbers of the database could not be read");
    }
    for check in app.shared.health.report().checks {
        gauge!("warrener_ready", "check" => check.name).set(f64::from(u8::from(check.ready)));
    }
    gauge!("warrener_workers")
        .set(app.shared.workers.all().iter().filter(|worker| app.shared.workers.is_live(worker)).count() as f64);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], app.metrics.render()).into_response()
}

/// Reads the numbers of the database. Looks at indexes only, because it is done every few seconds.
fn gather(app: &App, snapshot: &mut crate::store::view::Snapshot<'_>) -> Result<(), Problem> {
    let counts = snapshot.open_jobs()?;
    for state in JobState::ALL.iter().filter(|state| !state.is_final()) {
        let count = counts.iter().find(|(counted, _)| counted == state).map_or(0, |(_, count)| *count);
        gauge!("warrener_jobs", "state" => state.as_str()).set(count as f64);
    }
    gauge!("warrener_dead_letters").set(snapshot.dead_count()? as f64);
    let now = app.shared.now();
    for queue in queues::read(app, snapshot)? {
        let QueueState { row, ready, oldest_ready_at, workers, dispatched } = queue;
        let name = row.name.to_string();
        let age = oldest_ready_at.map_or(0, |at| now.since(at).0);
        gauge!("warrener_queue_ready", "queue" => name.clone()).set(ready as f64);
        gauge!("warrener_queue_oldest_ready_seconds", "queue" => name.clone()).set(age as f64 / 1000.0);
        gauge!("warrener_queue_dispatched", "queue" => name.clone()).set(dispatched as f64);
        gauge!("warrener_queue_paused", "queue" => name.clone()).set(f64::from(u8::from(row.paused)));
        gauge!("warrener_queue_workers", "queue" => name).set(workers as f64);
    }
    Ok(())
}
