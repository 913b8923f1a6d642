//! Schedules: what becomes of their ticks.
//!
//! The rows of one schedule are a [`ScheduleState`]. Its rules change that state and say by [`Order`]s which jobs are
//! to be started and cancelled; whoever carries those out tells the state what came of it. Zones and cron texts come in
//! with the parsed schedule.

mod backfill;
mod missed;
mod rule;
mod set_back;

use std::collections::BTreeMap;
use std::sync::Arc;

use warrener_shared::id::{JobNo, ScheduleName};
use warrener_shared::schedule::ScheduleSpec;
use warrener_shared::time::Timestamp;

pub use self::backfill::{BACKFILL_MAX, Backfill};
pub use self::rule::{Circumstances, Order};

/// A schedule as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleRow {
    /// Number in this database.
    pub no: i64,
    /// Name.
    pub name: ScheduleName,
    /// The document as it came.
    pub body: Arc<[u8]>,
    /// Number of its document, which rises with each change of it.
    pub revision: i64,
    /// True while it is paused.
    pub paused: bool,
    /// Reason of the pause, if nobody asked for it.
    pub paused_by: Option<String>,
    /// The next tick to be decided.
    pub next_tick: Option<Timestamp>,
    /// The latest tick that was decided. Later than the next one only while the clock is behind where it was.
    pub decided: Timestamp,
    /// Number of ticks that were decided and are not excluded.
    pub ticks: i64,
    /// Number of jobs in a row that did not succeed.
    pub failures: i64,
    /// The latest tick whose job succeeded.
    pub last_success: Option<Timestamp>,
    /// Time at which it is looked at next.
    pub wake_at: Option<Timestamp>,
    /// Version of the database of zones by which `next_tick` was found.
    pub zones: String,
    /// Backfill that is at work.
    pub backfill: Option<Backfill>,
    /// Time at which it was made.
    pub created_at: Timestamp,
    /// Time at which its document was last changed.
    pub updated_at: Timestamp,
}

/// A tick as it is kept. The key is schedule, tick and run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRow {
    /// Number of the schedule.
    pub schedule: i64,
    /// The tick.
    pub at: Timestamp,
    /// Number of the run, from 1; a backfill can run a tick again.
    pub run: u32,
    /// Outcome.
    pub outcome: TickOutcome,
    /// Time at which that was decided.
    pub decided_at: Timestamp,
    /// Number of the tick among those that are not excluded, from 1; of an excluded one, that of the one before.
    pub number: i64,
    /// Job that it started.
    pub job: Option<JobNo>,
    /// End that is awaited.
    pub open: TickOpen,
    /// Reason of a refusal.
    pub reason: Option<String>,
}

/// Outcome of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TickOutcome {
    /// Accepted: the job is kept.
    Started,
    /// Waiting for the end of an earlier one.
    Queued,
    /// Jobs of earlier ones were not final.
    SkippedOverlap,
    /// Excluded by its schedule.
    SkippedExcluded,
    /// Nobody was there, or it waited longer than `window`.
    MissedWindow,
    /// The schedule was paused.
    MissedPaused,
    /// Refused: the job is not kept.
    Refused,
}

impl TickOutcome {
    /// All of them, in the order of their numbers in rows.
    pub const ALL: [Self; 7] = [
        Self::Started,
        Self::Queued,
        Self::SkippedOverlap,
        Self::SkippedExcluded,
        Self::MissedWindow,
        Self::MissedPaused,
        Self::Refused,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Queued => "queued",
            Self::SkippedOverlap => "skipped_overlap",
            Self::SkippedExcluded => "skipped_excluded",
            Self::MissedWindow => "missed_window",
            Self::MissedPaused => "missed_paused",
            Self::Refused => "refused",
        }
    }
}

/// End that a tick still waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TickOpen {
    /// Nothing.
    No,
    /// Start of its job.
    Queued,
    /// The end of its job.
    Running,
    /// Workers of its job, which is final, to confirm that they have stopped.
    Stopping,
}

impl TickOpen {
    /// All of them, in the order of their numbers in rows.
    pub const ALL: [Self; 4] = [Self::No, Self::Queued, Self::Running, Self::Stopping];
}

/// The rows of a schedule that its rules need, and what they changed.
#[derive(Clone, Debug)]
pub struct ScheduleState {
    /// The schedule.
    pub row: ScheduleRow,
    /// Parsed document.
    pub spec: Arc<ScheduleSpec>,
    /// Ticks that are not closed.
    open: BTreeMap<(Timestamp, u32), TickRow>,
    /// Ticks that were decided or changed, since the state was made.
    changed: BTreeMap<(Timestamp, u32), TickRow>,
    /// Ticks that were decided before the clock was set back behind them; true for those that were missed.
    ahead: BTreeMap<Timestamp, bool>,
    /// The first moment of which all such ticks are known; `None` for all.
    ahead_from: Option<Timestamp>,
}

impl ScheduleState {
    /// The state of a schedule with these open ticks.
    pub fn new(row: ScheduleRow, spec: Arc<ScheduleSpec>, open: impl IntoIterator<Item = TickRow>) -> Self {
        let open = open.into_iter().map(|tick| ((tick.at, tick.run), tick)).collect();
        Self { row, spec, open, changed: BTreeMap::new(), ahead: BTreeMap::new(), ahead_from: None }
    }

    /// A schedule that was written for the first time.
    pub fn first(no: i64, spec: Arc<ScheduleSpec>, body: Arc<[u8]>, now: Timestamp, zones: &str) -> Self {
        let next_tick = spec.plan.next(now);
        let row = ScheduleRow {
            no,
            name: spec.name.clone(),
            body,
            revision: 1,
            paused: spec.paused.unwrap_or(false),
            paused_by: None,
            next_tick,
            decided: now,
            ticks: 0,
            failures: 0,
            last_success: None,
            wake_at: next_tick.map(|tick| spec.due(tick)),
            zones: zones.to_owned(),
            backfill: None,
            created_at: now,
            updated_at: now,
        };
        Self::new(row, spec, [])
    }

    /// Ticks that were decided or changed.
    pub fn changed(&self) -> impl Iterator<Item = &TickRow> {
        self.changed.values()
    }

    /// Number of jobs that are not final.
    pub fn running(&self) -> usize {
        self.open.values().filter(|tick| matches!(tick.open, TickOpen::Running | TickOpen::Stopping)).count()
    }

    /// Ticks that are not closed.
    pub fn open(&self) -> impl Iterator<Item = &TickRow> {
        self.open.values()
    }
}
