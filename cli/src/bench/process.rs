//! A process of the system under test, and what it used.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::role::RoleArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// A running process. It ends by itself once nobody holds its input.
#[derive(Debug)]
pub(super) struct BenchProcess {
    name: &'static str,
    child: Child,
}

impl BenchProcess {
    /// Starts this very program in a role, in a folder and with nothing of our own configuration.
    pub(super) fn start(
        name: &'static str,
        role: &RoleArgs,
        folder: &Path,
        settings: &[(&str, String)],
    ) -> Result<Self, Failure> {
        let failed = |error| Failure::new(Exit::Error, format!("starting the {name}: {error}"));
        let inherited = INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
        let child = Command::new(std::env::current_exe().map_err(failed)?)
            .arg("bench-role")
            .args(role.arguments())
            .current_dir(folder)
            .env_clear()
            .envs(inherited)
            .envs(settings.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        Ok(Self { name, child: child.map_err(failed)? })
    }

    /// Process id, 0 once it has ended.
    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or(0)
    }

    /// Lets it end, and waits for that.
    pub(super) async fn stop(mut self) -> Result<(), Failure> {
        drop(self.child.stdin.take());
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            other => Err(Failure::new(Exit::Error, format!("ending the {}: {other:?}", self.name))),
        }
    }
}

/// The processor time that a process has used, as far as the system tells.
pub(super) fn cpu(process: u32) -> Option<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name before may hold anything, spaces and brackets too.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_ascii_whitespace().skip(11).map_while(|field| field.parse::<u64>().ok());
    let ticks = times.next()? + times.next()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// The most memory that a process has held since [`forget_peak`], in MB.
pub(super) fn peak(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib / 1024.0)
}

/// Starts anew with the peak of a process. Where the system doesn't know how, the peak is that of its life.
pub(super) fn forget_peak(process: u32) {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").ok();
}

/// Unit of processor times: every Linux tells them to programs in this, whatever its kernel counts in.
const TICKS_PER_SECOND: u64 = 100;
/// Variables that a program needs of our environment; our own configuration must not reach it.
const INHERITED: [&str; 3] = ["PATH", "HOME", "RUST_LOG"];
/// Time for a process to end.
const PATIENCE: Duration = Duration::from_secs(40);
