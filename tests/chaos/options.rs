//! Command line.

use std::path::PathBuf;

use clap::Parser;

use crate::world::Store;

/// Breaks real processes under load, and judges what became of every job.
#[derive(Clone, Debug, Parser)]
#[command(name = "chaos")]
pub(crate) struct Options {
    /// Time for which faults are made.
    #[arg(long, default_value_t = 3)]
    pub(crate) minutes: u64,
    /// Seed that the order of the faults and the jobs follow from.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Database for the jobs.
    #[arg(long, value_enum, default_value = "sqlite")]
    pub(crate) store: Store,
    /// Only these faults, by name, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Only the faults with these numbers, as in `12..15`, however long they take; that is how a part is repeated.
    #[arg(long, value_parser = range)]
    pub(crate) slice: Option<(u64, u64)>,
    /// Jobs a second.
    #[arg(long, default_value_t = 25)]
    pub(crate) rate: u64,
    /// Adds what was seen to this table.
    #[arg(long)]
    pub(crate) table: Option<PathBuf>,
    /// Spoils the history before it is judged: the judge must see it, and the program fails.
    #[arg(long, value_enum)]
    pub(crate) mutilate: Option<Mutilation>,
    /// Lists the faults.
    #[arg(long)]
    pub(crate) list: bool,
    /// Keeps the files.
    #[arg(long)]
    pub(crate) keep: bool,
    /// Be a worker that writes what it does into this file.
    #[arg(long, hide = true)]
    pub(crate) worker: Option<PathBuf>,
}

/// Ways to spoil a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mutilation {
    /// A job is not listed in the end.
    Lose,
    /// A task ends a second time.
    Double,
    /// A run is struck off, so that its result is nobody's.
    Invent,
    /// A run begins before what it needs.
    Hurry,
    /// A job is not final.
    Stick,
}

fn range(text: &str) -> Result<(u64, u64), String> {
    let numbers = text.split_once("..").and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
    numbers.filter(|(from, to)| from < to).ok_or_else(|| "write it as 12..15".to_owned())
}
