//! stdout is data, stderr is talk.

use std::io::{self, IsTerminal, Write};

use crate::exit::Exit;
use crate::failure::Failure;

/// Writes data to stdout, ending with a line break. A reader that has seen enough, such as `head`, is fine.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, format!("writing to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something to the person at the terminal. Nobody can be told if that fails.
pub(crate) fn say(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Says why a command failed.
pub(crate) fn complain(failure: &Failure) {
    say(&failure.to_string());
}

/// Whether a person watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Whether words on stdout may be coloured.
pub(crate) fn may_color() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !set("NO_COLOR") && !is_dumb
}
