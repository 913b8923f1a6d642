//! An orchestrator and workers as real processes on a real broker, with a database, a port and a prefix of their own.

pub mod http;
pub mod language;
mod process;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;
use warrener_shared::wire::topology::Names;

pub use self::process::Process;
use crate::broker::Broker;
use crate::client::{Client, forget};
use crate::database::Database;
use crate::wait::{self, SOON};

/// See the module. Its methods panic with the reason, as a test should. Dropped, its processes are killed and its
/// files removed; of a test that failed the ends of the logs are printed first.
#[derive(Debug)]
pub struct Cluster {
    broker: Broker,
    names: Names,
    folder: TempDir,
    port: u16,
    /// The address of the database; without one it is a file in the folder.
    store: Option<String>,
    orchestrator: Option<Process>,
    workers: BTreeMap<String, Process>,
}

/// Configuration of a worker.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Attempts worked on at once.
    pub slots: u32,
    /// Queues to serve.
    pub queues: Vec<String>,
    /// True if it serves the demo kinds.
    pub demo: bool,
    /// Time for what it holds once it is asked to end.
    pub drain: String,
    /// More of `warrener.toml`, such as `[kinds.…]`.
    pub more: String,
    /// Number of files that it may have open; `None` leaves that to the machine.
    pub descriptors: Option<u32>,
}

impl Default for Plan {
    fn default() -> Self {
        let queues = vec!["default".to_owned()];
        Self { slots: 8, queues, demo: true, drain: "10s".to_owned(), more: String::new(), descriptors: None }
    }
}

impl Plan {
    /// Serves these queues instead of `default`.
    #[must_use]
    pub fn queues(mut self, queues: &[&str]) -> Self {
        self.queues = queues.iter().map(|queue| (*queue).to_owned()).collect();
        self
    }

    /// Works on so many attempts at once.
    #[must_use]
    pub fn slots(mut self, slots: u32) -> Self {
        self.slots = slots;
        self
    }

    /// Serves a kind by a program.
    #[must_use]
    pub fn command(mut self, kind: &str, command: &[&str]) -> Self {
        let command = serde_json::to_string(command).expect("text is always JSON");
        self.more += &format!("[kinds.{kind:?}]\ncommand = {command}\n");
        self
    }
}

impl Cluster {
    /// An orchestrator without workers.
    pub async fn start(broker: Broker) -> Self {
        Self::configured(broker, "").await
    }

    /// An orchestrator and workers `w1`, `w2`, … for the queue `default` with the demo kinds.
    pub async fn with_workers(broker: Broker, count: usize) -> Self {
        let mut cluster = Self::start(broker).await;
        for number in 1..=count {
            cluster.start_worker(&format!("w{number}"), &Plan::default());
        }
        cluster
    }

    /// An orchestrator with this `warrener.toml`.
    pub async fn configured(broker: Broker, configuration: &str) -> Self {
        let mut cluster = Self::prepared(broker, configuration);
        cluster.start_orchestrator().await;
        cluster
    }

