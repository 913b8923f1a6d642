//! A router over a real driver and a real database. The broker is played by the test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use warrener_engine::event::Reported;
use warrener_runtime::metrics::Metrics;
use warrener_shared::id::LimitName;
use warrener_shared::limits::Limits;
use warrener_shared::time::Millis;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::Report;
use warrener_shared::wire::topology::Names;

use crate::access::{Access, ProxySettings};
use crate::api::app::App;
use crate::api::http::{Arrival, Edge};
use crate::api::routes::ROUTES;
use crate::api::{Api, openapi, router};
use crate::config::tests::{usual, with_secrets};
use crate::driver::{Driver, Input, Outgoing, Output, Packet};
use crate::limits::LimitDefinition;
use crate::shared::Shared;
use crate::store::Store;
use crate::store::sqlite::Sqlite;
use crate::store::view::View;

/// Longer than anything here takes, so that a test that waits in vain says so.
const PATIENCE: Duration = Duration::from_secs(20);

/// The name of the database.
const FILE: &str = "test.db";

pub(in crate::api) struct World {
    router: axum::Router,
    inputs: mpsc::Sender<Packet>,
    pub(in crate::api) dispatches: mpsc::UnboundedReceiver<Outgoing>,
    pub(in crate::api) shared: Arc<Shared>,
    pub(in crate::api) view: Arc<View>,
    pub(in crate::api) edge: Arc<Edge>,
    pub(in crate::api) stop: CancellationToken,
    broker_works: watch::Sender<bool>,
    folder: Option<tempfile::TempDir>,
}

/// An answer, read.
pub(in crate::api) struct Answer {
    pub(in crate::api) status: StatusCode,
    pub(in crate::api) headers: HeaderMap,
    pub(in crate::api) text: String,
}

impl Answer {
    pub(in crate::api) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(in crate::api) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer of a request that must have gone well.
    pub(in crate::api) fn ok(self) -> Value {
        assert!(self.status.is_success(), "{}: {}", self.status, self.text);
        self.json()
    }

    /// The problem of a request that must not.
    pub(in crate::api) fn problem(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        for field in ["type", "title", "detail", "code"] {
            assert!(problem[field].is_string(), "{field}: {problem}");
        }
        assert_eq!(problem["status"], status);
        problem
    }
}

