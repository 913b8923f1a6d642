//! A worker as a program makes one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;
use warrener_runtime::config::{Binary, ConfigErrors, Loader};
use warrener_runtime::descriptors;
use warrener_runtime::shutdown::Shutdown;
use warrener_runtime::spans::{Spans, SpansError};
use warrener_runtime::telemetry::{self, TelemetryError};

use crate::config::{KindService, Settings};
use crate::driver::Driver;
use crate::exec::{self, Endpoint, EndpointClient, Group, Handler, Program};
use crate::registry::Registry;
use crate::{Context, Failure, Trial, demo};

/// Serves kinds of work from queues until it is asked to end.
///
/// ```no_run
/// use serde::{Deserialize, Serialize};
/// use warrener_worker::{Failure, Worker, WorkerError};
///
/// #[derive(Deserialize)]
/// struct Resize { url: String, width: u32 }
/// #[derive(Serialize)]
/// struct Resized { bytes: usize }
///
/// #[tokio::main]
/// async fn main() -> Result<(), WorkerError> {
///     Worker::from_env()
///         .handle("resize", |_ctx, input: Resize| async move {
///             let bytes = std::fs::read(&input.url)?.len() * input.width as usize;
///             Ok::<_, Failure>(Resized { bytes })
///         })
///         .run()
///         .await
/// }
/// ```
#[must_use = "a worker does nothing until it is run"]
pub struct Worker {
    settings: Result<Settings, WorkerError>,
    registry: Registry,
    twice: Vec<String>,
}

