//! `metrics.listen`: an address of its own for the numbers of the process, where nobody is asked for a token.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::GRACE;
use super::app::App;
use super::health;
use super::http::{Edge, Server};
use super::problem::{self, Problem};
use crate::config::Http;

/// Most connections of those who only want the numbers: beyond it the one that rests longest is ended.
const CONNECTIONS: usize = 16;
/// Longest wait for the turn of others who want the same.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listener for those who only want the numbers, with bounds of its own.
#[derive(Debug)]
pub(crate) struct Scrape {
    listener: TcpListener,
    edge: Arc<Edge>,
}

impl Scrape {
    /// Listener with the times of the HTTP interface.
    pub(crate) fn new(listener: TcpListener, http: &Http, descriptors: usize) -> Self {
        let http = Http { max_connections: CONNECTIONS, ..http.clone() };
        Self { listener, edge: Arc::new(Edge::new(&http, descriptors)) }
    }

    /// Answers until told to stop. Whatever `Host` is named: numbers are read, and nothing is changed.
    pub(super) async fn serve(self, app: Arc<App>, stop: CancellationToken) {
        // One at a time: whoever asks often has no more of the database than whoever asks once.
        let turn = Arc::new(Semaphore::new(1));
        let router = Router::new().route("/metrics", get(numbers)).with_state((app, turn));
        Server::new(self.edge, router, None, stop, GRACE).run(self.listener).await;
    }
}

async fn numbers(State((app, turn)): State<(Arc<App>, Arc<Semaphore>)>) -> Response {
    match tokio::time::timeout(PATIENCE, turn.acquire()).await {
        Ok(_turn) => health::metrics(State(app)).await,
        Err(_) => Problem::busy(problem::TOO_MANY_READS, "others read the same; try again in a moment").into_response(),
    }
}