impl World {
    pub(in crate::api) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&folder.path().join(FILE)).unwrap();
        let view = store.view().unwrap();
        Self { folder: Some(folder), ..Self::over(store, view) }
    }

    /// The same, where callers need one of these tokens.
    pub(in crate::api) fn guarded(tokens: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens.toml");
        std::fs::write(&file, tokens).unwrap();
        let access = Access::new(file.to_str(), usual().http.proxies()).unwrap();
        let store = Sqlite::open(&folder.path().join(FILE)).unwrap();
        let view = store.view().unwrap();
        Self { folder: Some(folder), ..Self::with(access, store, view) }
    }

    /// The same, where a proxy of this network signs people in, and one group of them has scopes.
    pub(in crate::api) fn behind(network: &str, header: &str, group: &str, scopes: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let group_scopes = [(group.to_owned(), scopes.iter().map(|scope| (*scope).to_owned()).collect())].into();
        let trusted = [network.to_owned()];
        let settings = ProxySettings { trusted: &trusted, user_header: Some(header), group_scopes: &group_scopes };
        let access = Access::new(None, settings).unwrap();
        let store = Sqlite::open(&folder.path().join(FILE)).unwrap();
        let view = store.view().unwrap();
        Self { folder: Some(folder), ..Self::with(access, store, view) }
    }

    /// Asks as if the request came from an address.
    pub(in crate::api) async fn send_from(&self, from: &str, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(arrival(from));
        self.send(request).await
    }

    /// Who did what from where, the oldest first.
    pub(in crate::api) fn audit(&self) -> Vec<String> {
        let connection = rusqlite::Connection::open(self.file()).unwrap();
        let statement = "SELECT who || ' ' || source || ' ' || verb || ' ' || target FROM audit ORDER BY no";
        let mut statement = connection.prepare(statement).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// The same over another database.
    pub(in crate::api) fn over(store: impl Store + 'static, view: View) -> Self {
        Self::with(Access::new(None, usual().http.proxies()).unwrap(), store, view)
    }

    fn with(access: Access, store: impl Store + 'static, view: View) -> Self {
        let (mut api, queue) = api_of(view);
        api.access = Arc::new(access);
        let (outputs, output_queue) = mpsc::unbounded_channel();
        let driver = Driver::new(store, api.shared.clone(), Millis::from_secs(3600), queue, outputs).unwrap();
        let runtime = tokio::runtime::Handle::current();
        std::thread::spawn(move || {
            let _entered = runtime.enter();
            driver.run();
        });
        let (tell, dispatches) = mpsc::unbounded_channel();
        let (broker_works, at_work) = watch::channel(true);
        tokio::spawn(broker(output_queue, tell, at_work, api.inputs.downgrade()));
        let stop = CancellationToken::new();
        let (shared, view, edge) = (api.shared.clone(), api.view.clone(), api.edge.clone());
        shared.health.ready("broker");
        let inputs = api.inputs.clone();
        let router = router(Arc::new(App::new(api, openapi::document(ROUTES), stop.clone())));
        Self { router, inputs, dispatches, shared, view, edge, stop, broker_works, folder: None }
    }

    /// Where the database is.
    pub(in crate::api) fn file(&self) -> PathBuf {
        self.folder.as_ref().expect("the database is a file").path().join(FILE)
    }

    /// Leaves something to do with the writer, who is stopped; false once nothing more fits.
    pub(in crate::api) fn leave(&self, input: Input) -> bool {
        self.inputs.try_send(input.into()).is_ok()
    }

    /// Has the broker side take nothing more of what the driver sends out.
    pub(in crate::api) fn stop_broker(&self) {
        self.broker_works.send_replace(false);
    }

    pub(in crate::api) async fn send(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().entry("host").or_insert(HeaderValue::from_static("localhost"));
        let answer = async {
            let response = self.router.clone().oneshot(request).await.unwrap();
            let (parts, body) = response.into_parts();
            let bytes = match parts.headers.get("content-type").is_some_and(|sort| sort == "text/event-stream") {
                // It may have no end; the first piece of it says as much.
                true => body.into_data_stream().next().await.transpose().unwrap().unwrap_or_default(),
                false => axum::body::to_bytes(body, usize::MAX).await.unwrap(),
            };
            Answer { status: parts.status, headers: parts.headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
        };
        tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time")
    }

    /// The body of an answer that may have no end.
    pub(in crate::api) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> BodyDataStream {
        self.open_from("127.0.0.1", path, headers).await
    }

    /// The same, as if the request came from an address.
    pub(in crate::api) async fn open_from(&self, from: &str, path: &str, headers: &[(&str, &str)]) -> BodyDataStream {
        let mut request = Request::get(path).header("host", "localhost").extension(arrival(from));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream", "{}", response.status());
        response.into_body().into_data_stream()
    }

    /// Asks with a token and without a body.
    pub(in crate::api) async fn ask(&self, method: &Method, path: &str, token: &str) -> Answer {
        self.ask_with(method, path, token, Body::empty()).await
    }

    /// Asks with a token.
    pub(in crate::api) async fn ask_with(
        &self,
        method: &Method,
        path: &str,
        token: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(in crate::api) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(in crate::api) async fn put(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::put(path).body(body.into()).unwrap()).await
    }

    pub(in crate::api) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.send(Request::builder().method(Method::POST).uri(path).body(body.into()).unwrap()).await
    }

    /// Submits a job that must be taken, and gives its id.
    pub(in crate::api) async fn submit(&self, job: &str) -> String {
        self.post("/api/v1/jobs", job.to_owned()).await.ok()["id"].as_str().unwrap().to_owned()
    }

    /// The next attempt that goes out.
    pub(in crate::api) async fn dispatch(&mut self) -> Outgoing {
        tokio::time::timeout(PATIENCE, self.dispatches.recv()).await.expect("a dispatch in time").unwrap()
    }

    /// The next attempt that goes out, unless none does for a while.
    pub(in crate::api) async fn dispatch_soon(&mut self) -> Option<Outgoing> {
        tokio::time::timeout(Duration::from_millis(500), self.dispatches.recv()).await.ok().flatten()
    }

    /// A worker reports on an attempt; returns once that is committed.
    pub(in crate::api) async fn report(&self, attempt: &Outgoing, report: Report) {
        let ticket = attempt.message.correlation_id.as_deref().unwrap().parse().unwrap();
        self.input(Input::Report(Reported {
            ticket,
            report,
            worker: Some("w1".into()),
            interrupted: false,
            cost: None,
        }))
        .await;
    }

    pub(in crate::api) async fn succeed(&self, attempt: &Outgoing, output: &str) {
        self.report(attempt, Report::Succeeded { output: output.as_bytes().to_vec() }).await;
    }

    pub(in crate::api) async fn input(&self, input: Input) {
        let (done, committed) = oneshot::channel();
        self.inputs.send(Packet { inputs: vec![input], done: Some(done) }).await.unwrap();
        tokio::time::timeout(PATIENCE, committed).await.expect("a commit in time").unwrap();
    }

    pub(in crate::api) fn hear(&self, queues: &[&str], kinds: &[&str]) {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let heartbeat = Heartbeat {
            worker: "w1".to_owned(),
            version: "1.2.3".to_owned(),
            queues: own(queues),
            kinds: own(kinds),
            slots: 4,
            ..Heartbeat::default()
        };
        self.shared.workers.note(heartbeat, warrener_shared::time::Timestamp(1_800_000_000_000));
    }
}

