//! What the hot paths cost in instructions, which is the same on a busy machine; tests/bench/instructions.toml keeps it.
//!
//! `make guard` counts, and fails at 10 % more. `make guard ACCEPT=1` keeps what it counts. Callgrind runs this program
//! once for each path and counts what happens inside of `under_the_glass`.

#[path = "../../shared/benches/chain.rs"]
mod chain;
#[path = "../../orchestrator/benches/database.rs"]
mod database;
#[path = "../../orchestrator/engine/benches/desk.rs"]
mod desk;
#[path = "../../shared/benches/documents.rs"]
mod documents;
mod kept;
mod orchestrator;
mod paths;
mod valgrind;

use std::fs::OpenOptions;
use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand};

use self::kept::{Kept, Verdict};
use self::paths::PATHS;

/// Counts the instructions of the hot paths
#[derive(Debug, Parser)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Keep what is counted
    Accept,
    /// Run one path, for callgrind
    Run { path: String },
}

fn main() -> anyhow::Result<ExitCode> {
    match Args::parse().what {
        Some(What::Run { path }) => {
            paths::run(&path);
            Ok(ExitCode::SUCCESS)
        }
        Some(What::Accept) => accept(),
        None => check(),
    }
}

fn accept() -> anyhow::Result<ExitCode> {
    if cfg!(not(debug_assertions)) {
        bail!("the counts are those of the profile dev, which this program was not built with");
    }
    let kept = Kept { tool_chain: kept::tool_chain()?, counts: counts()? };
    kept.write()?;
    println!("guard: {} counts are kept in {}", kept.counts.len(), kept::FILE);
    Ok(ExitCode::SUCCESS)
}

fn check() -> anyhow::Result<ExitCode> {
    let (kept, ours) = (Kept::read()?, kept::tool_chain()?);
    if !valgrind::is_there() {
        return skip("valgrind is not installed");
    }
    if kept.tool_chain != ours {
        return skip(&format!(
            "the counts are of {}, this is {ours}: `make guard ACCEPT=1` counts anew",
            kept.tool_chain
        ));
    }
    let mut is_well = true;
    for (path, count) in counts()? {
        let before = kept.counts.get(path).copied();
        let verdict = Verdict::of(count, before);
        println!("guard: {path:16} {count:9} instructions{verdict}");
        is_well &= verdict.is_well();
    }
    if let Some(gone) = kept.counts.keys().find(|known| PATHS.iter().all(|(path, _)| path != known)) {
        bail!("{} speaks of the path {gone}, which is gone: `make guard ACCEPT=1`", kept::FILE);
    }
    if is_well {
        return Ok(ExitCode::SUCCESS);
    }
    println!("guard: FAILED. Is it worth it? Then say so in the commit, and run `make guard ACCEPT=1`.");
    Ok(ExitCode::FAILURE)
}

/// Each path with its instructions for each task.
fn counts() -> anyhow::Result<Vec<(&'static str, u64)>> {
    PATHS.iter().map(|(path, units)| Ok((*path, valgrind::count(path)? / units))).collect()
}

fn skip(why: &str) -> anyhow::Result<ExitCode> {
    println!("SKIPPED guard: {why}");
    if let Some(file) = std::env::var_os("SKIPPED").filter(|file| !file.is_empty()) {
        let file = OpenOptions::new().create(true).append(true).open(&file);
        writeln!(file.context("opening the list of what was skipped")?, "guard: {why}")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests;
