//! The life of one supervisor: start the program, feed it, end it when it must, and leave nothing behind.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stderr, dup2_stdin, dup2_stdout};
use warrener_runtime::telemetry;

use super::talk::{ProgramEnd, StopCommand};
use super::tree;

/// Runs the program that the arguments name. Standard input is the socket to the worker.
pub(super) fn supervise(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    match begin(arguments).and_then(|supervisor| supervisor.map_or(Ok(()), Supervisor::run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            telemetry::tell(format_args!("supervising a program: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A program that was started.
struct Supervisor {
    worker: UnixStream,
    children: SignalFd,
    /// The program itself; `None` once it has ended, and its number may belong to others.
    leader: Option<Pid>,
    end: Option<ProgramEnd>,
    stage: LifeStage,
    input: ProgramInput,
    /// Set while the worker's end of the socket is open.
    has_worker: bool,
}

/// Progress of ending the program.
#[derive(Clone, Copy)]
enum LifeStage {
    Running,
    /// The worker is gone, so the program was asked to end; it is forced at this time.
    Orphaned(Instant),
    /// The worker had the program asked to end, and will say when it is to be forced.
    Asked,
    Forced,
}

/// The input on its way to the program.
struct ProgramInput {
    header: Vec<u8>,
    /// Bytes still to come from the worker; `None` before the header is complete.
    missing: Option<usize>,
    bytes: Vec<u8>,
    written: usize,
    /// `None` once it is closed.
    pipe: Option<ChildStdin>,
}

/// Starts the program; `None` if that failed, which the worker was told.
fn begin(mut arguments: impl Iterator<Item = OsString>) -> io::Result<Option<Supervisor>> {
    let mut worker = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Whoever loses its parent below us becomes our child, instead of the first process's.
    set_child_subreaper(true)?;
    limit_descriptors(arguments.next());
    let program = arguments.next().ok_or_else(|| io::Error::other("no program is named"))?;
    let mut command = std::process::Command::new(program);
    let started = command.args(arguments).stdin(Stdio::piped()).process_group(0).spawn();
    let mut program = match started {
        Ok(program) => program,
        Err(error) => {
            let errno = error.raw_os_error().unwrap_or(Errno::EIO as i32);
            worker.write_all(ProgramEnd::Error(errno).line().as_bytes())?;
            return Ok(None);
        }
    };
    let leader = Pid::from_raw(i32::try_from(program.id()).map_err(io::Error::other)?);
    // Only now: the program shall not inherit the mask. What ended before is seen by the first look.
    SigSet::all().thread_block()?;
    let children = SignalFd::with_flags(&SigSet::from(Signal::SIGCHLD), SfdFlags::SFD_NONBLOCK)?;
    let pipe = program.stdin.take();
    if let Some(pipe) = &pipe {
        fcntl(pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    }
    leave_pipes()?;
    worker.write_all(format!("pid {leader}\n").as_bytes())?;
    worker.set_nonblocking(true)?;
    let input = ProgramInput { header: Vec::new(), missing: None, bytes: Vec::new(), written: 0, pipe };
    let (leader, stage) = (Some(leader), LifeStage::Running);
    Ok(Some(Supervisor { worker, children, leader, end: None, stage, input, has_worker: true }))
}

/// Gives the program the number of descriptors that the worker started with.
fn limit_descriptors(wanted: Option<OsString>) {
    let wanted = wanted.and_then(|wanted| wanted.to_str()?.parse().ok());
    if let Some(soft) = wanted
        && let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
    {
        // A program that gets more than it wanted works as well.
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).ok();
    }
}

/// Output and log belong to the program: as long as we held them their readers would see no end.
fn leave_pipes() -> io::Result<()> {
    let nothing = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    dup2_stderr(&nothing)?;
    Ok(())
}

impl Supervisor {
    /// Runs until nothing is left below us.
    fn run(mut self) -> io::Result<()> {
        while !self.reap() {
            if self.end.is_some() {
                // Whatever it started and left behind would work on in secret.
                tree::signal(None, Signal::SIGKILL);
            } else {
                self.press();
            }
            self.wait()?;
            self.hear();
            self.input.write();
        }
        if let Some(end) = self.end {
            // The worker may be gone: then nobody wants to know.
            self.worker.write_all(end.line().as_bytes()).ok();
        }
        Ok(())
    }

    /// Takes in who has ended; tells whether nobody is left.
    fn reap(&mut self) -> bool {
        loop {
            let (pid, end) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, ProgramEnd::Exit(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, ProgramEnd::Signal(signal as i32)),
                Ok(WaitStatus::StillAlive) => return false,
                Err(Errno::ECHILD) => return true,
                Ok(_) | Err(_) => continue,
            };
            if self.leader == Some(pid) {
                (self.leader, self.end) = (None, Some(end));
                self.input.close();
            }
        }
    }

    fn press(&mut self) {
        match self.stage {
            LifeStage::Orphaned(until) if Instant::now() >= until => self.stage = LifeStage::Forced,
            _ => {}
        }
        if matches!(self.stage, LifeStage::Forced) {
            // Again and again: what is born while we look is found in the next round.
            tree::signal(self.leader, Signal::SIGKILL);
        }
    }

    fn ask(&mut self, then: LifeStage) {
        if matches!(self.stage, LifeStage::Running) {
            tree::signal(self.leader, Signal::SIGTERM);
        }
        if !matches!(self.stage, LifeStage::Forced) {
            self.stage = then;
        }
    }

    /// Sleeps until something happens, or until it is time for the next round.
    fn wait(&self) -> io::Result<()> {
        let limit = match self.stage {
            _ if self.end.is_some() => ROUND,
            LifeStage::Forced => ROUND,
            LifeStage::Orphaned(until) => until.saturating_duration_since(Instant::now()) + ROUND,
            LifeStage::Running | LifeStage::Asked => Duration::MAX,
        };
        let limit = PollTimeout::try_from(limit).unwrap_or(PollTimeout::NONE);
        let mut events = vec![PollFd::new(self.children.as_fd(), PollFlags::POLLIN)];
        if self.has_worker {
            events.push(PollFd::new(self.worker.as_fd(), PollFlags::POLLIN));
        }
        if let Some(pipe) = self.input.pipe.as_ref().filter(|_| self.input.is_pending()) {
            events.push(PollFd::new(pipe.as_fd(), PollFlags::POLLOUT));
        }
        match poll(&mut events, limit) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        // The signal only woke us; who it was about is asked for by `reap`.
        while let Ok(Some(_)) = self.children.read_signal() {}
        Ok(())
    }

    /// Takes in what the worker has sent.
    fn hear(&mut self) {
        let mut chunk = [0; CHUNK];
        while self.has_worker {
            match self.worker.read(&mut chunk) {
                Ok(count @ 1..) => self.take(&chunk[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The worker has ended, or has given the attempt up.
                Ok(_) | Err(_) => {
                    self.has_worker = false;
                    self.ask(LifeStage::Orphaned(Instant::now() + ORPHAN_GRACE));
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        for command in self.input.take(bytes).iter().filter_map(|byte| StopCommand::of(*byte)) {
            match command {
                StopCommand::Ask => self.ask(LifeStage::Asked),
                StopCommand::Force => self.stage = LifeStage::Forced,
            }
        }
    }
}

impl ProgramInput {
    /// Takes what belongs to the input; gives back what stands behind it.
    fn take<'b>(&mut self, mut bytes: &'b [u8]) -> &'b [u8] {
        while self.missing.is_none() {
            let Some((first, rest)) = bytes.split_first() else { return bytes };
            bytes = rest;
            match first {
                b'\n' => {
                    let length = std::str::from_utf8(&self.header).ok().and_then(|text| text.parse().ok());
                    self.missing = Some(length.unwrap_or(0));
                }
                digit => self.header.push(*digit),
            }
        }
        let missing = self.missing.unwrap_or(0);
        let (input, rest) = bytes.split_at(missing.min(bytes.len()));
        if self.pipe.is_some() {
            self.bytes.extend_from_slice(input);
        }
        self.missing = Some(missing - input.len());
        rest
    }

    fn is_pending(&self) -> bool {
        self.written < self.bytes.len() || self.missing == Some(0)
    }

    /// Writes what the program takes, and closes behind the last byte.
    fn write(&mut self) {
        while self.is_pending() {
            let Some(pipe) = &mut self.pipe else { return };
            if self.written == self.bytes.len() {
                return self.close();
            }
            match pipe.write(&self.bytes[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A program that doesn't read its input has its reasons.
                Err(_) => return self.close(),
            }
        }
    }

    fn close(&mut self) {
        self.pipe = None;
        (self.bytes, self.written) = (Vec::new(), 0);
    }
}

/// Time between two looks at what is still alive and must not be.
const ROUND: Duration = Duration::from_millis(20);
/// Between asking and forcing once the worker is gone. Somebody else has the task by then: the two shall not run side
/// by side for long.
const ORPHAN_GRACE: Duration = Duration::from_secs(1);
/// Bytes read from the worker at once.
const CHUNK: usize = 64 * 1024;