/// What an API needs, over a new database in this folder; with the writer, and what the driver would be handed.
pub(in crate::api) fn api(folder: &Path) -> (Api, Sqlite, mpsc::Receiver<Packet>) {
    let store = Sqlite::open(&folder.join(FILE)).unwrap();
    let (api, queue) = api_of(store.view().unwrap());
    (api, store, queue)
}

fn api_of(view: View) -> (Api, mpsc::Receiver<Packet>) {
    let (inputs, queue) = mpsc::channel(64);
    let limits = Limits { submit_bytes: 100_000, ..Limits::DEFAULT };
    let api = Api {
        shared: Arc::new(Shared::new(Names::default(), BTreeMap::new(), limits).with_limits(limits_of_the_world())),
        view: Arc::new(view),
        inputs,
        metrics: Metrics::install().unwrap(),
        tls: None,
        access: Arc::new(Access::new(None, usual().http.proxies()).unwrap()),
        edge: Arc::new(Edge::new(&usual().http, 1024)),
        settings: with_secrets().settings().into(),
    };
    (api, queue)
}

/// Takes what the driver sends out, while it works.
async fn broker(
    mut outputs: mpsc::UnboundedReceiver<Output>,
    dispatches: mpsc::UnboundedSender<Outgoing>,
    mut at_work: watch::Receiver<bool>,
    inputs: mpsc::WeakSender<Packet>,
) {
    while at_work.wait_for(|works| *works).await.is_ok() {
        let output = tokio::select! {
            biased;
            _ = at_work.changed() => continue,
            output = outputs.recv() => output,
        };
        match output {
            None => return,
            Some(Output::Publish(list)) => list.into_iter().for_each(|one| {
                dispatches.send(one).ok();
            }),
            Some(Output::Replay(no, _)) => {
                if let Some(inputs) = inputs.upgrade() {
                    inputs.send(Input::Replayed(no).into()).await.ok();
                }
            }
            Some(_) => {}
        }
    }
}

/// A limit `api`, which a job names to be counted by it.
fn limits_of_the_world() -> BTreeMap<LimitName, LimitDefinition> {
    let definition = LimitDefinition { concurrency: Some(1), ..LimitDefinition::default() };
    BTreeMap::from([(LimitName::new("api").unwrap(), definition)])
}

/// A connection from an address.
fn arrival(from: &str) -> Arrival {
    let peer = std::net::SocketAddr::new(from.parse().unwrap(), 1);
    Arrival { local: "127.0.0.1:8080".parse().unwrap(), peer, spare: false }
}
