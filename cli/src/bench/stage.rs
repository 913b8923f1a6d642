//! The system under test, and beside it the broker alone.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use tempfile::TempDir;
use tokio::time::Instant;
use warrener_shared::id::QueueName;
use warrener_shared::wire::topology::Names;

use super::process::Process;
use super::role::{Role, RoleArgs};
use super::wire::Wire;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ready;

/// Everything that runs during a benchmark, under a prefix of its own.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) wire: Wire,
    pub(super) names: Names,
    pub(super) orchestrator: Process,
    pub(super) worker: Process,
    /// The worker of the broker alone.
    pub(super) raw_worker: Process,
    /// What stands between client and worker where four hops are compared.
    pub(super) raw_relay: Process,
    _folder: TempDir,
}

/// The queues of the broker alone.
pub(super) const RAW_SUBMIT: &str = "raw.submit";
pub(super) const RAW_TASKS: &str = "raw.tasks";
pub(super) const RAW_RESULTS: &str = "raw.results";
pub(super) const RAW_FAR_TASKS: &str = "raw.far.tasks";
pub(super) const RAW_FAR_RESULTS: &str = "raw.far.results";
/// Where the answers to jobs come.
pub(super) const ANSWERS: &str = "answers";

impl Stage {
    /// Starts everything.
    pub(super) async fn set(url: &str, slots: u32) -> Result<Self, Failure> {
        let wire = Wire::open(url).await?;
        let names = Names::new(&format!("bench-{}", std::process::id()));
        for queue in RAW_QUEUES {
            wire.declare(&named(&names, queue)).await?;
        }
        wire.declare_answers(&named(&names, ANSWERS)).await?;
        let folder = tempfile::Builder::new().prefix("warrener-bench-").tempdir().map_err(io("making a folder"))?;
        let listen = free_address().map_err(io("looking for a free port"))?;
        let system = [
            ("WARRENER_AMQP__URL", url.to_owned()),
            ("WARRENER_AMQP__PREFIX", names.prefix().to_owned()),
            ("WARRENER_STORE__URL", "sqlite://bench.db".to_owned()),
            ("WARRENER_HTTP__LISTEN", listen.to_string()),
        ];
        let work = [
            ("WARRENER_AMQP__URL", url.to_owned()),
            ("WARRENER_AMQP__PREFIX", names.prefix().to_owned()),
            ("WARRENER_WORKER__SLOTS", slots.to_string()),
            ("WARRENER_WORKER__DEMO", "true".to_owned()),
        ];
        let start = |name, role, settings: &[(&'static str, String)]| {
            Process::start(name, &RoleArgs::new(role), folder.path(), settings)
        };
        let orchestrator = start("orchestrator", Role::Orchestrator, &system)?;
        wait_for(listen).await?;
        let worker = start("worker", Role::Worker, &work)?;
        let raw_worker = start("raw worker", raw_worker(url, &names), &[])?;
        let raw_relay = start("raw relay", raw_relay(url, &names), &[])?;
        Ok(Self { wire, names, orchestrator, worker, raw_worker, raw_relay, _folder: folder })
    }

    /// The name of a queue that the product knows nothing of.
    pub(super) fn named(&self, queue: &str) -> String {
        named(&self.names, queue)
    }

    /// Ends everything and leaves nothing behind at the broker.
    pub(super) async fn strike(self) -> Result<(), Failure> {
        for process in [self.worker, self.orchestrator, self.raw_worker, self.raw_relay] {
            process.stop().await?;
        }
        let names = &self.names;
        let lane = QueueName::new("default").expect("a sound name");
        let mut queues = vec![names.submit(), names.results(), names.dead(), names.unrouted(), names.task_queue(&lane)];
        queues.extend(RAW_QUEUES.map(|queue| named(names, queue)));
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
        self.wire.delete(&queues, &exchanges).await
    }
}

/// Beside the prefix, not under it: what lies under it is the system's own, to which it sends no answers.
fn named(names: &Names, queue: &str) -> String {
    format!("{}-{queue}", names.prefix())
}

fn raw_worker(url: &str, names: &Names) -> Role {
    let hops = [(RAW_TASKS, RAW_RESULTS), (RAW_FAR_TASKS, RAW_FAR_RESULTS)];
    let hops = hops.map(|(from, to)| format!("{}:{}", named(names, from), named(names, to)));
    Role::Relay { url: url.to_owned(), hops: hops.to_vec() }
}

fn raw_relay(url: &str, names: &Names) -> Role {
    let to_worker = format!("{}:{}", named(names, RAW_SUBMIT), named(names, RAW_FAR_TASKS));
    let to_client = format!("{}:", named(names, RAW_FAR_RESULTS));
    Role::Relay { url: url.to_owned(), hops: vec![to_worker, to_client] }
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

fn io(what: &'static str) -> impl Fn(std::io::Error) -> Failure {
    move |error| Failure::new(Exit::Error, format!("{what}: {error}"))
}

const RAW_QUEUES: [&str; 5] = [RAW_SUBMIT, RAW_TASKS, RAW_RESULTS, RAW_FAR_TASKS, RAW_FAR_RESULTS];
/// It takes a second where nothing else runs.
const START_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
