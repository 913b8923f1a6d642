//! The worker under test, where we start it ourselves.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

use crate::exit::Exit;
use crate::failure::Failure;

/// A command that can be started, killed and stopped. What it prints goes to stderr.
pub(super) struct TestedWorker {
    command: Vec<String>,
    variables: Vec<(&'static str, String)>,
    running: Option<(Child, Pid)>,
}

impl TestedWorker {
    pub(super) fn new(command: Vec<String>, variables: Vec<(&'static str, String)>) -> Self {
        Self { command, variables, running: None }
    }

    /// Starts it. Does nothing if it runs.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        if self.running.is_some() {
            return Ok(());
        }
        let (program, arguments) = self.command.split_first().expect("it is asked only where there is a command");
        let mut command = Command::new(program);
        command.args(arguments).envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command.stdin(Stdio::null()).stdout(std::io::stderr()).process_group(0).kill_on_drop(true);
        let child = command
            .spawn()
            .map_err(|error| Failure::new(Exit::Usage, format!("starting the worker: {program}: {error}")))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        self.running = Some((child, pid.expect("nobody has waited for it yet")));
        Ok(())
    }

    /// Status of its end, if it ended by itself: `exit status: 1`.
    pub(super) fn ended(&mut self) -> Option<String> {
        let (child, _) = self.running.as_mut()?;
        child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// Kills it like a power cut.
    pub(super) async fn kill(&mut self) {
        if let Some((mut child, pid)) = self.running.take() {
            killpg(pid, Signal::SIGKILL).ok();
            child.wait().await.ok();
        }
    }

    /// Asks it to end. Whether it did within the limit; if not it is killed.
    pub(super) async fn stop(&mut self, limit: Duration) -> bool {
        let Some((mut child, pid)) = self.running.take() else { return true };
        kill(pid, Signal::SIGTERM).ok();
        let ended = tokio::time::timeout(limit, child.wait()).await.is_ok();
        killpg(pid, Signal::SIGKILL).ok();
        ended
    }
}

impl Drop for TestedWorker {
    fn drop(&mut self) {
        if let Some((_, pid)) = &self.running {
            killpg(*pid, Signal::SIGKILL).ok();
        }
    }
}
