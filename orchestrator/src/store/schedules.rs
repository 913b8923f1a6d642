//! Questions about schedules and their ticks, and what a commit says of them.

use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_shared::id::{JobNo, ScheduleName};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::TickEvent;

/// Changes of schedules in one commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleChanges {
    /// Schedules as they are now, new ones among them; each once.
    pub schedules: Vec<ScheduleRow>,
    /// Ticks as they are now, new ones among them; each once.
    pub ticks: Vec<TickRow>,
    /// Events of ticks, by the number of the schedule. They are kept as a chunk of events, as if a job with that number
    /// below 0 had them.
    pub told: Vec<(i64, Vec<TickEvent>)>,
    /// Schedules that are removed, with all of their ticks.
    pub removed: Vec<i64>,
    /// Schedules of whose closed ticks only the latest are kept, and how many.
    pub kept: Vec<(i64, u32)>,
}

impl ScheduleChanges {
    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.schedules.is_empty() && self.ticks.is_empty() && self.removed.is_empty() && self.kept.is_empty()
    }
}

/// Choice of schedules.
#[derive(Clone, Copy, Debug)]
pub enum ScheduleQuery<'a> {
    /// The one of this name.
    Named(&'a ScheduleName),
    /// The one of this number.
    Numbered(i64),
    /// Schedules to be looked at by a time, the earliest first, at most so many.
    Due(Timestamp, usize),
    /// Schedules whose next tick was found by another database of zones than this, at most so many.
    OfOtherZones(&'a str, usize),
}

/// Choice of ticks.
#[derive(Clone, Copy, Debug)]
pub enum TickQuery {
    /// Ticks of all schedules that are not closed.
    Open,
    /// The runs of a tick of a schedule.
    At(i64, Timestamp),
    /// The one that started a job.
    OfJob(JobNo),
    /// Ticks of a schedule in a span, both ends in it.
    Between(i64, Timestamp, Timestamp),
}

/// Facts of all schedules together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulesTotal {
    /// The highest number that a schedule has; 0 if there is none.
    pub last_no: i64,
    /// The first time at which one is to be looked at.
    pub next_due: Option<Timestamp>,
}