    /// Everything but processes.
    ///
    /// # Panics
    /// If there is no place for files or no free port.
    pub fn prepared(broker: Broker, configuration: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("warrener-cluster-").tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("warrener.toml"), configuration).expect("a file can be written");
        let names = broker.names();
        let port = free_port();
        Self { broker, names, folder, port, store: None, orchestrator: None, workers: BTreeMap::new() }
    }

    /// An orchestrator without workers, which keeps its jobs in the database at this address.
    pub async fn on_store(broker: Broker, store: String) -> Self {
        let mut cluster = Self::prepared(broker, "");
        cluster.store = Some(store);
        cluster.start_orchestrator().await;
        cluster
    }

    /// Everything but processes, under the prefix that is the default; for a broker of its own.
    ///
    /// # Panics
    /// As [`prepared`](Self::prepared).
    pub fn under_default_prefix(broker: Broker, configuration: &str) -> Self {
        let mut cluster = Self::prepared(broker, configuration);
        cluster.names = Names::default();
        cluster
    }

    /// The broker.
    pub fn broker(&mut self) -> &mut Broker {
        &mut self.broker
    }

    /// The names of the entities.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The address of the broker.
    pub fn amqp_url(&self) -> &str {
        self.broker.url()
    }

    /// The address of the HTTP interface.
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database, read from beside.
    pub fn database(&self) -> Database {
        Database::open(&self.folder().join(DATABASE))
    }

    /// A client of somebody who submits jobs.
    pub async fn client(&self) -> Client {
        Client::connect(self.amqp_url(), &self.names).await
    }

    /// Starts the orchestrator without waiting for it.
    pub fn launch_orchestrator(&mut self) {
        let orchestrator = self.process("orchestrator", "orchestrator", &[], &self.orchestrator_variables());
        self.orchestrator = Some(orchestrator);
    }

    /// Starts the orchestrator without waiting for it, with at most so many descriptors.
    pub fn launch_limited_orchestrator(&mut self, descriptors: usize) {
        let limited = format!("ulimit -n {descriptors}; exec \"$0\"");
        let orchestrator = program("orchestrator").display().to_string();
        let variables = self.orchestrator_variables();
        let command = ["-c", &limited, &orchestrator];
        let process = Process::start("orchestrator", Path::new("/bin/sh"), &command, self.folder(), &variables);
        self.orchestrator = Some(process);
    }

    /// Starts the orchestrator and waits until it is ready.
    pub async fn start_orchestrator(&mut self) {
        self.launch_orchestrator();
        self.ready().await;
    }

    /// Starts another orchestrator on another database and port, under the same prefix.
    pub fn start_rival(&self) -> Process {
        let mut variables = self.orchestrator_variables();
        variables.push(("WARRENER_STORE__URL", format!("sqlite://{}", self.folder().join("rival.db").display())));
        variables.push(("WARRENER_HTTP__LISTEN", "127.0.0.1:0".to_owned()));
        self.process("rival", "orchestrator", &[], &variables)
    }

    /// Starts another orchestrator on the same database, under another prefix and on another port.
    pub fn start_twin(&self) -> Process {
        let mut variables = self.orchestrator_variables();
        variables.push(("WARRENER_AMQP__PREFIX", format!("{}-twin", self.names.prefix())));
        variables.push(("WARRENER_HTTP__LISTEN", "127.0.0.1:0".to_owned()));
        self.process("twin", "orchestrator", &[], &variables)
    }

    /// Number of sessions that the orchestrator has had with the broker.
    ///
    /// # Panics
    /// If there is no orchestrator.
    pub fn sessions(&self) -> usize {
        let orchestrator = self.orchestrator.as_ref().expect("it was started");
        orchestrator.log().matches("connected to the broker").count()
    }

    /// Waits until the orchestrator says that it is ready.
    pub async fn ready(&mut self) {
        let limit = SOON * 4;
        wait::until("the orchestrator is ready", limit, async || {
            let orchestrator = self.orchestrator.as_mut().expect("it was started");
            if let Some(end) = orchestrator.end() {
                panic!("the orchestrator ended ({end}):\n{}", orchestrator.log());
            }
            (self.get("/readyz").await.0 == 200).then_some(())
        })
        .await;
    }

    /// Kills the orchestrator like a power cut.
    pub async fn kill_orchestrator(&mut self) {
        self.orchestrator.take().expect("it was started").kill().await;
    }

    /// Asks the orchestrator to end, and waits until it has.
    pub async fn stop_orchestrator(&mut self) -> ExitStatus {
        self.orchestrator.take().expect("it was started").stop().await
    }

    /// The orchestrator.
    pub fn orchestrator(&mut self) -> &mut Process {
        self.orchestrator.as_mut().expect("it was started")
    }

    /// Starts a worker.
    pub fn start_worker(&mut self, name: &str, plan: &Plan) {
        let file = format!("{name}.toml");
        std::fs::write(self.folder().join(&file), &plan.more).expect("a file can be written");
        let variables = [
            ("WARRENER_AMQP__URL", self.amqp_url().to_owned()),
            ("WARRENER_AMQP__PREFIX", self.names.prefix().to_owned()),
            ("WARRENER_WORKER__SLOTS", plan.slots.to_string()),
            ("WARRENER_WORKER__QUEUES", plan.queues.join(",")),
            ("WARRENER_WORKER__DEMO", plan.demo.to_string()),
            ("WARRENER_WORKER__DRAIN", plan.drain.clone()),
        ];
        let worker = match plan.descriptors {
            None => self.process(name, "worker", &["--config", &file], &variables),
            Some(most) => {
                let (limit, program) = (format!("--nofile={most}:{most}"), program("worker"));
                let arguments = [&limit, program.to_str().expect("plain text"), "--config", &file];
                Process::start(name, Path::new("prlimit"), &arguments, self.folder(), &variables)
            }
        };
        self.workers.insert(name.to_owned(), worker);
    }

    /// Output of a worker so far.
    pub fn worker_log(&self, name: &str) -> String {
        self.workers[name].log()
    }

    /// Kills a worker like a power cut.
    pub async fn kill_worker(&mut self, name: &str) {
        self.workers.remove(name).expect("it was started").kill().await;
    }

    /// Asks a worker to end, and waits until it has.
    pub async fn stop_worker(&mut self, name: &str) -> ExitStatus {
        self.workers.remove(name).expect("it was started").stop().await
    }

    /// Sends a worker a signal.
    pub fn signal_worker(&self, name: &str, signal: Signal) {
        self.workers[name].signal(signal);
    }

    /// Starts every worker again that has ended.
    pub fn revive(&mut self, plan: &Plan) {
        let ended = self.workers.iter_mut().filter_map(|(name, worker)| worker.end().map(|_| name.clone()));
        for name in ended.collect::<Vec<_>>() {
            self.start_worker(&name, plan);
        }
    }

    /// Starts a program in another language, whose output is kept with the others'. Beside the broker's address it is
    /// told `variables`.
    pub fn start_program(&self, name: &str, command: &[&str], variables: &[(&str, String)]) -> Process {
        let (program, arguments) = command.split_first().expect("a command has a program");
        let address = ["WARRENER_AMQP__URL", "AMQP_URL"].map(|name| (name, self.amqp_url().to_owned()));
        let variables: Vec<_> = language::paths().into_iter().chain(address).chain(variables.iter().cloned()).collect();
        Process::start(name, Path::new(program), arguments, self.folder(), &variables)
    }

    /// Asks the orchestrator over HTTP; status 0 if it doesn't answer.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        http::call(self.port, "GET", path, &[], b"").await
    }

    /// Answer of the orchestrator over HTTP, as text.
    pub async fn text(&self, path: &str) -> String {
        http::call_for_text(self.port, "GET", path, &[], b"").await.1
    }

    /// The process id of the orchestrator.
    ///
    /// # Panics
    /// If it doesn't run.
    pub fn orchestrator_pid(&self) -> i32 {
        self.orchestrator.as_ref().and_then(Process::pid).expect("it runs").as_raw()
    }

    /// Tells the orchestrator something over HTTP; status 0 if it doesn't answer.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        http::call(self.port, "POST", path, &[("Content-Type", "application/json")], body.to_string().as_bytes()).await
    }

    /// Puts something on the orchestrator over HTTP; status 0 if it doesn't answer.
    pub async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        http::call(self.port, "PUT", path, &[("Content-Type", "application/json")], body.to_string().as_bytes()).await
    }

    fn orchestrator_variables(&self) -> Vec<(&'static str, String)> {
        let file = || format!("sqlite://{}", self.folder().join(DATABASE).display());
        vec![
            ("WARRENER_AMQP__URL", self.amqp_url().to_owned()),
            ("WARRENER_AMQP__PREFIX", self.names.prefix().to_owned()),
            ("WARRENER_STORE__URL", self.store.clone().unwrap_or_else(file)),
            ("WARRENER_HTTP__LISTEN", format!("127.0.0.1:{}", self.port)),
        ]
    }

    fn process(&self, name: &str, binary: &str, arguments: &[&str], variables: &[(&str, String)]) -> Process {
        Process::start(name, &program(binary), arguments, self.folder(), variables)
    }

    fn tell(&self) {
        let logs = std::fs::read_dir(self.folder()).into_iter().flatten().flatten().map(|entry| entry.path());
        for log in logs.filter(|path| path.extension().is_some_and(|ending| ending == "log")) {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<_> = text.lines().collect();
            let end = &lines[lines.len().saturating_sub(TOLD_LINES)..];
            eprintln!("--- the end of {}:\n{}", log.display(), end.join("\n"));
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
            if std::env::var_os("WARRENER_TEST_KEEP").is_some() {
                self.folder.disable_cleanup(true);
            }
        }
        let has_database = self.folder().join(DATABASE).is_file();
        let queues = if has_database { self.database().queues() } else { Vec::new() };
        self.workers.clear();
        self.orchestrator = None;
        if !self.broker.is_private() {
            forget(self.broker.url(), &self.names, &queues);
        }
    }
}

/// A binary of ours, built by `cargo build --workspace --bins` in the folder that this test was built in, or lying in
/// the folder that `WARRENER_TEST_BINARIES` names.
///
/// # Panics
/// If it isn't there.
pub fn program(name: &str) -> PathBuf {
    let given = std::env::var_os("WARRENER_TEST_BINARIES").map(PathBuf::from);
    let folder = given.unwrap_or_else(|| {
        let us = std::env::current_exe().expect("a running program has a path");
        let folder = us.parent().expect("a program lies in a folder");
        // Cargo puts tests into a folder below that of the programs.
        if folder.ends_with("deps") {
            folder.parent().expect("it lies in another").to_owned()
        } else {
            folder.to_owned()
        }
    });
    let program = folder.join(name);
    assert!(
        program.is_file(),
        "{} is not there: build the binaries first, with `cargo build --workspace --bins`",
        program.display()
    );
    program
}

/// A port that nobody listens on.
///
/// # Panics
/// If there is none.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

const DATABASE: &str = "warrener.db";
/// Lines of each log that a failed test prints.
const TOLD_LINES: usize = 60;
/// Longest time for one answer over HTTP.
const HTTP_TIMEOUT: Duration = Duration::from_secs(30);
