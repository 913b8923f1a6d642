//! The process group of a program: the program and whatever it starts.

use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::time::Instant;

use super::Stopping;

/// The group that a program leads. It is killed when this is dropped, as happens to work that is given up.
pub(super) struct Group {
    leader: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: &Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
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
        self.leader = None;
    }

    fn signal(&self, signal: Signal) {
        let Some(leader) = self.leader else { return };
        match killpg(leader, signal) {
            // Nobody is left.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => tracing::warn!(%leader, %signal, %error, "signalling a program"),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
