//! Programs that do not outlive the worker that runs them, however it dies.
//!
//! Nothing that a process does ends its children when it is killed by force. So a worker runs each program below a
//! *supervisor*: its own binary once more, in a mode that no user sees. The supervisor holds one end of a socket, the
//! worker the other: when that ends, everything that the program has started is asked to end, and killed a moment
//! later. Everything: processes that left the group or the session of the program become children of the supervisor,
//! since it is a subreaper, so they are found and reaped too.
//!
//! A binary has the mode if its `main` begins with [`enter`]; ours do. A worker in another binary that does not runs
//! its programs directly: they are ended with their process group when an attempt ends, but they outlive a worker that
//! is killed, as does whatever leaves the group. Code as a handler needs none of this and pays nothing for it.

#[cfg(target_os = "linux")]
mod first;
#[cfg(target_os = "linux")]
mod life;
mod talk;
#[cfg(target_os = "linux")]
mod tree;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use self::talk::{ProgramEnd, ProgramNews, StopCommand, input_header};

/// Set if this binary can act as a supervisor.
static AVAILABLE: AtomicBool = AtomicBool::new(false);

/// Becomes a supervisor if this process was started as one; tells then how `main` is to end. Otherwise notes that
/// programs can be run below one. Call it first in `main`, before any thread or runtime is started:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     if let Some(end) = warrener_worker::supervisor::enter() {
///         return end;
///     }
///     // … a runtime, and `Worker::run`
///     std::process::ExitCode::SUCCESS
/// }
/// ```
pub fn enter() -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    {
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|first| first == MODE) {
            return Some(life::supervise(arguments));
        }
        AVAILABLE.store(true, Ordering::Relaxed);
    }
    None
}

/// As the first process of a container: starts this binary once more as the worker, hands signals on to it, and
/// reaps whatever is left to the first process; tells then how `main` is to end. Otherwise does nothing. Call it
/// behind [`enter`].
pub fn enter_as_first_process() -> Option<ExitCode> {
    #[cfg(target_os = "linux")]
    return first::enter();
    #[cfg(not(target_os = "linux"))]
    None
}

/// Tells whether programs can be run below a supervisor.
pub(crate) fn is_available() -> bool {
    AVAILABLE.load(Ordering::Relaxed)
}

/// The path and arguments that start a supervisor, to which the program and its own arguments are added. `descriptors`
/// limits the descriptors of the program; `None` leaves the limit as it is.
pub(crate) fn command(descriptors: Option<u64>) -> (&'static str, [OsString; 2]) {
    let descriptors = descriptors.map_or_else(|| "-".to_owned(), |count| count.to_string());
    // The link stands for the binary that runs, even if the file was replaced meanwhile.
    ("/proc/self/exe", [MODE.into(), descriptors.into()])
}

/// The first argument of a supervisor.
const MODE: &str = "__supervise";
