//! The HTTP interface: one file for each resource.
//!
//! Whatever changes something is handed to the driver and answered once it is committed. Everything else is read
//! from the database by connections of its own, on threads that may block.

mod answer;
mod app;
mod asked_by;
mod audit;
mod backfill;
mod bulk;
mod config;
mod dead;
mod delayed;
mod documented;
mod dry_run;
mod events;
mod gate;
mod graph;
mod health;
pub(crate) mod http;
mod job;
mod jobs;
mod limit_routes;
mod limits;
mod logs;
mod object;
mod openapi;
mod overview;
mod pages;
mod parameter;
mod path;
mod problem;
mod query;
mod queues;
mod readings;
mod reason;
mod results;
mod route;
mod routes;
mod schedule_resource;
mod schedules;
mod scrape;
mod shape;
mod some_tasks;
mod stream;
mod submit;
mod task;
mod tasks;
mod wish;
mod workers;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{Method, Uri};
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warrener_runtime::config::Setting;
use warrener_runtime::metrics::Metrics;

use self::app::App;
use self::http::{Edge, Server};
use self::problem::Problem;
pub(crate) use self::scrape::Scrape;
use crate::access::Access;
use crate::driver::Packet;
use crate::shared::Shared;
use crate::store::view::View;

/// Longest time that requests may take after the process was told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Parts of the process that the handlers need.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    /// Everything that other parts of the process may look at.
    pub shared: Arc<Shared>,
    /// Readers of the database.
    pub view: Arc<View>,
    /// Way to the driver, for requests that change something.
    pub inputs: mpsc::Sender<Packet>,
    /// Metrics of the process.
    pub metrics: Metrics,
    /// Bounds of the edge: hosts, permits, memory and times.
    pub edge: Arc<Edge>,
    /// Rules of who may do what.
    pub access: Arc<Access>,
    /// Settings of TLS; `None` for HTTP in the clear.
    pub tls: Option<Arc<ServerConfig>>,
    /// Effective configuration, secrets masked.
    pub settings: Arc<[Setting]>,
}

/// Listeners of a process.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// Listener of the HTTP interface.
    pub http: TcpListener,
    /// Listener of those who only want the numbers, if there is one.
    pub scrape: Option<Scrape>,
}

impl From<TcpListener> for Listeners {
    fn from(http: TcpListener) -> Self {
        Self { http, scrape: None }
    }
}

/// Answers requests until told to stop. Returns once the last connection is closed, 5 s later at the latest.
pub(crate) async fn serve(listeners: impl Into<Listeners>, api: Api, stop: CancellationToken) {
    let Listeners { http, scrape } = listeners.into();
    // Connections keep only a weak hold on the driver, so that one that lingers does not keep it from ending.
    let (edge, tls, hold) = (api.edge.clone(), api.tls.clone(), api.inputs.clone());
    let app = Arc::new(App::new(api, openapi::document(routes::ROUTES), stop.clone()));
    let server = Server::new(edge, router(app.clone()), tls, stop.clone(), GRACE).run(http);
    match scrape {
        Some(scrape) => drop(tokio::join!(server, scrape.serve(app, stop))),
        None => server.await,
    }
    drop(hold);
}

/// Router of all paths.
fn router(app: Arc<App>) -> Router {
    routes::router()
        .fallback(|uri: Uri| async move { Problem::no_such_path(uri.path()) })
        .method_not_allowed_fallback(
            |method: Method, uri: Uri| async move { Problem::method(method.as_str(), uri.path()) },
        )
        .layer(axum::middleware::from_fn_with_state(app.clone(), gate::gate))
        // The last word of all: what is refused here has touched nothing.
        .layer(axum::middleware::from_fn_with_state((app.edge.clone(), app.access.clone()), http::guard))
        .layer(axum::middleware::from_fn_with_state(app.clone(), pages::as_page))
        .with_state(app)
}

#[cfg(test)]
mod tests;
