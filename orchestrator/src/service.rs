//! The service: putting the parts together to one process that is an orchestrator.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use nix::sys::socket::{self, Backlog};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warrener_amqp::Settings;
use warrener_runtime::config::{Loaded, Setting};
use warrener_runtime::descriptors;
use warrener_runtime::metrics::Metrics;
use warrener_runtime::spans::Spans;
use warrener_shared::time::Millis;
use warrener_shared::wire::topology::Names;

use crate::access::identity::ServerIdentity;
use crate::access::watched::Watched;
use crate::access::{Access, renewal};
use crate::api::http::Edge;
use crate::api::{self, Api, Listeners, Scrape};
use crate::broker::{self, Context, Notes, Repairs, Suspects, Troubles};
use crate::config::Config;
use crate::driver::{DeadBound, Driver, Packet};
use crate::shared::Shared;
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::view::View;
use crate::store::{self, DatabaseAddress, Store};
use crate::traces::{self, Traces};

/// Most packets that wait for the driver. Whoever brings more waits, and so does the broker.
const INPUTS: usize = 64;
/// Most connections that wait to be taken. The system may allow fewer.
const BACKLOG: i32 = 4096;
/// Time for which an answer is tried unless the configuration says otherwise.
const ANSWERS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Longest wait for the last spans at the end.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// Runs an orchestrator until told to stop, or until it cannot go on.
///
/// # Errors
/// A fault that a person must put right: the store, the address to listen on, or the broker's entities.
pub async fn run(loaded: Loaded<Config>, metrics: Metrics, stop: CancellationToken) -> anyhow::Result<()> {
    let (settings, config) = (loaded.settings().into(), loaded.value);
    if let Some(problem) = config.problems().into_iter().next() {
        bail!(problem);
    }
    let access = Arc::new(config.access().map_err(|problems| anyhow!(problems.join("\n")))?);
    let identity = config.identity().map_err(|problem| anyhow!(problem))?;
    let listeners = Listeners { http: listen(&config).await?, scrape: listen_for_scrapes(&config).await? };
    let front = Front { listeners, access, identity, settings };
    match store::address(&config.store.address()).context("store.url")? {
        DatabaseAddress::Sqlite(file) => {
            let store = Sqlite::open_file(&file)?;
            let (view, place) = (store.view()?, file.path.display().to_string());
            run_on(store, view, &place, &config, front, metrics, stop).await
        }
        DatabaseAddress::Postgres(url) => {
            let store = Postgres::open(&url)?;
            let (view, place) = (store.view(), store.place().to_owned());
            run_on(store, view, &place, &config, front, metrics, stop).await
        }
    }
}

/// Entrance for others over HTTP.
struct Front {
    /// Sockets that are listened on.
    listeners: Listeners,
    /// Rules of who may do what.
    access: Arc<Access>,
    /// Certificate to show; `None` for HTTP in the clear.
    identity: Option<Arc<Watched<ServerIdentity>>>,
    /// Effective configuration, secrets masked, for those who may see it.
    settings: Arc<[Setting]>,
}

