//! Real PostgreSQL servers, with a port and a folder of their own: one that all tests share, each with a database of
//! its own, and private ones that can be killed. Also compiled into the orchestrator's own tests, so it needs little.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// A database of its own on a server that all tests share. The server ends when no test has needed it for a while.
#[derive(Debug)]
pub struct Shared {
    url: String,
    // The system takes the lock back when the process ends, however it ends.
    _holder: File,
}

impl Shared {
    /// Makes a database.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not come up.
    pub fn database() -> Self {
        let folder = std::env::temp_dir().join(format!("warrener-postgres-shared-{}", user()));
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let holders = folder.join("holders");
        let holder = open(&holders);
        holder.lock_shared().expect("a lock can be taken");
        let starting = open(&folder.join("starting"));
        starting.lock().expect("a lock can be taken");
        let state = folder.join("port");
        let running = std::fs::read_to_string(&state).ok().and_then(|port| port.trim().parse().ok());
        let port = running.filter(|port| answers(*port)).unwrap_or_else(|| {
            let home = folder.join(unique("server"));
            let port = launch(&home, free_port(), ServerKeeper::Holders(&holders)).1;
            std::fs::write(&state, port.to_string()).expect("a file can be written");
            port
        });
        drop(starting);
        let name = unique("test");
        create_database(port, &name);
        Self { url: url(port, &name), _holder: holder }
    }

    /// The address of the database.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A server of its own. Dropped, it is killed and its folder removed.
#[derive(Debug)]
pub struct Server {
    home: TempDir,
    port: u16,
    running: Option<Child>,
}

impl Server {
    /// Starts a server.
    ///
    /// # Panics
    /// If PostgreSQL is not installed, or does not come up.
    pub fn start() -> Self {
        let home = tempfile::Builder::new().prefix("warrener-postgres-").tempdir().expect("a folder can be made");
        let mut server = Self { home, port: free_port(), running: None };
        server.launch();
        server
    }

    /// Starts it again, with the data of the earlier run. Does nothing if it runs.
    ///
    /// # Panics
    /// If it does not come up.
    pub fn launch(&mut self) {
        if self.running.is_none() {
            let (child, port) = launch(&self.home.path().join("server"), self.port, ServerKeeper::Us);
            (self.running, self.port) = (Some(child), port);
        }
    }

    /// The address of a database on it.
    pub fn url(&self) -> String {
        url(self.port, "postgres")
    }

    /// Ends all of its processes at once, in the middle of what they do. Does nothing if it is down.
    ///
    /// # Panics
    /// If it is still there after a while.
    pub fn kill(&mut self) {
        let Some(mut child) = self.running.take() else { return };
        signal(&child, Signal::SIGQUIT);
        let deadline = Instant::now() + START_TIMEOUT;
        while child.try_wait().expect("a child can be looked at").is_none() {
            assert!(Instant::now() < deadline, "PostgreSQL does not end");
            sleep(LOOK_EVERY);
        }
    }

    /// Speaks TLS from now on with those who want it, by the files `cert` and `key` of a folder.
    ///
    /// # Panics
    /// If it does not.
    pub fn speak_tls(&self, folder: &Path) {
        for (from, to) in [("cert", "server.crt"), ("key", "server.key")] {
            let file = self.home.path().join("server/data").join(to);
            std::fs::copy(folder.join(from), &file).expect("a file can be copied");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("a file of ours");
            if let Some((user, group)) = other_user() {
                chown(&file, Some(user), Some(group)).expect("root may give files away");
            }
        }
        self.sql("ALTER SYSTEM SET ssl = on");
        self.sql("SELECT pg_reload_conf()");
        let deadline = Instant::now() + START_TIMEOUT;
        while self.sql("SHOW ssl") != "on" {
            assert!(Instant::now() < deadline, "PostgreSQL does not speak TLS");
            sleep(LOOK_EVERY);
        }
    }

    /// Carries out a statement with `psql`, and gives what it prints.
    ///
    /// # Panics
    /// If it fails.
    pub fn sql(&self, statement: &str) -> String {
        sql(self.port, "postgres", statement)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The party whose end is the end of the server, even if that one is killed.
enum ServerKeeper<'a> {
    /// The party is this process; a pipe tells of its end.
    Us,
    /// The parties are all processes that hold a lock on this file.
    Holders(&'a Path),
}

impl ServerKeeper<'_> {
    /// Becomes the server, and leaves a watchman behind who ends it once nobody keeps it.
    const fn script(&self) -> &'static str {
        match self {
            Self::Us => r#"exec 3<&0; (cat <&3 >/dev/null; kill -QUIT $$) >/dev/null 2>&1 & exec "$@" </dev/null 3<&-"#,
            Self::Holders(_) => {
                r#"(idle=0; while [ $idle -lt 30 ]; do sleep 1
                       if flock -n "$HOLDERS" true; then idle=$((idle + 1)); else idle=0; fi
                    done; kill -QUIT $$; sleep 2; rm -rf "$PWD") </dev/null >/dev/null 2>&1 &
                    exec "$@" </dev/null"#
            }
        }
    }
}

