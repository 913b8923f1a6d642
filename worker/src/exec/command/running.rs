//! A program that was started, below a supervisor or directly.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::sync::mpsc;
use tokio::time::Instant;
use warrener_runtime::descriptors;

use super::Stopping;
use super::group::Group;
use crate::supervisor::{self, ProgramEnd, ProgramNews};

/// A program, and how to end it. Dropped, the program and whatever it started are ended.
pub(super) struct Running {
    child: Child,
    leash: Leash,
}

/// The means of ending the program and all that it started.
enum Leash {
    /// The process group of the program, which is a child of ours.
    Group(Group),
    /// A supervisor is: it ends everything once our end of the socket is closed.
    Supervisor { said: OwnedReadHalf, commands: mpsc::UnboundedSender<supervisor::StopCommand> },
}

/// The way of the input to the program.
pub(super) enum Inlet {
    Pipe(tokio::process::ChildStdin),
    Supervisor { socket: OwnedWriteHalf, commands: mpsc::UnboundedReceiver<supervisor::StopCommand> },
}

/// A program that has just been started, in pieces.
pub(super) struct StartedProgram {
    pub(super) running: Running,
    pub(super) inlet: Inlet,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl StartedProgram {
    /// Starts what `prepare` makes of a program and its first arguments.
    pub(super) fn new(argv: &[String], prepare: impl Fn(&mut tokio::process::Command)) -> std::io::Result<Self> {
        if supervisor::is_available() { Self::supervised(argv, prepare) } else { Self::direct(argv, prepare) }
    }

    fn direct(argv: &[String], prepare: impl Fn(&mut tokio::process::Command)) -> std::io::Result<Self> {
        let mut command = tokio::process::Command::new(&argv[0]);
        command.args(&argv[1..]).stdin(Stdio::piped()).kill_on_drop(true);
        prepare(&mut command);
        let mut child = command.spawn()?;
        let leash = Leash::Group(Group::of(&child));
        let inlet = Inlet::Pipe(child.stdin.take().expect("its input is a pipe"));
        Ok(Self::of(child, leash, inlet))
    }

    fn supervised(argv: &[String], prepare: impl Fn(&mut tokio::process::Command)) -> std::io::Result<Self> {
        let (ours, theirs) = Pair::pair()?;
        ours.set_nonblocking(true)?;
        let (path, arguments) = supervisor::command(descriptors::original());
        let mut command = tokio::process::Command::new(path);
        command.arg0(NAME).args(arguments).args(argv).stdin(Stdio::from(OwnedFd::from(theirs)));
        prepare(&mut command);
        let child = command.spawn()?;
        // The command holds the other end of the socket: as long as it did we would not hear of the supervisor's end.
        drop(command);
        let (said, socket) = UnixStream::from_std(ours)?.into_split();
        let (sender, commands) = mpsc::unbounded_channel();
        let leash = Leash::Supervisor { said, commands: sender };
        Ok(Self::of(child, leash, Inlet::Supervisor { socket, commands }))
    }

    fn of(mut child: Child, leash: Leash, inlet: Inlet) -> Self {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        Self { running: Running { child, leash }, inlet, stdout, stderr }
    }
}

impl Running {
    /// Waits until our child has ended: the program, or its supervisor once nothing is left below it. Dropped before it
    /// is ready, nothing is lost.
    pub(super) async fn child_ended(&mut self) -> std::io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Tells the status of the program, given that of our child: the program itself or its supervisor.
    pub(super) async fn end(&mut self, status: ExitStatus) -> std::io::Result<ExitStatus> {
        let Leash::Supervisor { said, .. } = &mut self.leash else { return Ok(status) };
        match heard(said).await {
            ProgramNews { end: Some(ProgramEnd::Exit(code)), .. } => Ok(ExitStatus::from_raw(code << 8)),
            ProgramNews { end: Some(ProgramEnd::Signal(signal)), .. } => Ok(ExitStatus::from_raw(signal)),
            ProgramNews { end: Some(ProgramEnd::Error(errno)), .. } => Err(std::io::Error::from_raw_os_error(errno)),
            ProgramNews { end: None, pid } => {
                tracing::warn!(%status, "the supervisor of a program died; ending the group of the program");
                // Its leader is still there, or the supervisor would have told its end.
                if let Some(pid) = pid {
                    killpg(Pid::from_raw(pid), Signal::SIGKILL).ok();
                }
                Ok(status)
            }
        }
    }

    /// Asks at first, forces later.
    pub(super) fn press(&self, stopping: Stopping, grace: Duration) -> Stopping {
        match &self.leash {
            Leash::Group(group) => group.press(stopping, grace),
            Leash::Supervisor { commands, .. } => {
                let (command, next) = match stopping {
                    Stopping::No => (supervisor::StopCommand::Ask, Stopping::Asked(Instant::now() + grace)),
                    Stopping::Asked(_) | Stopping::Forced => (supervisor::StopCommand::Force, Stopping::Forced),
                };
                // Nobody hears it only if the program has just ended.
                commands.send(command).ok();
                next
            }
        }
    }

    /// Ends what a program without a supervisor has left in its group.
    pub(super) fn kill_rest(&mut self) {
        if let Leash::Group(group) = &mut self.leash {
            group.kill();
        }
    }
}

impl Inlet {
    /// Writes the input and closes; hands commands on to a supervisor. A program that doesn't read its input has its
    /// reasons: that is no failure.
    pub(super) async fn feed(self, input: &[u8]) {
        let fed = match self {
            Self::Pipe(mut pipe) => pipe.write_all(input).await,
            Self::Supervisor { socket, commands } => feed_supervisor(socket, commands, input).await,
        };
        if let Err(error) = fed {
            tracing::trace!(%error, "the program did not read its input");
        }
    }
}

/// The socket stays open behind the input: its end would be the end of the program.
async fn feed_supervisor(
    mut socket: OwnedWriteHalf,
    mut commands: mpsc::UnboundedReceiver<supervisor::StopCommand>,
    input: &[u8],
) -> std::io::Result<()> {
    socket.write_all(supervisor::input_header(input.len()).as_bytes()).await?;
    socket.write_all(input).await?;
    while let Some(command) = commands.recv().await {
        socket.write_all(&[command.byte()]).await?;
    }
    Ok(())
}

/// Reads all that a supervisor said; it has ended or is about to.
async fn heard(said: &mut (impl AsyncRead + Unpin)) -> ProgramNews {
    let mut text = Vec::new();
    // A socket that breaks, as one does that is closed with input unread, has said what it had to say.
    said.read_to_end(&mut text).await.ok();
    ProgramNews::read(&String::from_utf8_lossy(&text))
}

/// The name of a supervisor in lists of processes.
const NAME: &str = "warrener-supervisor";
