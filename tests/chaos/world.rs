//! World of a run: broker, database, orchestrator, workers, and the proxies between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use lapin::{Channel, Connection, ConnectionProperties};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use warrener_tests::broker::Node;
use warrener_tests::cluster::{Process, free_port, language, program};
use warrener_tests::postgres::Server;

use crate::clock::Clock;
use crate::disk::Disk;
use crate::proxy::Proxy;
use crate::record::Record;
use crate::trace::{SCRIPT, Trace};
use crate::{reader, rpc, shapes};

/// Database for the jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

/// See the module.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) node: Node,
    pub(crate) postgres: Option<Server>,
    /// The disk of the database, if it is a file.
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) port: u16,
    pub(crate) orchestrator: Option<Process>,
    /// By name, each with what it needs to start again.
    pub(crate) workers: Vec<Staff>,
    /// Before the broker, for the orchestrator, the workers and the clients.
    pub(crate) proxies: [Proxy; 3],
    pub(crate) record: Record,
    /// Set once the broker lost data in which answers may have been.
    pub(crate) forgot: bool,
    /// Number of times that the orchestrator ended by itself.
    pub(crate) ended: u32,
    rpc: JoinHandle<()>,
    folder: TempDir,
}

/// A worker.
pub(crate) struct Staff {
    pub(crate) name: &'static str,
    pub(crate) process: Option<Process>,
}

/// Line between the broker and others, with a proxy of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Orchestrator,
    Workers,
    Clients,
}

