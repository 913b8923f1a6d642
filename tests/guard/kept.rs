//! The counts that are kept in the repository, and what to say of a new one.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};
use toml::{Table, Value};

/// Counts, and what they were made by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept<C = BTreeMap<String, u64>> {
    pub(crate) tool_chain: String,
    pub(crate) counts: C,
}

impl Kept {
    pub(crate) fn read() -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file()).with_context(|| format!("reading {FILE}"))?;
        Self::parse(&text).with_context(|| format!("reading {FILE}"))
    }

    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let table: Table = text.parse()?;
        let tool_chain = table.get("tool_chain").and_then(Value::as_str).context("it names no tool chain")?.to_owned();
        let counts = table.get("instructions").and_then(Value::as_table).context("it has no counts")?;
        let count = |(path, count): (&String, &Value)| {
            let count = count.as_integer().and_then(|count| u64::try_from(count).ok());
            Ok((path.clone(), count.with_context(|| format!("{path} is no count"))?))
        };
        Ok(Self { tool_chain, counts: counts.iter().map(count).collect::<anyhow::Result<_>>()? })
    }
}

impl Kept<Vec<(&'static str, u64)>> {
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        std::fs::write(file(), self.text()).with_context(|| format!("writing {FILE}"))
    }

    pub(crate) fn text(&self) -> String {
        let counts: String = self.counts.iter().map(|(path, count)| format!("{path} = {count}\n")).collect();
        format!("{HEAD}tool_chain = \"{}\"\n\n[instructions]\n{counts}", self.tool_chain)
    }
}

/// What a new count means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// As before, within the tolerance: the change in percent.
    Same(f64),
    Dearer(f64),
    Cheaper(f64),
    /// Nothing is kept of it.
    New,
}

impl Verdict {
    pub(crate) fn of(count: u64, before: Option<u64>) -> Self {
        let Some(before) = before else { return Self::New };
        let change = (count as f64 / before.max(1) as f64 - 1.0) * 100.0;
        // In whole numbers, so that the limit itself is within.
        if count * 100 > before * (100 + TOLERATED) {
            Self::Dearer(change)
        } else if count * 100 < before * (100 - TOLERATED) {
            Self::Cheaper(change)
        } else {
            Self::Same(change)
        }
    }

    pub(crate) const fn is_well(self) -> bool {
        matches!(self, Self::Same(_) | Self::Cheaper(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(change) => write!(f, ", {change:+.1} %"),
            Self::Dearer(change) => write!(f, ", {change:+.1} %: MORE than the {TOLERATED} % that are tolerated"),
            Self::Cheaper(change) => write!(f, ", {change:+.1} %: cheaper; `make guard ACCEPT=1` holds on to that"),
            Self::New => write!(f, ": nothing is kept of it; `make guard ACCEPT=1`"),
        }
    }
}

/// Compiler and machine, on which the counts depend.
pub(crate) fn tool_chain() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("running rustc -vV")?;
    ensure!(output.status.success(), "rustc -vV: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let line = |start: &str| text.lines().find_map(|line| line.strip_prefix(start)).map(str::to_owned);
    let (release, host) = (line("release: "), line("host: "));
    release.zip(host).map(|(release, host)| format!("rustc {release}, {host}")).context("rustc -vV says neither")
}

fn file() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(FILE)
}

pub(crate) const FILE: &str = "tests/bench/instructions.toml";
/// Percent. The same tree differs by less than one.
const TOLERATED: u64 = 10;
const HEAD: &str =
    "# Instructions for each task, job or item, by tests/guard. `make guard ACCEPT=1` writes this file.\n\n";
