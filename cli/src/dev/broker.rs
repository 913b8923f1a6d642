//! A RabbitMQ of our own, from the server that is installed on this machine.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use super::place::DevFolder;
use crate::exit::Exit;
use crate::failure::Failure;

/// Means to start the broker, with the data of earlier runs.
#[derive(Debug)]
pub(super) struct PrivateBroker {
    server: PathBuf,
    name_server: PathBuf,
    port: u16,
    /// Erlang's own traffic, and its directory of names: nobody else's node meets this one.
    inner_ports: [u16; 2],
    home: PathBuf,
}

impl PrivateBroker {
    /// Looks for the programs and for free ports; takes the usual port if it is free, because that is what all
    /// examples name.
    pub(super) fn find(place: &DevFolder) -> Result<Self, Failure> {
        let server = find("rabbitmq-server", &SERVER_FOLDERS, "").ok_or_else(not_installed)?;
        let name_server = find("epmd", &["/usr/lib/erlang", "/opt/homebrew/opt/erlang/lib/erlang"], "bin")
            .ok_or_else(not_installed)?;
        let home = std::path::absolute(place.broker())
            .map_err(|error| Failure::new(Exit::Error, format!("finding {}: {error}", place.broker().display())))?;
        let [port, inner_ports @ ..] = free_ports().map_err(no_port)?;
        Ok(Self { server, name_server, port, inner_ports, home })
    }

    /// Address of the broker.
    pub(super) fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// The command that becomes the server. It ends in order when nobody holds its input any more.
    pub(super) fn command(&self, place: &DevFolder) -> io::Result<Command> {
        std::fs::create_dir_all(&self.home)?;
        std::fs::write(self.file("enabled_plugins"), "[].\n")?;
        std::fs::write(self.file("rabbitmq.conf"), CONFIGURATION)?;
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(SCRIPT).arg(&self.server).arg(&self.name_server);
        // Whoever has the output of this command has the folder.
        command.stdout(Stdio::from(place.hold()?));
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("RABBITMQ_") || name.starts_with("ERL_")) {
                command.env_remove(name);
            }
        }
        let [distribution, names] = self.inner_ports.map(|port| port.to_string());
        command
            .current_dir(&self.home)
            .env("HOME", &self.home)
            // The script then becomes the server instead of waiting for it: one process to signal.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .env_remove("NOTIFY_SOCKET")
            .env("ERL_EPMD_PORT", names)
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODENAME", "warrener-dev@localhost")
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", distribution)
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("RABBITMQ_MNESIA_BASE", self.file("data"))
            .env("RABBITMQ_LOG_BASE", self.file("log"))
            .env("RABBITMQ_PID_FILE", self.file("pid"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", self.file("enabled_plugins"))
            .env("RABBITMQ_CONF_ENV_FILE", self.file("none"))
            .env("RABBITMQ_CONFIG_FILE", self.file("rabbitmq.conf"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", self.file("none.config"));
        Ok(command)
    }

    /// Tells whether it speaks AMQP yet.
    pub(super) async fn answers(&self) -> bool {
        let greeting = async {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
            stream.write_all(b"AMQP\x00\x00\x09\x01").await?;
            stream.read_u8().await
        };
        matches!(tokio::time::timeout(GREETING_TIMEOUT, greeting).await, Ok(Ok(METHOD_FRAME)))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.join(name)
    }
}

fn not_installed() -> Failure {
    Failure::new(Exit::Error, "starting a RabbitMQ: it is not installed on this machine").hint(
        "install it (Debian and Ubuntu: `apt-get install rabbitmq-server`, macOS: `brew install rabbitmq`), or name \
         the address of another one in WARRENER_AMQP__URL",
    )
}

fn no_port(error: io::Error) -> Failure {
    Failure::new(Exit::Error, format!("looking for free ports on 127.0.0.1: {error}"))
}

/// The server's own script first: what distributions put into the path changes the user and the folders. Folders may
/// hold one more for each version, such as `erts-13.1`, with the program below `under`.
fn find(program: &str, known: &[&str], under: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let versions = |folder: &PathBuf| {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path().join(under)).filter(|path| path.is_dir()).collect::<Vec<_>>()
    };
    let known: Vec<PathBuf> = known.iter().map(PathBuf::from).collect();
    let deeper: Vec<PathBuf> = if under.is_empty() { Vec::new() } else { known.iter().flat_map(versions).collect() };
    let folders = known.into_iter().chain(deeper).chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn free_ports() -> io::Result<[u16; 3]> {
    // All are held until all are known, so that they differ.
    let usual = TcpListener::bind((Ipv4Addr::LOCALHOST, USUAL_PORT));
    let any = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [usual.or_else(|_| any())?, any()?, any()?];
    let [port, distribution, names] = held.each_ref().map(TcpListener::local_addr);
    Ok([port?.port(), distribution?.port(), names?.port()])
}

/// Becomes the server. Beside it run Erlang's directory of names and a watchman, who ends the server once nobody
/// holds our input, and then what is left of the group. Channel 4 is the lock on the folder.
const SCRIPT: &str = r#"exec 3<&0 4>&1 </dev/null >&2
"$1" -port "$ERL_EPMD_PORT" 3<&- &
(cat <&3 >/dev/null; kill -TERM $$; sleep 20; kill -KILL 0) &
exec "$0" 3<&-"#;
/// A small node, which raises no alarm on the nearly full disk of a developer.
const CONFIGURATION: &str = "\
raft.wal_max_size_bytes = 16000000
disk_free_limit.absolute = 50MB
log.file.level = info
";
const SERVER_FOLDERS: [&str; 5] = [
    "/usr/lib/rabbitmq/bin",
    "/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/usr/local/sbin",
];
/// Port of AMQP, taken if it is free.
const USUAL_PORT: u16 = 5672;
/// First byte of the broker's answer to the greeting.
const METHOD_FRAME: u8 = 1;
/// Longest wait for an answer to the greeting: a broker that starts may accept and say nothing.
const GREETING_TIMEOUT: Duration = Duration::from_secs(2);
