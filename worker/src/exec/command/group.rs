//! The process group of a program: the program and whatever it starts.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::Instant;

use super::Stopping;

/// The group that a program leads. It is killed when this is dropped, as happens to work that is given up.
pub(crate) struct Group {
    leader: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        alive().extend(leader);
        Self { leader }
    }

    /// Asks at first, forces later.
    pub(super) fn press(&self, stopping: Stopping, grace: Duration) -> Stopping {
        match stopping {
            Stopping::No => {
                self.signal(Signal::SIGTERM);
                Stopping::Asked(Instant::now() + grace)
            }
            Stopping::Asked(_) | Stopping::Forced => {
                self.signal(Signal::SIGKILL);
                Stopping::Forced
            }
        }
    }

    /// Kills what is left; afterwards the number may belong to others.
    pub(super) fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        if let Some(leader) = self.leader.take() {
            alive().remove(&leader);
        }
    }

    /// Kills every group of this process, which is about to end.
    pub(crate) fn kill_all() {
        for leader in alive().iter() {
            signal(*leader, Signal::SIGKILL);
        }
    }

    fn signal(&self, with: Signal) {
        if let Some(leader) = self.leader {
            signal(leader, with);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn signal(leader: Pid, signal: Signal) {
    match killpg(leader, signal) {
        // Nobody is left.
        Ok(()) | Err(Errno::ESRCH) => {}
        Err(error) => tracing::warn!(%leader, %signal, %error, "signalling a program"),
    }
}

/// The leaders of all groups of this process: programs don't end with the process that started them.
fn alive() -> MutexGuard<'static, BTreeSet<Pid>> {
    static ALIVE: Mutex<BTreeSet<Pid>> = Mutex::new(BTreeSet::new());
    ALIVE.lock().unwrap_or_else(PoisonError::into_inner)
}
