//! Schedules: when a job is to be submitted by itself, and which one.
//!
//! - [`parse`] reads a schedule, or finds everything that is wrong with it.
//! - [`Plan`] gives its ticks, one after another: pure functions of the schedule and a moment.
//! - [`TickJob`] makes the job of a tick.

mod cron;
mod job;
mod parse;
mod plan;
mod zone;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::cron::Cron;
pub use self::job::{TickJob, TickScope};
pub use self::parse::{parse, parse_named};
pub use self::plan::{DstMark, ExcludedTicks, Moments, Plan, Tick, TickSpan, TicksToCome};
pub use self::zone::{Zone, database_version};
use crate::id::{JobId, ScheduleName};
use crate::job::Problem;
use crate::time::{Millis, Timestamp};

/// A schedule as it was written, known to be sound.
#[derive(Clone, Debug)]
pub struct ScheduleSpec {
    /// Name.
    pub name: ScheduleName,
    /// Description for people.
    pub description: Option<String>,
    /// Labels for finding it again.
    pub labels: BTreeMap<String, String>,
    /// Wish of its document to be paused or not; `None` leaves that as it is.
    pub paused: Option<bool>,
    /// Plan of its ticks.
    pub plan: Plan,
    /// The fields that decide when it ticks, in one spelling: two schedules with the same text tick alike.
    pub plan_text: String,
    /// Largest delay of a start behind its tick.
    pub jitter: Millis,
    /// Fate of a tick while jobs of earlier ones are not final.
    pub overlap: Overlap,
    /// Number of ticks that may wait in a queue.
    pub max_queued: u32,
    /// Missed ticks that are made up for.
    pub catch_up: CatchUp,
    /// Age at which a tick is too old to be started.
    pub window: Millis,
    /// Number of missed ticks that are made up for at once, the latest ones.
    pub max_catch_up: u32,
    /// Number of failed jobs in a row that pauses it; `None` for none.
    pub pause_after_failures: Option<u32>,
    /// Number of ticks that are kept.
    pub keep_ticks: u32,
    /// The job.
    pub job: TickJob,
    /// Warnings of what its author may not have meant.
    pub warnings: Vec<Problem>,
}

/// Fate of a tick while jobs of earlier ones are not final.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// Skipped.
    #[default]
    Skip,
    /// Queued, unless another one is already.
    QueueOne,
    /// Queued, in order.
    Queue,
    /// The job before is cancelled; it starts once that has ended.
    Cancel,
    /// Started beside them.
    Allow,
}

/// Missed ticks that are made up for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// None.
    None,
    /// The latest.
    #[default]
    Last,
    /// All.
    All,
}

/// Words of the policies, for whoever writes them out.
pub(crate) const OVERLAPS: &[(&str, Overlap)] = &[
    ("skip", Overlap::Skip),
    ("queue_one", Overlap::QueueOne),
    ("queue", Overlap::Queue),
    ("cancel", Overlap::Cancel),
    ("allow", Overlap::Allow),
];
pub(crate) const CATCH_UPS: &[(&str, CatchUp)] =
    &[("none", CatchUp::None), ("last", CatchUp::Last), ("all", CatchUp::All)];

impl Overlap {
    /// The policy of this name.
    pub fn named(name: &str) -> Option<Self> {
        OVERLAPS.iter().find(|(word, _)| *word == name).map(|(_, overlap)| *overlap)
    }
}

/// The id of the job of a tick: `<name>:<yyyymmddThhmmssZ>`, from the second run on with `:<run>` behind it.
pub fn job_id(name: &ScheduleName, tick: Timestamp, run: u32) -> JobId {
    let utc = jiff::Timestamp::from_millisecond(tick.0).expect("a tick is before the year 5000");
    let tick = utc.strftime("%Y%m%dT%H%M%SZ");
    let id = if run <= 1 { format!("{name}:{tick}") } else { format!("{name}:{tick}:{run}") };
    JobId::new(&id).expect("the name of a schedule leaves room for the tick")
}

impl ScheduleSpec {
    /// The delay of the start of a tick behind it: a hash of name and tick, so that it is the same after a restart.
    pub fn delay(&self, tick: Timestamp) -> Millis {
        if self.jitter.0 == 0 {
            return Millis(0);
        }
        Millis(hash(self.name.as_str().as_bytes(), tick.0) % (self.jitter.0 + 1))
    }

    /// Time at which a tick is due: the tick and its delay.
    pub fn due(&self, tick: Timestamp) -> Timestamp {
        tick + self.delay(tick)
    }

    /// The last moment at which a tick can be started that was not at its time: `window` after the latest that jitter
    /// could have made it.
    pub fn expires(&self, tick: Timestamp) -> Timestamp {
        tick + self.jitter + self.window
    }
}

/// FNV-1a over name and tick, its bits mixed by the finalizer of MurmurHash3: neighbours must not be near each other.
fn hash(name: &[u8], tick: i64) -> u64 {
    let bytes = name.iter().copied().chain(tick.to_le_bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}
