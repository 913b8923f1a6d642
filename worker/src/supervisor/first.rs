//! The first process of a container: everything whose parent has ended becomes its child, and it must reap it.

use std::process::{Child, Command, ExitCode};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use warrener_runtime::telemetry;

/// Becomes the parent of the worker if this is the first process.
pub(super) fn enter() -> Option<ExitCode> {
    let all = SigSet::all();
    if std::process::id() != 1 {
        // A first process hands its mask down; whoever blocks signals for a worker means no other.
        all.thread_unblock().ok();
        return None;
    }
    // Before the start, so that no signal is lost: what nobody handles is ignored by a first process.
    all.thread_block().ok()?;
    let started = Command::new("/proc/self/exe").args(std::env::args_os().skip(1)).spawn();
    match started {
        Ok(worker) => Some(guard(&worker, &all)),
        Err(error) => {
            telemetry::tell(format_args!(
                "starting the worker below the first process: {error}; it is the first itself"
            ));
            all.thread_unblock().ok();
            None
        }
    }
}

/// Hands signals on, and reaps, until the worker has ended.
fn guard(worker: &Child, signals: &SigSet) -> ExitCode {
    let worker = Pid::from_raw(i32::try_from(worker.id()).expect("a process id is positive"));
    loop {
        if let Some(code) = reap(worker) {
            return ExitCode::from(code);
        }
        match signals.wait() {
            Ok(Signal::SIGCHLD) => {}
            Ok(signal) => drop(kill(worker, signal)),
            Err(error) => telemetry::tell(format_args!("waiting for signals: {error}")),
        }
    }
}

/// Reaps whoever has ended; tells how a shell would report the end of the worker, if it was among them.
fn reap(worker: Pid) -> Option<u8> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == worker => return Some(u8::try_from(code).unwrap_or(1)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == worker => {
                return Some(u8::try_from(128 + signal as i32).unwrap_or(1));
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return None,
            Ok(_) | Err(_) => {}
        }
    }
}
