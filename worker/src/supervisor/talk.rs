//! The language of a worker and a supervisor on their socket.
//!
//! The worker sends the length of the input, a line break, the input, and then one byte for each command. The
//! supervisor sends lines: `pid <n>`, then `exit <n>`, `signal <n>` or `error <errno>`.

/// A wish of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StopCommand {
    /// The program shall end.
    Ask,
    /// The program shall end now.
    Force,
}

/// The end of a program, or the reason why it never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProgramEnd {
    /// With this exit code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
    /// The program could not be started, for this reason of the system's.
    Error(i32),
}

/// All that a supervisor has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProgramNews {
    /// The process that leads the program's group.
    pub(crate) pid: Option<i32>,
    /// The end of the program; `None` if the supervisor died first.
    pub(crate) end: Option<ProgramEnd>,
}

/// Header of the input: its length in bytes, and a line break.
pub(crate) fn input_header(length: usize) -> String {
    format!("{length}\n")
}

impl StopCommand {
    pub(crate) const fn byte(self) -> u8 {
        match self {
            Self::Ask => b'T',
            Self::Force => b'K',
        }
    }

    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only a supervisor reads commands"))]
    pub(super) const fn of(byte: u8) -> Option<Self> {
        match byte {
            b'T' => Some(Self::Ask),
            b'K' => Some(Self::Force),
            _ => None,
        }
    }
}

impl ProgramEnd {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only a supervisor tells ends"))]
    pub(super) fn line(self) -> String {
        match self {
            Self::Exit(code) => format!("exit {code}\n"),
            Self::Signal(signal) => format!("signal {signal}\n"),
            Self::Error(errno) => format!("error {errno}\n"),
        }
    }
}

impl ProgramNews {
    /// Reads what a supervisor has said.
    pub(crate) fn read(text: &str) -> Self {
        let mut heard = Self::default();
        for (word, number) in text.lines().filter_map(|line| line.split_once(' ')) {
            let Ok(number) = number.parse() else { continue };
            match word {
                "pid" => heard.pid = Some(number),
                "exit" => heard.end = Some(ProgramEnd::Exit(number)),
                "signal" => heard.end = Some(ProgramEnd::Signal(number)),
                "error" => heard.end = Some(ProgramEnd::Error(number)),
                _ => {}
            }
        }
        heard
    }
}
