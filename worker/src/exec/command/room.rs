//! The bound on programs that run at once: as many as there are descriptors for, with some left for everything else.

use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use warrener_runtime::descriptors;

/// Programs that run.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

/// The right to run one more program; given back when it is dropped.
pub(super) struct ProgramPermit(());

impl ProgramPermit {
    /// `None` if the descriptors would not do.
    pub(super) fn take() -> Option<Self> {
        let most = programs(descriptors::soft_limit());
        let taken =
            RUNNING.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < most).then_some(count + 1));
        taken.is_ok().then(|| Self(()))
    }
}

impl Drop for ProgramPermit {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Descriptors that a worker with so many slots needs for programs.
pub(crate) fn needed(slots: u64) -> u64 {
    slots * EACH + RESERVE
}

/// Programs that so many descriptors are enough for; one is always tried.
fn programs(descriptors: u64) -> usize {
    usize::try_from(descriptors.saturating_sub(RESERVE) / EACH).unwrap_or(usize::MAX).max(1)
}

/// Tells whether an error means that this machine is short of something, and not that the program is to blame.
pub(crate) fn is_shortage(error: &std::io::Error) -> bool {
    error.raw_os_error().is_some_and(is_shortage_no)
}

/// Tells whether an error number of the system means that it is short of something.
pub(super) fn is_shortage_no(errno: i32) -> bool {
    matches!(Errno::from_raw(errno), Errno::EMFILE | Errno::ENFILE | Errno::EAGAIN | Errno::ENOMEM)
}

/// A socket, two pipes and a handle of the process.
const EACH: u64 = 4;
/// Descriptors left for connections to the broker and to endpoints, for logs, and for a start under way.
const RESERVE: u64 = 64;