impl World {
    /// Starts everything and waits until it is ready.
    pub(crate) async fn start(store: Store) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("warrener-chaos-").tempdir()?;
        let node = Node::start().await?;
        import(&node).await?;
        let proxies =
            [Proxy::start(node.port()).await?, Proxy::start(node.port()).await?, Proxy::start(node.port()).await?];
        let postgres = (store == Store::Postgres).then(Server::start);
        let disk = Disk::prepare(&folder.path().join("store"))?;
        let clock = Clock::prepare(folder.path())?;
        std::fs::write(folder.path().join("warrener.toml"), format!("[queues.rpc]\naddress = {:?}\n", rpc::QUEUE))?;
        let trace = Arc::new(Trace::open(&folder.path().join("rpc.trace"))?);
        let url = format!("amqp://rpc:rpc@127.0.0.1:{}/%2f", node.port());
        let rpc = tokio::spawn(rpc::serve(url, trace));
        let workers = ["w1", "w2", "w3"].map(|name| Staff { name, process: None }).into();
        let mut world = Self {
            store,
            node,
            postgres,
            disk,
            clock,
            port: free_port(),
            orchestrator: None,
            workers,
            proxies,
            record: Record::default(),
            forgot: false,
            ended: 0,
            rpc,
            folder,
        };
        world.revive()?;
        world.ready(START).await?;
        Ok(world)
    }

    pub(crate) fn proxy(&self, line: Line) -> &Proxy {
        &self.proxies[match line {
            Line::Orchestrator => 0,
            Line::Workers => 1,
            Line::Clients => 2,
        }]
    }

    /// An address of the broker, through a proxy.
    pub(crate) fn url(&self, line: Line) -> String {
        let user = match line {
            Line::Orchestrator => "orchestrator",
            Line::Workers => "worker",
            Line::Clients => "client",
        };
        format!("amqp://{user}:{user}@127.0.0.1:{}/%2f", self.proxy(line).port())
    }

    /// Starts every process that does not run, as a supervisor would.
    pub(crate) fn revive(&mut self) -> anyhow::Result<()> {
        if let Some(end) = self.orchestrator.as_mut().and_then(Process::end) {
            self.ended += 1;
            eprintln!("the orchestrator ended by itself: {end}");
            self.orchestrator = None;
        }
        if self.orchestrator.is_none() {
            self.orchestrator = Some(self.launch());
        }
        for place in 0..self.workers.len() {
            let staff = &mut self.workers[place];
            if let Some(end) = staff.process.as_mut().and_then(Process::end) {
                eprintln!("worker {} ended by itself: {end}", staff.name);
                staff.process = None;
            }
            if staff.process.is_none() {
                let process = self.hire(self.workers[place].name)?;
                self.workers[place].process = Some(process);
            }
        }
        Ok(())
    }

    fn launch(&self) -> Process {
        let file = || format!("sqlite://{}", self.disk.folder().join("warrener.db").display());
        let mut variables = vec![
            ("WARRENER_AMQP__URL", self.url(Line::Orchestrator)),
            ("WARRENER_STORE__URL", self.postgres.as_ref().map_or_else(file, Server::url)),
            ("WARRENER_HTTP__LISTEN", format!("127.0.0.1:{}", self.port)),
        ];
        variables.extend(self.clock.variables());
        Process::start("orchestrator", &program("orchestrator"), &[], self.folder.path(), &variables)
    }

    fn hire(&self, name: &str) -> anyhow::Result<Process> {
        let (folder, trace) = (self.folder.path(), self.trace(name));
        let queue = if name == PROGRAMMER { "programs" } else { "default" };
        let mut variables = vec![
            ("WARRENER_AMQP__URL", self.url(Line::Workers)),
            ("WARRENER_WORKER__QUEUES", queue.to_owned()),
            ("WARRENER_WORKER__CLAIM_AFTER", "1s".to_owned()),
        ];
        if name == PROGRAMMER {
            let command = serde_json::to_string(&["sh", "-c", SCRIPT, &trace.display().to_string()])?;
            let text = format!("[kinds.{:?}]\ncommand = {command}\n", shapes::PROGRAM);
            std::fs::write(folder.join("w3.toml"), text)?;
            variables.push(("WARRENER_WORKER__SLOTS", "4".to_owned()));
            return Ok(Process::start(name, &program("worker"), &["--config", "w3.toml"], folder, &variables));
        }
        let file = trace.display().to_string();
        // It reads no configuration of the orchestrator's.
        let home = folder.join(name);
        std::fs::create_dir_all(&home)?;
        let us = std::env::current_exe()?;
        Ok(Process::start(name, &us, &["--worker", &file], &home, &variables))
    }

    fn trace(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.trace"))
    }

    /// The files in which workers write down what they do.
    pub(crate) fn traces(&self) -> Vec<PathBuf> {
        self.workers.iter().map(|staff| staff.name).chain(["rpc"]).map(|name| self.trace(name)).collect()
    }

    /// Waits until the orchestrator says that it is ready, and starts what has ended meanwhile.
    pub(crate) async fn ready(&mut self, limit: Duration) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while !reader::is_ready(self.port).await {
            ensure!(
                begun.elapsed() < limit,
                "not ready after {} s:\n{}",
                limit.as_secs(),
                self.log_end("orchestrator")
            );
            self.revive()?;
            sleep(Duration::from_millis(100)).await;
        }
        Ok(begun.elapsed())
    }

    /// Connects with all rights at the broker, past the proxies.
    pub(crate) async fn hand(&self) -> anyhow::Result<(Connection, Channel)> {
        let url = self.node.url();
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        let connection = timeout(ANSWER, connecting).await.context("connecting to the broker")??;
        let channel = timeout(ANSWER, connection.create_channel()).await.context("opening a channel")??;
        Ok((connection, channel))
    }

    /// Users and rights as they are shipped.
    pub(crate) async fn import(&self) -> anyhow::Result<()> {
        import(&self.node).await
    }

    /// Lines of logs that must not be: a rule of the code was broken.
    pub(crate) fn panics(&self) -> Vec<String> {
        let names = self.workers.iter().map(|staff| staff.name).chain(["orchestrator"]);
        let texts = names.map(|name| std::fs::read_to_string(self.log(name)).unwrap_or_default());
        texts
            .flat_map(|text| {
                text.lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    fn log(&self, name: &str) -> PathBuf {
        let folder =
            if name == "w1" || name == "w2" { self.folder.path().join(name) } else { self.folder.path().into() };
        folder.join(format!("{name}.log"))
    }

    fn log_end(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Keeps the files for whoever looks for the reason.
    pub(crate) fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.rpc.abort();
    }
}

async fn import(node: &Node) -> anyhow::Result<()> {
    let shipped = language::root().join("shared/deploy/definitions.json");
    let path = shipped.to_str().context("a path that is text")?;
    for _ in 0..5 {
        match node.control(&["import_definitions", path]).await {
            Ok(_) => return Ok(()),
            // Right after its start it may not be far enough.
            Err(_) => sleep(Duration::from_secs(1)).await,
        }
    }
    bail!("the broker takes no definitions")
}

/// The worker whose work is done by a program.
const PROGRAMMER: &str = "w3";
const START: Duration = Duration::from_secs(90);
const ANSWER: Duration = Duration::from_secs(10);
const LOG_LINES: usize = 25;