/// Runs an orchestrator on a database that is open. `place` is its address as it may be shown.
///
/// The order of the end matters: the broker side first, then the HTTP server, then the driver, which ends by itself
/// once nobody can send it inputs.
async fn run_on<S: Store + 'static>(
    mut store: S,
    view: View,
    place: &str,
    config: &Config,
    front: Front,
    metrics: Metrics,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let database = store.boot()?.database;
    let view = Arc::new(view);
    let shared = Shared::new(Names::new(&config.amqp.prefix), config.addresses(), config.limits());
    let spans = Spans::start(&config.telemetry, "warrener-orchestrator", &uuid::Uuid::now_v7().to_string())?;
    let one_in = config.telemetry.sample_one_in.unwrap_or(1);
    let shared = shared.with_traces(spans.clone().map(|spans| Traces::new(spans, one_in)));
    let shared = Arc::new(shared.with_limits(config.named_limits()).with_fair_queues(&config.fair_queues()));
    let (inputs, input_queue) = mpsc::channel::<Packet>(INPUTS);
    let (outputs, output_queue) = mpsc::unbounded_channel();
    let driver = Driver::new(store, shared.clone(), millis(config.retention), input_queue, outputs)?;
    let driver = driver.with_answers_kept(config.amqp.answers_kept.unwrap_or(ANSWERS_KEPT));
    let dead = DeadBound {
        letters: config.dead.max_letters,
        bytes: config.dead.max_bytes,
        retention: millis(config.dead.retention),
    };
    let driver = driver.with_dead_bound(dead);
    driver.show();
    let runtime = tokio::runtime::Handle::current();
    // Without its driver the process can do nothing: it ends, and whoever watches it starts another.
    let end = stop.clone().drop_guard();
    let thread = std::thread::Builder::new().name("driver".to_owned()).spawn(move || {
        let _end = end;
        let _entered = runtime.enter();
        driver.run();
    })?;
    let context = Context {
        settings: settings(config),
        shared: shared.clone(),
        database,
        inputs: inputs.clone(),
        reply_to: config.amqp.reply_to.clone().into(),
        view: view.clone(),
        schedules: config.amqp.schedules.unwrap_or(false),
        delays: config.delay_routes().into(),
        suspects: Suspects::default(),
        repairs: Repairs::default(),
        healing: Arc::default(),
        troubles: Troubles::default(),
        notes: Notes::default(),
    };
    let (numbers, stopped) = (metrics.clone(), stop.clone());
    tokio::spawn(async move { numbers.keep_up(stopped).await });
    let follower = spans.as_ref().map(|_| tokio::spawn(traces::follow(shared.clone(), view.clone())));
    let edge = Arc::new(Edge::new(&config.http, most_descriptors()));
    let Front { listeners, access, identity, settings } = front;
    tokio::spawn(renewal::renew(access.clone(), identity.clone(), shared.health.clone(), stop.clone()));
    let tls = identity.map(ServerIdentity::config);
    let api = Api { shared, view, inputs, metrics, edge, access, tls, settings };
    tracing::info!(address = %listeners.http.local_addr()?, store = %place, "orchestrator started");
    let server = tokio::spawn(api::serve(listeners, api, stop.clone()));
    let outcome = broker::run(context, output_queue, stop.clone()).await;
    stop.cancel();
    server.await.context("the HTTP server panicked")?;
    // All senders of inputs are gone now, so the driver comes to its end.
    if tokio::task::spawn_blocking(move || thread.join()).await?.is_err() {
        bail!("the driver panicked; please report what the log says");
    }
    if let (Some(spans), Some(follower)) = (spans, follower) {
        follower.abort();
        spans.flush(LAST_SPANS).await;
    }
    tracing::info!("orchestrator stopped");
    outcome.map_err(Into::into)
}

/// Span in milliseconds.
fn millis(span: Duration) -> Millis {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
}

/// Descriptors that the process may have open, once it has raised its limit as far as it is allowed to.
fn most_descriptors() -> usize {
    descriptors::raise_limit();
    usize::try_from(descriptors::soft_limit()).unwrap_or(usize::MAX)
}

/// Listens where it is configured, and refuses an address at which anybody could come unasked.
async fn listen(config: &Config) -> anyhow::Result<TcpListener> {
    let listener = bind(&config.http.listen, "http.listen").await?;
    if !config.is_guarded() && !listener.local_addr()?.ip().is_loopback() {
        bail!(config.http.refusal());
    }
    Ok(listener)
}

/// Listens for those who only want the numbers, if that is configured.
async fn listen_for_scrapes(config: &Config) -> anyhow::Result<Option<Scrape>> {
    let Some(wished) = &config.metrics.listen else { return Ok(None) };
    let listener = bind(wished, "metrics.listen").await?;
    tracing::info!(address = %listener.local_addr()?, "metrics are served without a token");
    Ok(Some(Scrape::new(listener, &config.http, most_descriptors())))
}

/// Listens at an address that a key names.
async fn bind(wished: &str, key: &str) -> anyhow::Result<TcpListener> {
    let listener = match wished.strip_prefix(':') {
        Some(_) => TcpListener::bind(format!("0.0.0.0{wished}")).await,
        None => TcpListener::bind(wished).await,
    };
    let listener = listener.with_context(|| format!("cannot listen on {wished} ({key})"))?;
    // A burst of connections waits in line instead of being asked to come again after a second.
    socket::listen(&listener, Backlog::new(BACKLOG)?)?;
    Ok(listener)
}

/// Settings of the connection to the broker.
fn settings(config: &Config) -> Settings {
    let mut settings = Settings::new(config.amqp.address(), format!("warrener orchestrator {}", config.amqp.prefix));
    settings.heartbeat = config.amqp.heartbeat;
    settings
}
