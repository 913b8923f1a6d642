//! The number of files, sockets and pipes that this process may have open.

use std::sync::OnceLock;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The soft limit before it was raised.
static ORIGINAL: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit to the hard one, which a process may do by itself: most systems give 1,024, for the sake of
/// programs from the time of `select`. Only the first call counts.
pub fn raise_limit() {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return };
    let mut is_first = false;
    ORIGINAL.get_or_init(|| {
        is_first = true;
        soft
    });
    if !is_first || soft >= hard {
        return;
    }
    if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        tracing::warn!(%error, soft, hard, "the limit of open files stays as it is");
    }
}

/// Number of descriptors that may be open now; `u64::MAX` if the system does not tell.
pub fn soft_limit() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft)
}

/// The limit that this process was started with; `None` if it was not raised.
pub fn original() -> Option<u64> {
    ORIGINAL.get().copied()
}
