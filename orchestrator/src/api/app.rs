//! What all handlers share, and the two ways in which they learn something: from the database, and from the driver.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use warrener_runtime::metrics::Metrics;

use super::Api;
use super::http::Edge;
use super::problem::Problem;
use crate::access::{Access, Caller};
use crate::driver::{Answer, Asker, Command, Input, Packet, Requester};
use crate::shared::Shared;
use crate::store::view::{Snapshot, View};

/// Reads at once. More would only wait for the same disk and the same two or three processors.
const READERS: usize = 8;
/// Bodies that are parsed at once, beside the reads: neither waits for the other.
const PARSERS: usize = 4;
/// How long the driver may take for a commit before a request gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub(super) struct App {
    pub shared: Arc<Shared>,
    pub view: Arc<View>,
    pub metrics: Metrics,
    pub stop: CancellationToken,
    pub edge: Arc<Edge>,
    pub access: Arc<Access>,
    /// Document of the API.
    pub document: Vec<u8>,
    inputs: mpsc::WeakSender<Packet>,
    readers: Arc<Semaphore>,
    parsers: Arc<Semaphore>,
}

impl App {
    pub(super) fn new(api: Api, document: Vec<u8>, stop: CancellationToken) -> Self {
        Self {
            shared: api.shared,
            view: api.view,
            metrics: api.metrics,
            stop,
            edge: api.edge,
            access: api.access,
            document,
            inputs: api.inputs.downgrade(),
            readers: Arc::new(Semaphore::new(READERS)),
            parsers: Arc::new(Semaphore::new(PARSERS)),
        }
    }

    /// Does something on a thread that may block, once there is a permit.
    async fn block<T: Send + 'static>(
        self: &Arc<Self>,
        permits: &Arc<Semaphore>,
        work: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let permit = permits.clone().acquire_owned().await.expect("nobody closes the semaphore");
        let app = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&app)
        });
        task.await.unwrap_or_else(|error| Err(Problem::internal(error)))
    }

    /// Parses what a client sent; a large document takes a while.
    pub(super) async fn parse<T: Send + 'static>(
        self: &Arc<Self>,
        parse: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.block(&self.parsers, parse).await
    }

    /// Reads the database, all of it as it is at one moment.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Self, &mut Snapshot<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.block(&self.readers, move |app| app.view.read(|snapshot| look(app, snapshot))).await
    }

    /// Answers with what is read.
    pub(super) async fn answer<T: Serialize>(
        self: &Arc<Self>,
        look: impl FnOnce(&Self, &mut Snapshot<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let body = self.read(move |app, snapshot| Ok(to_json(&look(app, snapshot)?))).await?;
        Ok(respond(StatusCode::OK, body))
    }

    /// Has the driver do something, and waits until it is committed.
    pub(super) async fn ask(&self, input: impl FnOnce(oneshot::Sender<Answer>) -> Input) -> Result<Answer, Problem> {
        self.check_store()?;
        let inputs = self.inputs.upgrade().ok_or_else(|| Problem::unavailable("the orchestrator is stopping"))?;
        let (tell, answer) = oneshot::channel();
        let asked = async {
            inputs.send(Packet::from(input(tell))).await.ok()?;
            drop(inputs);
            answer.await.ok()
        };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Problem::unavailable(
                "the store could not be written; look whether it was changed before you ask again",
            )),
            Err(_) => Err(Problem::unavailable("the store is slow; whether anything was changed is not known yet")),
        }
    }

    /// Has the driver carry out a command of this caller.
    pub(super) async fn command(&self, caller: &Caller, command: Command) -> Result<Answer, Problem> {
        let by = Some(Arc::new(requester(caller)));
        self.ask(|tell| Input::Command(command, Asker { answer: Some(tell), by })).await
    }

    fn check_store(&self) -> Result<(), Problem> {
        let report = self.shared.health.report();
        let store = report.checks.into_iter().find(|check| check.name == "store" && !check.ready);
        match store {
            Some(check) => Err(Problem::unavailable(check.reason.unwrap_or_default())),
            None => Ok(()),
        }
    }
}

/// The caller as the driver knows it.
pub(super) fn requester(caller: &Caller) -> Requester {
    Requester { who: caller.name(), from: caller.from.map(|from| from.to_string()), only: caller.only.clone() }
}

/// A resource as bytes.
pub(super) fn to_json<T: Serialize>(resource: &T) -> Vec<u8> {
    serde_json::to_vec(resource).expect("resources have text keys only")
}

/// An answer with a JSON body.
pub(super) fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
