//! State that all handlers share, and the two ways in which they learn something: from the database and from the
//! driver.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use warrener_runtime::config::Setting;
use warrener_runtime::metrics::Metrics;

use super::Api;
use super::http::Edge;
use super::problem::Problem;
use super::readings::Readings;
use super::stream::EventHub;
use crate::access::{Access, Caller};
use crate::driver::{Answer, Asker, Command, Input, Packet, Requester};
use crate::shared::Shared;
use crate::store::StoreError;
use crate::store::view::{Snapshot, View};

/// Most reads at once. More would only wait for the same disk and the same two or three processors.
const READERS: usize = 8;
/// Reads at once for streams of which the hub has left the place behind.
const STREAM_READERS: usize = 2;
/// Most bodies that are parsed at once, beside the reads: neither waits for the other.
const PARSERS: usize = 4;
/// Longest time that a request waits for the driver's commit before it gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// State that all handlers share.
#[derive(Debug)]
pub(super) struct App {
    /// Everything that other parts of the process may look at.
    pub shared: Arc<Shared>,
    /// Readers of the database.
    pub view: Arc<View>,
    /// Metrics of the process.
    pub metrics: Metrics,
    /// Token that is cancelled when the process is to stop.
    pub stop: CancellationToken,
    /// Bounds of the edge, and what is left of each.
    pub edge: Arc<Edge>,
    /// Rules of who may do what.
    pub access: Arc<Access>,
    /// True if connections are secret.
    pub is_tls: bool,
    /// Document of the API, as it is served.
    pub document: Vec<u8>,
    /// Effective configuration, secrets masked.
    pub settings: Arc<[Setting]>,
    /// The latest events, for those who follow them.
    pub hub: EventHub,
    /// Readings of the last moment.
    pub readings: Readings,
    /// Way to the driver. Weak, so that a request that lingers does not keep the driver from ending.
    inputs: mpsc::WeakSender<Packet>,
    /// Permits to read, [`READERS`] of them.
    readers: Arc<Semaphore>,
    /// Permits to parse, [`PARSERS`] of them.
    parsers: Arc<Semaphore>,
    stream_readers: Arc<Semaphore>,
    hub_reader: Arc<Semaphore>,
}

impl App {
    /// State for a process that has just begun to answer.
    pub(super) fn new(api: Api, document: Vec<u8>, stop: CancellationToken) -> Self {
        Self {
            shared: api.shared,
            view: api.view,
            metrics: api.metrics,
            stop,
            edge: api.edge,
            access: api.access,
            is_tls: api.tls.is_some(),
            document,
            settings: api.settings,
            hub: EventHub::default(),
            readings: Readings::default(),
            inputs: api.inputs.downgrade(),
            readers: Arc::new(Semaphore::new(READERS)),
            parsers: Arc::new(Semaphore::new(PARSERS)),
            stream_readers: Arc::new(Semaphore::new(STREAM_READERS)),
            hub_reader: Arc::new(Semaphore::new(1)),
        }
    }

    /// Does something on a thread that may block, once there is a permit. A panic is a fault of ours.
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

    /// Parses a client's document, on a thread that may block, since a large one takes a while.
    pub(super) async fn parse<T: Send + 'static>(
        self: &Arc<Self>,
        parse: impl FnOnce(&Self) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.block(&self.parsers, parse).await
    }

    /// Reads the database, all of it as it is at one moment. Only committed rows are seen.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Self, &mut Snapshot<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.block(&self.readers, move |app| app.view.read(|snapshot| look(app, snapshot))).await
    }

    /// Reads the database for a stream: those that lag behind wait for each other, and nobody waits for them.
    pub(super) async fn read_for_stream<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&Self, &mut Snapshot<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        self.block(&self.stream_readers, move |app| app.view.read(|snapshot| look(app, snapshot))).await
    }

    /// Reads the database for the hub of all streams, which waits for none of them.
    pub(super) async fn read_for_hub<T: Send + 'static>(
        self: &Arc<Self>,
        look: impl FnOnce(&mut Snapshot<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.block(&self.hub_reader, move |app| app.view.read(|snapshot| look(snapshot)).map_err(Problem::from)).await
    }

    /// Answers 200 with the resource that is read.
    pub(super) async fn answer<T: Serialize>(
        self: &Arc<Self>,
        look: impl FnOnce(&Self, &mut Snapshot<'_>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<Response, Problem> {
        let body = self.read(move |app, snapshot| Ok(to_json(&look(app, snapshot)?))).await?;
        Ok(respond(StatusCode::OK, body))
    }

    /// Has the driver do something, and waits until it is committed, at most [`PATIENCE`].
    ///
    /// # Errors
    /// 503 if the store cannot be written, or the wait was too long; then it is not known whether anything was changed.
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

    /// Has the driver carry out a command in the name of this caller.
    pub(super) async fn command(&self, caller: &Caller, command: Command) -> Result<Answer, Problem> {
        let by = Some(Arc::new(requester(caller)));
        self.ask(|tell| Input::Command(command, Asker { answer: Some(tell), by })).await
    }

    /// Refuses at once while the store cannot be written.
    fn check_store(&self) -> Result<(), Problem> {
        self.check("store")
    }

    /// Refuses at once while nothing can be sent to the broker.
    pub(super) fn check_broker(&self) -> Result<(), Problem> {
        self.check("broker")
    }

    /// Refuses at once while this part of the process is not ready.
    fn check(&self, part: &str) -> Result<(), Problem> {
        let report = self.shared.health.report();
        let found = report.checks.into_iter().find(|check| check.name == part && !check.ready);
        match found {
            Some(check) => Err(Problem::unavailable(check.reason.unwrap_or_default())),
            None => Ok(()),
        }
    }
}

/// Caller as the driver knows it: name, address, and the filter of the jobs that exist for it.
pub(super) fn requester(caller: &Caller) -> Requester {
    Requester { who: caller.name(), from: caller.from.map(|from| from.to_string()), only: caller.only.clone() }
}

/// Resource as bytes of JSON.
pub(super) fn to_json<T: Serialize>(resource: &T) -> Vec<u8> {
    serde_json::to_vec(resource).expect("resources have text keys only")
}

/// Response with a JSON body.
pub(super) fn respond(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
