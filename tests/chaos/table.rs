//! The table of what was done and seen, which runs add to.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use crate::faults::ALL;
use crate::world::Store;

/// Row of the table: what a sort of fault came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) hits: u64,
    /// Jobs that were in flight when it struck, summed up.
    pub(crate) in_flight: u64,
    /// Longest time from its end until all jobs of before were final.
    pub(crate) slowest: Duration,
}

/// Sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) seconds: u64,
    pub(crate) jobs: u64,
    pub(crate) tasks: u64,
    /// Runs of tasks by workers.
    pub(crate) runs: u64,
    pub(crate) faults: u64,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, jobs, tasks, runs, faults } = self;
        write!(
            f,
            "{faults} faults in {seconds} s: {jobs} jobs of {tasks} tasks accepted, {runs} runs; 0 lost, 0 recorded \
             twice, 0 invented, 0 early, 0 stuck, 0 wrong"
        )
    }
}

/// By the name of the fault.
pub(crate) type Rows = BTreeMap<&'static str, Row>;

/// All runs so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    stores: [(Totals, Rows); 2],
}

impl Table {
    /// Reads what [`write`](Self::write) wrote; an empty one if there is none.
    pub(crate) fn read(file: &Path) -> anyhow::Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("reading {}", file.display())),
        }
    }

    pub(crate) fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
            let number = |place: usize| cells.get(place).map_or(0, |cell: &&str| digits(cell));
            if let Some(place) = STORES.iter().position(|store| *store == cells[0]) {
                let [seconds, faults, jobs, tasks, runs] = [1, 2, 3, 4, 5].map(number);
                table.stores[place].0 = Totals { seconds: seconds * 60, faults, jobs, tasks, runs };
            } else if let Some(fault) = ALL.iter().find(|fault| fault.name == cells[0]) {
                for (place, cell) in [(0, 2), (1, 5)] {
                    let slowest = cells.get(cell + 2).and_then(|cell| cell.trim_end_matches(" s").parse().ok());
                    let slowest = Duration::from_secs_f64(slowest.unwrap_or_default());
                    let row = Row { hits: number(cell), in_flight: number(cell + 1), slowest };
                    table.stores[place].1.insert(fault.name, row);
                }
            }
        }
        table
    }

    /// Adds a run.
    pub(crate) fn add(mut self, store: Store, rows: &Rows, totals: &Totals) -> Self {
        let (sum, all) = &mut self.stores[usize::from(store == Store::Postgres)];
        sum.seconds += totals.seconds.div_ceil(60) * 60;
        sum.faults += totals.faults;
        sum.jobs += totals.jobs;
        sum.tasks += totals.tasks;
        sum.runs += totals.runs;
        for (name, row) in rows {
            let known = all.entry(name).or_default();
            known.hits += row.hits;
            known.in_flight += row.in_flight;
            known.slowest = known.slowest.max(row.slowest);
        }
        self
    }

    pub(crate) fn write(&self, file: &Path) -> anyhow::Result<()> {
        std::fs::write(file, self.text()).with_context(|| format!("writing {}", file.display()))
    }

    pub(crate) fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        for (store, (sum, _)) in STORES.iter().zip(&self.stores) {
            let Totals { seconds, faults, jobs, tasks, runs } = sum;
            let minutes = seconds / 60;
            writeln!(text, "| {store} | {minutes} | {faults} | {jobs} | {tasks} | {runs} | 0 | 0 | 0 | 0 | 0 |").ok();
        }
        text += FAULTS;
        for fault in ALL {
            let cells = self.stores.iter().enumerate().map(|(place, (_, rows))| {
                let is_possible = fault.store.is_none_or(|store| (store == Store::Postgres) == (place == 1));
                match rows.get(fault.name) {
                    Some(row) if row.hits > 0 => {
                        format!("{} | {} | {:.1} s", row.hits, row.in_flight, row.slowest.as_secs_f64())
                    }
                    _ if is_possible => "0 | 0 | 0.0 s".to_owned(),
                    _ => "– | – | –".to_owned(),
                }
            });
            let cells: Vec<_> = cells.collect();
            let was_hit = self.stores.iter().any(|(_, rows)| rows.get(fault.name).is_some_and(|row| row.hits > 0));
            let verdict = if was_hit { "held" } else { "not tried" };
            writeln!(text, "| `{}` | {} | {} | {verdict} |", fault.name, fault.what, cells.join(" | ")).ok();
        }
        text
    }
}

fn digits(cell: &str) -> u64 {
    cell.parse().unwrap_or_default()
}

const STORES: [&str; 2] = ["SQLite", "PostgreSQL"];
const HEAD: &str = "\
# Faults

What the chaos rig did to real processes under load, and what became of every job: written by
`cargo run -p warrener-tests --bin chaos -- --table tests/chaos/FAULTS.md`, which adds a run that held to it; one that is
broken adds nothing and says how to repeat it. The judge shares no code with the engine. [`judge.rs`](judge.rs) says what
it looks for: every accepted job is final once, each result is one that a worker gave, no run began before what it needs,
every end was told.

| store | minutes | faults | jobs | tasks | runs of workers | lost | recorded twice | invented | early | stuck |
|---|---|---|---|---|---|---|---|---|---|---|
";
const FAULTS: &str = "
*In flight* are jobs that were accepted and not final when the fault struck, summed up; *slowest* is the longest time from
the end of a fault until every job of before was final, one that had to wait for a time limit of 20 s included.

| fault | what is done | SQLite | in flight | slowest | PostgreSQL | in flight | slowest | verdict |
|---|---|---|---|---|---|---|---|---|
";
