//! Promises and wishes for each number that is measured here: the one place that says so. What is
//! promised beside peers stands in `tests/bench/table.py`, which measures them.

use serde::Serialize;

use super::args::BenchRow;

/// A limit for the ratio where there is one, else for the value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Promise {
    AtLeast(f64),
    AtMost(f64),
}

impl Promise {
    /// Tells whether a number is within the limit.
    pub(super) fn is_kept_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// The least that we hold ourselves to, and where we want to be.
pub(super) fn of(row: BenchRow, what: &str) -> Option<(Promise, Promise)> {
    let found = PROMISES.iter().find(|known| (known.0, known.1) == (row, what));
    found.map(|&(.., promised, wanted)| (promised, wanted))
}

use Promise::{AtLeast, AtMost};

/// Row, what of it, promised, wanted; in the unit of the measure.
const PROMISES: [(BenchRow, &str, Promise, Promise); 29] = [
    (BenchRow::Mapped, "tasks", AtLeast(0.55), AtLeast(0.8)),
    (BenchRow::Mapped, ORCHESTRATOR_CPU, AtMost(60.0), AtMost(30.0)),
    (BenchRow::Single, "jobs", AtLeast(0.55), AtLeast(0.8)),
    (BenchRow::Roundtrip, "p50", AtMost(4.0), AtMost(3.0)),
    (BenchRow::Roundtrip, "p99", AtMost(12.0), AtMost(6.0)),
    (BenchRow::Chain, "p50", AtMost(9.0), AtMost(6.0)),
    (BenchRow::Fan, "p50", AtMost(50.0), AtMost(25.0)),
    (BenchRow::Scale, LARGE_JOB, AtMost(1.5), AtMost(1.2)),
    (BenchRow::Scale, MEMORY, AtMost(256.0), AtMost(128.0)),
    (BenchRow::Postgres, POSTGRES_TASKS, AtLeast(0.5), AtLeast(0.8)),
    (BenchRow::Shapes, CHAIN, AtMost(1.5), AtMost(1.2)),
    (BenchRow::Shapes, CHAIN_MEMORY, AtMost(256.0), AtMost(128.0)),
    (BenchRow::Shapes, STAR, AtMost(1.5), AtMost(1.2)),
    (BenchRow::Shapes, STAR_MEMORY, AtMost(256.0), AtMost(128.0)),
    (BenchRow::Shapes, FAN_IN, AtMost(1.5), AtMost(1.2)),
    (BenchRow::Shapes, FAN_IN_MEMORY, AtMost(256.0), AtMost(128.0)),
    (BenchRow::Shapes, LAYERS, AtMost(1.5), AtMost(1.2)),
    (BenchRow::Shapes, LAYERS_MEMORY, AtMost(256.0), AtMost(128.0)),
    (BenchRow::Language, ROUNDS, AtMost(1.3), AtMost(1.0)),
    (BenchRow::Language, TEMPLATES, AtMost(200.0), AtMost(20.0)),
    (BenchRow::Limits, IDLE_LIMIT, AtLeast(0.95), AtLeast(0.99)),
    (BenchRow::Limits, KEYS, AtLeast(0.85), AtLeast(0.95)),
    (BenchRow::Limits, FAIR, AtLeast(0.95), AtLeast(0.99)),
    (BenchRow::Limits, JAIN, AtLeast(0.95), AtLeast(0.99)),
    (BenchRow::Limits, QUIET, AtMost(2.0), AtMost(1.5)),
    (BenchRow::Large, READY, AtMost(5.0), AtMost(5.0)),
    (BenchRow::Large, MEMORY, AtMost(256.0), AtMost(128.0)),
    (BenchRow::Large, PAGE_P95, AtMost(100.0), AtMost(20.0)),
    (BenchRow::Large, STALL, AtMost(50.0), AtMost(50.0)),
];
pub(super) const ORCHESTRATOR_CPU: &str = "orchestrator CPU for each";
pub(super) const POSTGRES_TASKS: &str = "mapped tasks, beside SQLite";
pub(super) const IDLE_LIMIT: &str = "jobs, with a limit that counts none of them";
pub(super) const KEYS: &str = "jobs of 10,000 keys, one of each at once";
pub(super) const FAIR: &str = "jobs of 10,000 tenants who share the queue";
pub(super) const JAIN: &str = "Jain's index while a tenant floods";
pub(super) const QUIET: &str = "p99 of a quiet tenant while another floods";
pub(super) const LARGE_JOB: &str = "time of a task, 100,000 against 1,000";
pub(super) const MEMORY: &str = "orchestrator memory, most";
pub(super) const ROUNDS: &str = "time of a round, against an item";
pub(super) const TEMPLATES: &str = "check of 1,000 uses of a template of 50 tasks";
pub(super) const READY: &str = "start until ready";
pub(super) const STALL: &str = "an answer meanwhile, longest";
pub(super) const PAGE_P95: &str = "page of a filtered list, p95";
pub(super) const CHAIN: &str = "chain: time of a task, large against 1,000";
pub(super) const CHAIN_MEMORY: &str = "chain: orchestrator memory, most";
pub(super) const STAR: &str = "star: time of a task, large against 1,000";
pub(super) const STAR_MEMORY: &str = "star: orchestrator memory, most";
pub(super) const FAN_IN: &str = "fan-in: time of a task, large against 1,000";
pub(super) const FAN_IN_MEMORY: &str = "fan-in: orchestrator memory, most";
pub(super) const LAYERS: &str = "layers: time of a task, large against 1,000";
pub(super) const LAYERS_MEMORY: &str = "layers: orchestrator memory, most";
