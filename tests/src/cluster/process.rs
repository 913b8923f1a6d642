//! A process of ours: started, signalled, its output in a file, gone when the test is gone.

use std::fs::OpenOptions;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, Command};

use crate::wait::{SOON, within};

/// A running process, or one that ended and was not asked after yet.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    // Closed with us; waiting for a child would close it too early if the child had it.
    _kept: Option<ChildStdin>,
    log: PathBuf,
}

impl Process {
    /// Starts a program in `folder`; what it prints is added to `<folder>/<name>.log`.
    ///
    /// # Panics
    /// If it can't be started.
    pub fn start(name: &str, program: &Path, arguments: &[&str], folder: &Path, variables: &[(&str, String)]) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let file = file.unwrap_or_else(|error| panic!("opening {}: {error}", log.display()));
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(KEPT).arg(program).args(arguments).current_dir(folder);
        command.env_clear().envs(INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::piped()).stdout(file.try_clone().expect("a file can be shared")).stderr(file);
        let mut child = command.process_group(0).spawn().unwrap_or_else(|error| panic!("starting {name}: {error}"));
        Self { name: name.to_owned(), _kept: child.stdin.take(), child, log }
    }

    /// Kills it like a power cut, and waits until it is gone.
    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Asks it to end and waits until it has.
    pub async fn stop(mut self) -> ExitStatus {
        self.signal(Signal::SIGTERM);
        self.ended().await
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it doesn't.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = within(&format!("{} ends", self.name), SOON * 3, self.child.wait()).await;
        ended.expect("we are its parent")
    }

    /// Status of its end; `None` while it runs.
    pub fn end(&mut self) -> Option<String> {
        let status = self.child.try_wait().expect("we are its parent")?;
        Some(status.signal().map_or_else(|| status.to_string(), |signal| format!("signal {signal}")))
    }

    /// Sends a signal. Does nothing if it has ended.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            kill(pid, signal).ok();
        }
    }

    /// Output so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Process id, while it runs.
    pub fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            killpg(pid, Signal::SIGKILL).ok();
        }
    }
}

/// Becomes the program, and leaves a watchman behind who ends it once nobody holds the other end of its input.
const KEPT: &str =
    r#"exec 3<&0; (cat <&3 >/dev/null 2>&1; kill -KILL 0) >/dev/null 2>&1 & exec "$0" "$@" </dev/null 3<&-"#;
/// Variables that a program needs of our environment; our own configuration must not reach it.
const INHERITED: [&str; 2] = ["PATH", "HOME"];