/// Reasons why a worker can't start.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// Two handlers serve one kind.
    #[error(
        "registering handlers: {}: served twice (the demo kinds and those of the configuration count too)",
        .0.join(", ")
    )]
    Twice(Vec<String>),
    /// No handler serves any kind.
    #[error(
        "registering handlers: there are none: add a [kinds.…] section, `handle(…)` in code, or worker.demo = true"
    )]
    NoKinds,
    /// The HTTP client can't be set up.
    #[error("setting up the HTTP client: {0}")]
    Http(#[source] reqwest::Error),
    /// Logs can't be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Spans can't be sent.
    #[error(transparent)]
    Spans(#[from] SpansError),
    /// The process can't listen for signals.
    #[error("listening for signals: {0}")]
    Signals(#[source] io::Error),
}

impl Worker {
    /// A worker configured by `warrener.toml` in the working directory, if it is there, and by the environment.
    /// What is wrong with them is told by [`Worker::run`].
    pub fn from_env() -> Self {
        Self::load(Loader::new(Binary::Worker))
    }

    /// A worker configured by what the loader finds. What is wrong with it is told by [`Worker::run`].
    pub fn load(loader: Loader) -> Self {
        Self::of(Settings::load(loader).map(|loaded| loaded.value).map_err(WorkerError::from))
    }

    /// A worker with this configuration.
    pub fn new(settings: Settings) -> Self {
        Self::of(settings.check().map(|()| settings).map_err(WorkerError::from))
    }

    /// A worker for tests, which reads no configuration: add its handlers, then [`attempt`](Self::attempt) them.
    pub fn test() -> Self {
        Self::load(Loader::new(Binary::Worker).environment([]).directory(NOWHERE))
    }

    /// Prepares an attempt at a task of this kind, to be made here and now, without a broker.
    pub fn attempt(&self, kind: &str, input: &impl Serialize) -> Trial {
        Trial::new(self.registry.get(kind), kind, input)
    }

    fn of(settings: Result<Settings, WorkerError>) -> Self {
        Self { settings, registry: Registry::default(), twice: Vec::new() }
    }

    /// Serves a kind by code. The input is anything that serde reads from JSON (what it can't read fails for good,
    /// code `bad_input`), the output anything that it can write.
    ///
    /// A panic fails the attempt with the code `panicked`. Code that blocks its thread belongs in
    /// [`tokio::task::spawn_blocking`]: nothing can stop it elsewhere, not even its time limit.
    pub fn handle<I, O, F, Fut>(self, kind: impl Into<String>, handler: F) -> Self
    where
        I: DeserializeOwned + Send + 'static,
        O: Serialize,
        F: Fn(Context, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, Failure>> + Send + 'static,
    {
        self.add(kind.into(), Handler::typed(handler))
    }

    /// Serves a kind by code that reads and writes the JSON bytes itself.
    pub fn handle_bytes<F, Fut>(self, kind: impl Into<String>, handler: F) -> Self
    where
        F: Fn(Context, Vec<u8>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, Failure>> + Send + 'static,
    {
        self.add(kind.into(), Handler::bytes(handler))
    }

    fn add(mut self, kind: String, handler: Handler) -> Self {
        self.twice.extend(self.registry.add(kind, handler).err());
        self
    }

    /// Sets up logs unless the program has, raises the limit of open files, and works until SIGTERM or SIGINT; then
    /// takes no more and finishes what it holds within `worker.drain`. A second signal ends the process at once.
    ///
    /// # Errors
    /// [`WorkerError`] if it can't start. A broker that is away is no error: it is tried for ever.
    pub async fn run(self) -> Result<(), WorkerError> {
        if let Ok(settings) = &self.settings
            && let Err(error) = telemetry::init(settings.log.format, &settings.log.level)
            && !matches!(error, TelemetryError::Taken(_))
        {
            return Err(error.into());
        }
        descriptors::raise_limit();
        let shutdown = Shutdown::on_signals().map_err(WorkerError::Signals)?;
        shutdown.before_ending_at_once(Group::kill_all);
        self.run_until(shutdown.token()).await
    }

    /// Works until the token is cancelled, then drains. For a worker that is part of a larger process.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub async fn run_until(self, shutdown: CancellationToken) -> Result<(), WorkerError> {
        let (settings, registry) = self.ready()?;
        warn_of_few_descriptors(&settings);
        let id = uuid::Uuid::now_v7().to_string();
        let spans = Spans::start(&settings.telemetry, "warrener-worker", &id)?;
        Driver::new(id, settings, registry, spans.clone()).run(shutdown).await;
        if let Some(spans) = spans {
            spans.flush(LAST_SPANS).await;
        }
        Ok(())
    }

    /// Checks whether the worker could start, without starting it; the broker is not asked.
    ///
    /// # Errors
    /// As [`Worker::run`].
    pub fn check(self) -> Result<(), WorkerError> {
        self.ready().map(|_| ())
    }

    fn ready(self) -> Result<(Settings, Registry), WorkerError> {
        let (settings, mut registry, mut twice) = (self.settings?, self.registry, self.twice);
        for (kind, handler) in configured(&settings)? {
            twice.extend(registry.add(kind, handler).err());
        }
        if !twice.is_empty() {
            return Err(WorkerError::Twice(twice));
        }
        if registry.kinds().is_empty() {
            return Err(WorkerError::NoKinds);
        }
        Ok((settings, registry))
    }
}

fn warn_of_few_descriptors(settings: &Settings) {
    let (slots, limit) = (settings.worker.slots, descriptors::soft_limit());
    let needed = exec::needed(u64::from(slots));
    if needed > limit && settings.kinds.values().any(|kind| kind.command.is_some()) {
        tracing::warn!(
            slots,
            needed,
            limit,
            "too few files may be open for programs in every slot: raise the limit (ulimit -n), or lower worker.slots"
        );
    }
}

/// The handlers that the configuration names.
fn configured(settings: &Settings) -> Result<Vec<(String, Handler)>, WorkerError> {
    let client = EndpointClient::new().map_err(WorkerError::Http)?;
    // A section without a sound service was refused when the settings were checked.
    let services = settings.kinds.iter().filter_map(|(kind, section)| Some((kind, section.service().ok()?)));
    let mut handlers: Vec<_> = services.map(|(kind, service)| (kind.clone(), serve(service, &client))).collect();
    if settings.worker.demo {
        handlers.extend(demo::handlers().map(|(kind, handler)| (kind.to_owned(), handler)));
    }
    Ok(handlers)
}

fn serve(service: KindService, client: &EndpointClient) -> Handler {
    match service {
        KindService::Command { argv, env } => Handler::Program(Arc::new(Program { argv, env })),
        KindService::Http(url, pause_on_429) => {
            Handler::Http(Arc::new(Endpoint { url, client: client.clone(), pause_on_429 }))
        }
    }
}

/// Longest wait for the last spans at the end.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// A folder without a configuration.
const NOWHERE: &str = "/dev/null";
