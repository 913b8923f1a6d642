//! stdout is data, stderr is talk.

use std::io::{self, IsTerminal, Write};

use warrener_shared::shown;

use crate::exit::Exit;
use crate::failure::Failure;

/// Writes words to stdout, in which nothing is left that a terminal obeys, ending with a line break.
pub(crate) fn words(text: &str) -> Result<(), Failure> {
    exact(&shown::text(text))
}

/// Writes a JSON or YAML document to stdout: as it is for programs; for a person what a terminal obeys is written as
/// the escapes that these formats have for it.
pub(crate) fn document(text: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() { exact(&shown::document(text)) } else { exact(text) }
}

/// Writes to stdout what holds no words of others, or holds them made visible, ending with a line break. A reader that
/// has seen enough, such as `head`, is fine.
pub(crate) fn exact(text: &str) -> Result<(), Failure> {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    write(&[text, end])
}

/// Writes part of a text to stdout, of which more comes. Likewise.
pub(crate) fn piece(text: &str) -> Result<(), Failure> {
    write(&[text])
}

fn write(texts: &[&str]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = texts.iter().try_for_each(|text| out.write_all(text.as_bytes())).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(Exit::Error, format!("writing to stdout: {error}")))
        }
        _ => Ok(()),
    }
}

/// Says something to the person at the terminal, in which nothing is left that it obeys. Nobody can be told if that
/// fails.
pub(crate) fn say(text: &str) {
    writeln!(io::stderr().lock(), "{}", shown::text(text)).ok();
}

/// Says why a command failed.
pub(crate) fn complain(failure: &Failure) {
    say(&failure.to_string());
}

/// Asks the person at the terminal whether to go on.
///
/// # Errors
/// If there is nobody to ask.
pub(crate) fn confirmed(question: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, question.trim_end_matches(" Go on?")).hint("say --yes to go on"));
    }
    say(&format!("{question} [y/N]"));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).ok();
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Tells whether a person watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal()
}

/// Tells whether words on stdout may be coloured.
pub(crate) fn may_color() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && !set("NO_COLOR") && !is_dumb
}
