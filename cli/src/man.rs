//! `warrener man`.

use std::path::Path;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::args::Args;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Prints the page of one command, or writes those of all into a folder.
pub(crate) fn man(path: &[String], all: Option<&Path>) -> Result<Exit, Failure> {
    let mut root = Args::command();
    root.build();
    if let Some(folder) = all {
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        write_all(&root, folder)?;
        return Ok(Exit::Ok);
    }
    let mut command = &root;
    for name in path {
        let found = command.find_subcommand(name);
        command = found.ok_or_else(|| {
            Failure::new(Exit::Usage, format!("there is no command {:?}", path.join(" "))).hint("see `warrener --help`")
        })?;
    }
    talk::exact(&page(command)?)?;
    Ok(Exit::Ok)
}

fn write_all(command: &Command, folder: &Path) -> Result<(), Failure> {
    let file = folder.join(format!("{}.1", named(command)));
    std::fs::write(&file, page(command)?).map_err(|error| failed(&file, &error))?;
    let inner = command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help");
    inner.into_iter().try_for_each(|command| write_all(command, folder))
}

fn page(command: &Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    let rendered = Man::new(command.clone()).render(&mut page);
    rendered.map_err(|error| Failure::new(Exit::Error, format!("writing a manual page: {error}")))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

/// `warrener-job-list`.
fn named(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Error, format!("writing {}: {error}", path.display()))
}
