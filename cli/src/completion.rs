//! `warrener completion`.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Prints the completion script for a shell.
pub(crate) fn completion(shell: Shell) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "warrener", &mut script);
    talk::exact(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Ok)
}