/// Starts a server in a folder, which is filled if it is not there, and waits until it answers.
fn launch(home: &Path, port: u16, keeper: ServerKeeper<'_>) -> (Child, u16) {
    let programs = programs();
    let data = home.join("data");
    if !data.is_dir() {
        std::fs::create_dir_all(home).expect("a folder can be made");
        // The server's user must get through.
        for folder in [home, home.parent().expect("it is in a folder")] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("a folder of ours");
        }
        let secret = home.join("password");
        std::fs::write(&secret, PASSWORD).expect("a file can be written");
        if let Some((user, group)) = other_user() {
            for path in [home, &secret] {
                chown(path, Some(user), Some(group)).expect("root may give files away");
            }
        }
        let mut command = command(&programs.join("initdb"), home);
        command.args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]);
        let output = command.arg("--no-sync").arg("--pwfile").arg(&secret).arg("--pgdata").arg(&data).output();
        let output = output.expect("initdb can be started");
        assert!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
    }
    let log = home.join("log");
    let mut command = command(Path::new("/bin/sh"), home);
    command.arg("-c").arg(keeper.script()).arg("sh").arg(programs.join("postgres")).arg("-D").arg(&data);
    command.args(["-h", "127.0.0.1", "-k", "", "-p", &port.to_string(), "-F", "-c", "max_connections=400"]);
    if let ServerKeeper::Holders(path) = keeper {
        command.env("HOLDERS", path);
    }
    let output = OpenOptions::new().create(true).append(true).open(&log).expect("a file can be opened");
    command.stdout(output.try_clone().expect("a file can be opened twice")).stderr(output);
    let mut child = command.stdin(Stdio::piped()).process_group(0).spawn().expect("PostgreSQL can be started");
    let deadline = Instant::now() + START_TIMEOUT;
    while !answers(port) {
        let end = child.try_wait().expect("a child can be looked at");
        let text = || std::fs::read_to_string(&log).unwrap_or_default();
        assert!(end.is_none() && Instant::now() < deadline, "PostgreSQL does not come up ({end:?}):\n{}", text());
        sleep(LOOK_EVERY);
    }
    (child, port)
}

/// A command in the folder, by a user that PostgreSQL lets start it: it refuses root.
fn command(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(home).env("HOME", home).stdin(Stdio::null());
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command
}

/// User and group to be instead of root; `None` if we are not root.
fn other_user() -> Option<(u32, u32)> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let numbers = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2).map(|number| number.parse().ok());
        Some((fields.next()??, fields.next()??))
    };
    Some(numbers("postgres").or_else(|| numbers("nobody")).expect("there is a user that is not root"))
}

/// The folder with the server's programs: that of the newest version, or the one in the path.
///
/// # Panics
/// If there is none.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let number = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let debian = versions.map(|entry| entry.path()).max_by_key(number).map(|version| version.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders = debian.into_iter().chain(std::env::split_paths(&path));
    folders.find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file()).expect(
        "PostgreSQL is not installed; install it (Debian and Ubuntu: `apt-get install postgresql`, macOS: `brew \
         install postgresql`)",
    )
}

fn create_database(port: u16, name: &str) {
    sql(port, "postgres", &format!("CREATE DATABASE {name} TEMPLATE template0"));
}

fn sql(port: u16, database: &str, statement: &str) -> String {
    let mut command = Command::new(programs().join("psql"));
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
    let output = command.arg("--dbname").arg(url(port, database)).arg("--command").arg(statement).output();
    let output = output.expect("psql can be started");
    assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Tells whether something on the port speaks the protocol of PostgreSQL and lets clients in: it says whether it has
/// TLS.
fn answers(port: u16) -> bool {
    let ask = || -> io::Result<u8> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        // A start-up message by nobody: while the server starts it says so (an error), and asks for a password later.
        let mut message = vec![0, 0, 0, 0, 0, 3, 0, 0];
        message.extend_from_slice(format!("user\0{USER}\0\0").as_bytes());
        message[3] = u8::try_from(message.len()).map_err(io::Error::other)?;
        stream.write_all(&message)?;
        let mut answer = [0];
        stream.read_exact(&mut answer)?;
        Ok(answer[0])
    };
    ask().is_ok_and(|answer| answer == b'R')
}

fn signal(child: &Child, signal: Signal) {
    if let Ok(pid) = i32::try_from(child.id()) {
        // It may have ended by itself.
        kill(Pid::from_raw(pid), signal).ok();
    }
}

fn open(path: &Path) -> File {
    let file = OpenOptions::new().create(true).truncate(false).write(true).read(true).open(path);
    file.expect("a file can be opened")
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A name that no other test of this machine uses.
fn unique(what: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{what}_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "nobody".to_owned())
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
}

const USER: &str = "warrener";
/// Password that no log may show.
pub const PASSWORD: &str = "s3cret-of-the-tests";
/// Longest wait for a start.
const START_TIMEOUT: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(50);
