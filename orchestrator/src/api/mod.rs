//! The HTTP interface.

use std::sync::{Arc, Mutex};

use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use warrener_runtime::health::Health;
use warrener_runtime::metrics::Metrics;
use warrener_shared::id::JobNo;
use warrener_shared::limits::Limits;

use crate::driver::{Glance, Packet};
use crate::pulse::Workers;
use crate::store::sqlite::view::View;

/// What the handlers need.
#[derive(Clone, Debug)]
pub struct Api {
    /// A reader of the database.
    pub view: Arc<View>,
    /// Where requests go that change something.
    pub inputs: mpsc::Sender<Packet>,
    /// Readiness of the process.
    pub health: Health,
    /// Metrics of the process.
    pub metrics: Metrics,
    /// The workers that were heard of.
    pub workers: Workers,
    /// What the driver shows of its queues.
    pub glance: Arc<Mutex<Glance>>,
    /// Jobs that became final.
    pub finished: broadcast::Sender<JobNo>,
    /// The limits that apply.
    pub limits: Limits,
}

/// Answers requests until told to stop.
///
/// # Errors
/// If the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, api: Api, stop: CancellationToken) -> std::io::Result<()> {
    let health = api.health.clone();
    let ready = axum::routing::get(move || {
        let health = health.clone();
        async move {
            let report = health.report();
            let status = if report.ready { 200 } else { 503 };
            (axum::http::StatusCode::from_u16(status).expect("a status"), axum::Json(report))
        }
    });
    let app = axum::Router::new().route("/readyz", ready);
    axum::serve(listener, app).with_graceful_shutdown(async move { stop.cancelled().await }).await
}
