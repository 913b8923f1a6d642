//! A RabbitMQ node as a child process: own name, ports, folders and cookie, gone when its keeper is gone.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// Reasons why a node can't be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The machine has no server.
    #[error(
        "starting RabbitMQ: rabbitmq-server is not installed; install it (Debian and Ubuntu: `apt-get install \
         rabbitmq-server`, macOS: `brew install rabbitmq`)"
    )]
    NotInstalled,
    /// The server ended instead of serving.
    #[error("starting RabbitMQ: it ended with {status}: {log}")]
    Ended {
        /// Status of its end.
        status: String,
        /// The end of its output.
        log: String,
    },
    /// The server doesn't answer.
    #[error("starting RabbitMQ: no answer on port {port} within {} s: {log}", START_TIMEOUT.as_secs())]
    Silent {
        /// The port.
        port: u16,
        /// The end of its output.
        log: String,
    },
    /// The server doesn't stop.
    #[error("stopping RabbitMQ: still there after {} s", STOP_TIMEOUT.as_secs())]
    Stubborn,
    /// A call of `rabbitmqctl` failed.
    #[error("rabbitmqctl {arguments}: {output}")]
    Control {
        /// Arguments of the command.
        arguments: String,
        /// Output of the command.
        output: String,
    },
    /// A file or process can't be handled.
    #[error("{what}: {why}")]
    Io {
        /// The operation that failed.
        what: &'static str,
        /// The system's text.
        why: io::Error,
    },
}

/// A RabbitMQ node. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Node {
    home: Home,
    server: PathBuf,
    name: String,
    port: u16,
    dist_port: u16,
    keeper: NodeKeeper,
    running: Option<Child>,
}

/// The party whose end is the end of the node, even if that one is killed.
#[derive(Clone, Debug)]
pub(super) enum NodeKeeper {
    /// The party is this process; a pipe tells of its end.
    Us,
    /// The parties are all processes that hold a lock on this file.
    Holders(PathBuf),
}

#[derive(Debug)]
enum Home {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Node {
    /// Starts a node in a temporary folder.
    ///
    /// # Errors
    /// If RabbitMQ isn't installed or doesn't come up.
    pub async fn start() -> Result<Self, NodeError> {
        let folder = tempfile::Builder::new().prefix("warrener-broker-").tempdir().map_err(io("making a folder"))?;
        let mut node = Self::new(Home::Temporary(folder), NodeKeeper::Us)?;
        node.launch().await?;
        Ok(node)
    }

    /// Starts a node that outlives this process as long as somebody holds a lock on `holders`.
    pub(super) async fn start_kept(folder: &Path, holders: &Path) -> Result<Self, NodeError> {
        let mut node = Self::new(Home::Kept(folder.to_owned()), NodeKeeper::Holders(holders.to_owned()))?;
        node.launch().await?;
        Ok(node)
    }

    fn new(home: Home, keeper: NodeKeeper) -> Result<Self, NodeError> {
        let [port, dist_port] = free_ports().map_err(io("looking for free ports"))?;
        let name = format!("{}@localhost", super::unique("warrener"));
        let server = find_server().ok_or(NodeError::NotInstalled)?;
        Ok(Self { home, server, name, port, dist_port, keeper, running: None })
    }

    /// The address, with the user `guest`.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The port that it serves.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Starts the process, with the data of an earlier run, and waits until it speaks AMQP. Does nothing if it runs.
    ///
    /// # Errors
    /// If it doesn't come up.
    pub async fn launch(&mut self) -> Result<(), NodeError> {
        if self.running.is_some() {
            return Ok(());
        }
        self.prepare().map_err(io("preparing the folder of a broker"))?;
        let log = std::fs::File::create(self.log()).map_err(io("opening the log of a broker"))?;
        let mut command = self.command("/bin/sh");
        command.arg("-c").arg(self.keeper.script()).arg(&self.server);
        if let NodeKeeper::Holders(path) = &self.keeper {
            command.arg(path);
        }
        command.stdout(log.try_clone().map_err(io("opening the log of a broker"))?).stderr(log);
        command.stdin(Stdio::piped()).process_group(0);
        self.running = Some(command.spawn().map_err(io("starting RabbitMQ"))?);
        self.serving().await
    }

