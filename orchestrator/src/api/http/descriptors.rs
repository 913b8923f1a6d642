//! How many files and connections the process may have open.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Descriptors for everything but clients of the HTTP interface: the database and its readers, the broker, logs.
const RESERVED: usize = 56;
/// Connections that are taken however few descriptors there are.
const FEWEST: usize = 4;
/// Largest number of spare places.
const SPARE_MAX: usize = 64;

/// Raises the limit of descriptors as far as is allowed, and says what it is now.
pub fn raise() -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let raised = soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok();
    usize::try_from(if raised { hard } else { soft }).unwrap_or(usize::MAX)
}

/// Ordinary and spare places for connections, of so many that are wished for.
pub(super) fn places(wished: usize, descriptors: usize) -> (usize, usize) {
    let spare = (wished / 16).clamp(1, SPARE_MAX);
    let room = descriptors.saturating_sub(RESERVED);
    if room >= wished + spare {
        return (wished, spare);
    }
    let spare = (room / 8).clamp(2, SPARE_MAX);
    let ordinary = room.saturating_sub(spare).clamp(FEWEST, wished.max(FEWEST));
    tracing::warn!(descriptors, connections = ordinary, wished, "few descriptors (ulimit -n): fewer connections");
    (ordinary.min(wished), spare)
}
