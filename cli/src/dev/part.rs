//! A process of `warrener dev`: started, watched, started again if it was killed, ended in order.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::tail;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Program to start, and file for its log.
pub(super) struct DevPart {
    pub(super) name: String,
    pub(super) log: PathBuf,
    pub(super) command: Box<dyn Fn() -> io::Result<Command> + Send + Sync>,
    /// Longest time that it may take to end.
    pub(super) grace: Duration,
}

/// Every process that lives, so that all can be killed at once.
#[derive(Clone, Debug, Default)]
pub(super) struct Living(Arc<Mutex<Vec<Pid>>>);

/// A running process. Its input is ours: it ends with us, however we end.
struct WatchedProcess {
    child: Child,
    _input: Option<ChildStdin>,
    leader: Pid,
    living: Living,
}

impl DevPart {
    /// Keeps it running until told to stop, and ends it.
    pub(super) async fn keep(self, living: Living, stop: CancellationToken) -> Result<(), Failure> {
        let told = tokio::spawn(tail::warnings(self.name.clone(), self.log.clone()));
        let kept = self.keep_running(&living, &stop).await;
        told.abort();
        kept
    }

    async fn keep_running(&self, living: &Living, stop: &CancellationToken) -> Result<(), Failure> {
        loop {
            let mut process = self.start(living).map_err(|error| self.failure(&format!("starting it: {error}")))?;
            tokio::select! {
                ended = process.child.wait() => {
                    let status = ended.map_err(|error| self.failure(&error.to_string()))?;
                    drop(process);
                    self.told_end(status)?;
                }
                () = stop.cancelled() => return self.end(process).await,
            }
            // Whatever kills it at once must not keep this machine busy.
            if stop.run_until_cancelled(sleep(BEFORE_RESTART)).await.is_none() {
                return Ok(());
            }
        }
    }

    fn start(&self, living: &Living) -> io::Result<WatchedProcess> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let mut command = (self.command)()?;
        command.stdin(Stdio::piped()).stderr(log);
        // A group of its own: Ctrl-C in the terminal is for us, who end everything in order.
        let mut child = command.process_group(0).spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        let leader = id.expect("nobody has waited for it yet");
        living.list().push(leader);
        // Waiting for the child would close it if the child had it.
        Ok(WatchedProcess { _input: child.stdin.take(), child, leader, living: living.clone() })
    }

    /// A process that was killed is started again; one that gave up won't do better.
    fn told_end(&self, status: ExitStatus) -> Result<(), Failure> {
        let Some(signal) = status.signal().map(Signal::try_from) else {
            return Err(self.failure(&format!("it ended with {status}")));
        };
        let signal = signal.map_or_else(|_| "a signal".to_owned(), |signal| signal.to_string());
        talk::say(&format!("{}: ended by {signal}; starting it again", self.name));
        Ok(())
    }

    async fn end(&self, mut process: WatchedProcess) -> Result<(), Failure> {
        kill(process.leader, Signal::SIGTERM).ok();
        match timeout(self.grace, process.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.failure(&error.to_string())),
            // Dropped, it is killed.
            Err(_) => {
                talk::say(&format!("{}: killed, because it did not end within {} s", self.name, self.grace.as_secs()));
                Ok(())
            }
        }
    }

    fn failure(&self, why: &str) -> Failure {
        let failure = Failure::new(Exit::Error, format!("{}: {why}", self.name)).details(tail::last_lines(&self.log));
        failure.hint(format!("all of its log is in {}", self.log.display()))
    }
}

impl Living {
    /// Kills everything. A worker is asked a second time instead, since it kills the programs that it started.
    pub(super) fn kill_all(&self) {
        for leader in self.list().iter() {
            kill(*leader, Signal::SIGTERM).ok();
        }
        std::thread::sleep(LAST_WORDS);
        for leader in self.list().iter() {
            killpg(*leader, Signal::SIGKILL).ok();
        }
    }

    fn list(&self) -> std::sync::MutexGuard<'_, Vec<Pid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for WatchedProcess {
    fn drop(&mut self) {
        // What it started and left behind goes with it; most times there is nobody.
        killpg(self.leader, Signal::SIGKILL).ok();
        self.living.list().retain(|leader| *leader != self.leader);
    }
}

/// Wait before a part that died is started again.
const BEFORE_RESTART: Duration = Duration::from_millis(500);
/// Time for a worker to kill the programs that it started.
const LAST_WORDS: Duration = Duration::from_millis(200);