    /// Kills the process like a power cut. Does nothing if it is down.
    ///
    /// # Errors
    /// If the system doesn't let us.
    pub async fn kill(&mut self) -> Result<(), NodeError> {
        let Some(mut child) = self.running.take() else { return Ok(()) };
        kill_group(&child);
        child.wait().await.map_err(io("waiting for RabbitMQ to end"))?;
        Ok(())
    }

    /// Stops the process in order. Does nothing if it is down.
    ///
    /// # Errors
    /// If it is still there after a minute.
    pub async fn stop(&mut self) -> Result<(), NodeError> {
        let Some(child) = &mut self.running else { return Ok(()) };
        signal(child, Signal::SIGTERM)?;
        let ended = timeout(STOP_TIMEOUT, child.wait()).await.map_err(|_| NodeError::Stubborn)?;
        ended.map_err(io("waiting for RabbitMQ to end"))?;
        self.running = None;
        Ok(())
    }

    /// Removes the data of a node that is down.
    ///
    /// # Errors
    /// If the folder can't be removed.
    pub fn forget(&mut self) -> Result<(), NodeError> {
        std::fs::remove_dir_all(self.folder().join(DATA)).map_err(io("removing the data of a broker"))
    }

    /// Freezes the process, and waits until it stands still: on a busy machine its threads go on for a moment.
    ///
    /// # Errors
    /// If it is down.
    pub fn pause(&self) -> Result<(), NodeError> {
        let Some(child) = &self.running else { return Ok(()) };
        signal(child, Signal::SIGSTOP)?;
        let end = Instant::now() + Duration::from_secs(5);
        while pid(child).is_some_and(|pid| !stands_still(pid)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets the process go on.
    ///
    /// # Errors
    /// If it is down.
    pub fn resume(&self) -> Result<(), NodeError> {
        self.running.as_ref().map_or(Ok(()), |child| signal(child, Signal::SIGCONT))
    }

    /// Runs `rabbitmqctl` against the node and returns what it prints.
    ///
    /// # Errors
    /// With its output, if it fails.
    pub async fn control(&self, arguments: &[&str]) -> Result<String, NodeError> {
        let mut command = self.command(self.server.with_file_name("rabbitmqctl"));
        command.arg("--quiet").arg("--node").arg(&self.name).args(arguments).stdin(Stdio::null());
        let output = command.output().await.map_err(io("running rabbitmqctl"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let output = text + &String::from_utf8_lossy(&output.stderr);
        Err(NodeError::Control { arguments: arguments.join(" "), output })
    }

    /// Switches the management plugin on and returns its port.
    ///
    /// # Errors
    /// With the output of the command that failed.
    pub async fn enable_management(&self) -> Result<u16, NodeError> {
        let [port, _] = free_ports().map_err(io("looking for free ports"))?;
        let setting = format!(
            "application:load(rabbitmq_management), \
             application:set_env(rabbitmq_management, tcp_config, [{{port, {port}}}, {{ip, \"127.0.0.1\"}}])."
        );
        self.control(&["eval", &setting]).await?;
        let mut command = self.command(self.server.with_file_name("rabbitmq-plugins"));
        command.args(["--quiet", "--node", &self.name, "enable", "rabbitmq_management"]).stdin(Stdio::null());
        let output = command.output().await.map_err(io("running rabbitmq-plugins"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        match output.status.success() {
            true => Ok(port),
            false => Err(NodeError::Control { arguments: "rabbitmq-plugins enable".to_owned(), output: text }),
        }
    }

    fn prepare(&self) -> io::Result<()> {
        let folder = self.folder();
        for part in [DATA, LOGS] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        std::fs::write(folder.join("enabled_plugins"), "[].\n")?;
        std::fs::write(folder.join("rabbitmq.conf"), CONFIGURATION)
    }

    /// A command in the environment of the node. Whatever the system configures for its own node is left out.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let folder = self.folder();
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .env("HOME", folder)
            // The script then becomes the server instead of waiting for it: one process to signal.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .env_remove("NOTIFY_SOCKET")
            .env("RABBITMQ_NODENAME", &self.name)
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.dist_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", folder.join(DATA))
            .env("RABBITMQ_LOG_BASE", folder.join(LOGS))
            .env("RABBITMQ_PID_FILE", folder.join("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("none"))
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("none.config"));
        command
    }

    /// Waits until the port answers the greeting of AMQP.
    async fn serving(&mut self) -> Result<(), NodeError> {
        let deadline = Instant::now() + START_TIMEOUT;
        while !answers(self.port).await {
            let child = self.running.as_mut().expect("it was started");
            if let Some(status) = child.try_wait().map_err(io("looking after RabbitMQ"))? {
                self.running = None;
                return Err(NodeError::Ended { status: status.to_string(), log: self.log_end() });
            }
            if Instant::now() > deadline {
                return Err(NodeError::Silent { port: self.port, log: self.log_end() });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn folder(&self) -> &Path {
        match &self.home {
            Home::Temporary(folder) => folder.path(),
            Home::Kept(folder) => folder,
        }
    }

    fn log(&self) -> PathBuf {
        self.folder().join("output")
    }

    fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().rev().take(LOG_LINES).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let (NodeKeeper::Us, Some(child)) = (&self.keeper, &mut self.running) {
            kill_group(child);
            // Its files must be closed before the folder goes; it is dead within milliseconds.
            while matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl NodeKeeper {
    /// Becomes the server, and leaves a watchman behind who kills the group once nobody keeps it.
    fn script(&self) -> &'static str {
        match self {
            Self::Us => r#"exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) & exec "$0" </dev/null 3<&-"#,
            Self::Holders(_) => {
                r#"(idle=0; while [ $idle -lt 30 ]; do sleep 1
                       if flock -n "$1" true; then idle=$((idle + 1)); else idle=0; fi
                    done; kill -KILL $$; sleep 1; rm -rf "$PWD"; kill -KILL 0) </dev/null >/dev/null 2>&1 &
                    exec "$0" </dev/null"#
            }
        }
    }
}

/// Tells whether something on the port speaks AMQP.
pub(super) async fn answers(port: u16) -> bool {
    let greeting = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
        stream.read_u8().await
    };
    matches!(timeout(GREETING_TIMEOUT, greeting).await, Ok(Ok(METHOD_FRAME)))
}

fn signal(child: &Child, signal: Signal) -> Result<(), NodeError> {
    let Some(pid) = pid(child) else { return Ok(()) };
    kill(pid, signal).map_err(|error| NodeError::Io { what: "signalling RabbitMQ", why: error.into() })
}

/// Tells whether every thread of a process is stopped; true where the system does not say.
fn stands_still(pid: Pid) -> bool {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    let state = |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("stat")).ok();
    // The name before the state is in brackets, and may have some in it.
    let is_stopped = |text: String| text.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
    threads.flatten().filter_map(state).all(is_stopped)
}

fn kill_group(child: &Child) {
    if let Some(pid) = pid(child) {
        // It may have ended by itself.
        killpg(pid, Signal::SIGKILL).ok();
    }
}

fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw)
}

fn free_ports() -> io::Result<[u16; 2]> {
    // Both are held until both are known, so that they differ.
    let (one, two) = (TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    Ok([one.local_addr()?.port(), two.local_addr()?.port()])
}

/// The folder of another RabbitMQ's programs, from `WARRENER_TEST_RABBITMQ`; none for the one that is installed.
pub(super) fn other_release() -> Option<PathBuf> {
    std::env::var_os("WARRENER_TEST_RABBITMQ").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The server's own script: what distributions put into the path changes the user and the folders.
fn find_server() -> Option<PathBuf> {
    if let Some(folder) = other_release() {
        return Some(folder.join("rabbitmq-server")).filter(|server| server.is_file());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let known = ["/usr/lib/rabbitmq/bin", "/opt/homebrew/opt/rabbitmq/sbin", "/usr/local/opt/rabbitmq/sbin"];
    let folders = known.iter().map(PathBuf::from).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join("rabbitmq-server")).find(|server| server.is_file())
}

fn io(what: &'static str) -> impl Fn(io::Error) -> NodeError {
    move |why| NodeError::Io { what, why }
}

const DATA: &str = "data";
const LOGS: &str = "log";
/// A small node: little disk for its log, no alarm on a nearly full disk of a developer.
const CONFIGURATION: &str = "\
raft.wal_max_size_bytes = 16000000
disk_free_limit.absolute = 50MB
log.file.level = info
";
/// First byte of the broker's answer to the greeting.
const METHOD_FRAME: u8 = 1;
/// Longest wait for a start, which takes 5 to 6 s on an idle machine.
const START_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest wait for a stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest wait for an answer to the greeting: a broker that starts may accept and say nothing.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines of the log shown when it doesn't start.
const LOG_LINES: usize = 30;
