//! The system under test, under a prefix of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_shared::id::QueueName;
use warrener_shared::wire::topology::Names;

use super::process::BenchProcess;
use super::role::{BenchRole, RoleArgs};
use super::wire::Wire;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ready;

/// An orchestrator and a worker.
#[derive(Debug)]
pub(super) struct System {
    pub(super) names: Names,
    url: String,
    slots: u32,
    listen: SocketAddr,
    orchestrator: Option<BenchProcess>,
    worker: Option<BenchProcess>,
    folder: TempDir,
}

/// A setting of a process.
pub(super) type Variable = (&'static str, String);

impl System {
    /// Prepares a system that does not run yet.
    pub(super) fn new(url: &str, names: Names, slots: u32) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("warrener-bench-").tempdir().map_err(io("making a folder"))?;
        let listen = free_address().map_err(io("looking for a free port"))?;
        Ok(Self { names, url: url.to_owned(), slots, listen, orchestrator: None, worker: None, folder })
    }

    /// Folder of its database, [`DATABASE`].
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts it, and tells how long the orchestrator took until it was ready.
    pub(super) async fn start(&mut self, settings: &[Variable]) -> Result<Duration, Failure> {
        let common =
            [("WARRENER_AMQP__URL", self.url.clone()), ("WARRENER_AMQP__PREFIX", self.names.prefix().to_owned())];
        let own = [
            ("WARRENER_STORE__URL", format!("sqlite://{DATABASE}")),
            ("WARRENER_HTTP__LISTEN", self.listen.to_string()),
        ];
        let work = [("WARRENER_WORKER__SLOTS", self.slots.to_string()), ("WARRENER_WORKER__DEMO", "true".to_owned())];
        let start = |name, role, settings: &[Variable]| {
            BenchProcess::start(name, &RoleArgs::new(role), self.folder.path(), settings)
        };
        let began = Instant::now();
        let orchestrator = start("orchestrator", BenchRole::Orchestrator, &[&common, &own, settings].concat())?;
        self.orchestrator = Some(orchestrator);
        wait_for(self.listen).await?;
        let took = began.elapsed();
        self.worker = Some(start("worker", BenchRole::Worker, &[common, work].concat())?);
        Ok(took)
    }

    /// Ends it; it can be started again.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        for process in [self.worker.take(), self.orchestrator.take()].into_iter().flatten() {
            process.stop().await?;
        }
        Ok(())
    }

    /// The process of the orchestrator, 0 if it does not run.
    pub(super) fn orchestrator(&self) -> u32 {
        self.orchestrator.as_ref().map_or(0, BenchProcess::id)
    }

    /// The process of the worker, 0 if it does not run.
    pub(super) fn worker(&self) -> u32 {
        self.worker.as_ref().map_or(0, BenchProcess::id)
    }

    /// A client of its interface.
    pub(super) fn client(&self) -> Result<HttpClient, Failure> {
        Ok(HttpClient::new(&format!("http://{}", self.listen), None)?)
    }

    /// Waits until no job is open, and tells since when.
    pub(super) async fn wait_until_idle(&self, wire: &Wire) -> Result<Instant, Failure> {
        let client = self.client()?;
        let open = JobQuery { filter: Some("state:scheduled,running".to_owned()), limit: Some(1), cursor: None };
        let mut since: Option<Instant> = None;
        loop {
            let is_idle =
                wire.depth(&self.names.submit()).await? == 0 && client.jobs(&open).await?.value.items.is_empty();
            match since {
                // Between its queue and the database a job is seen nowhere, but not for so long.
                Some(since) if is_idle && since.elapsed() > UNSEEN => return Ok(since),
                Some(_) if is_idle => {}
                _ => since = is_idle.then(Instant::now),
            }
            tokio::time::sleep(LOOK_EVERY / 10).await;
        }
    }

    /// Ends it and leaves nothing behind at the broker.
    pub(super) async fn strike(mut self, wire: &Wire) -> Result<(), Failure> {
        self.stop().await?;
        let names = &self.names;
        let mut queues = vec![names.submit(), names.results(), names.dead(), names.unrouted()];
        queues.extend(QUEUES.map(|queue| names.task_queue(&QueueName::new(queue).expect("a sound name"))));
        let exchanges = [
            names.submit(),
            names.tasks(),
            names.results(),
            names.events(),
            names.control(),
            names.workers(),
            names.dlx(),
            names.unrouted(),
            names.owner(),
            // The orchestrator's mark that a restart of the broker forgets.
            format!("{}.alive", names.prefix()),
        ];
        wire.delete(&queues, &exchanges).await
    }
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Waits until the orchestrator says that it is ready.
async fn wait_for(address: SocketAddr) -> Result<(), Failure> {
    let deadline = Instant::now() + START_TIMEOUT;
    while ready::ready(address).await.is_err() {
        if Instant::now() > deadline {
            let what = format!("starting the orchestrator: not ready within {} s", START_TIMEOUT.as_secs());
            return Err(Failure::new(Exit::Error, what).hint("RUST_LOG=info shows what it does"));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

pub(super) fn io(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(Exit::Error, format!("{what}: {error}"))
}

/// The name of the database in the folder.
pub(super) const DATABASE: &str = "bench.db";
/// The queue without a worker.
pub(super) const LATER: &str = "later";
const QUEUES: [&str; 2] = ["default", LATER];
/// Longest wait for a start, which takes a second where nothing else runs and little is kept.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longer than a message takes from its queue to the database.
const UNSEEN: Duration = Duration::from_millis(100);
