//! Schedules and their ticks.

use std::collections::{BTreeMap, BTreeSet};

use warrener_engine::schedule::{ScheduleRow, TickOpen, TickRow};
use warrener_shared::time::Timestamp;

use super::Memory;
use crate::store::schedules::{ScheduleChanges, ScheduleQuery, SchedulesTotal, TickQuery};

/// Schedules by number, and ticks by schedule, tick and run.
#[derive(Clone, Debug, Default)]
pub(super) struct Schedules {
    schedules: BTreeMap<i64, ScheduleRow>,
    ticks: BTreeMap<(i64, Timestamp, u32), TickRow>,
    due: BTreeSet<(Timestamp, i64)>,
}

impl Schedules {
    pub(super) fn apply(&mut self, changes: &ScheduleChanges) {
        for no in &changes.removed {
            self.ticks.retain(|(schedule, ..), _| schedule != no);
            if let Some(row) = self.schedules.remove(no) {
                row.wake_at.map(|at| self.due.remove(&(at, *no)));
            }
        }
        for row in &changes.schedules {
            if let Some(old) = self.schedules.insert(row.no, row.clone()) {
                old.wake_at.map(|at| self.due.remove(&(at, row.no)));
            }
            row.wake_at.map(|at| self.due.insert((at, row.no)));
        }
        for row in &changes.ticks {
            self.ticks.insert((row.schedule, row.at, row.run), row.clone());
        }
        for (no, kept) in &changes.kept {
            let all = self.ticks.range((*no, Timestamp(i64::MIN), 0)..=(*no, Timestamp::MAX, u32::MAX));
            let Some(oldest) = all.rev().nth(*kept as usize - 1).map(|((_, at, _), _)| *at) else { continue };
            self.ticks.retain(|(schedule, at, _), row| schedule != no || *at >= oldest || row.open != TickOpen::No);
        }
    }

    /// Has schedules looked at that are ahead of the clock.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        let is_ahead = |row: &&mut ScheduleRow| row.decided > now && row.wake_at.is_none_or(|at| at > now);
        for row in self.schedules.values_mut().filter(is_ahead) {
            row.wake_at.map(|at| self.due.remove(&(at, row.no)));
            row.wake_at = Some(now);
            self.due.insert((now, row.no));
        }
    }

    pub(super) fn find(&self, which: ScheduleQuery<'_>) -> Vec<ScheduleRow> {
        match which {
            ScheduleQuery::Named(name) => self.schedules.values().filter(|row| row.name == *name).cloned().collect(),
            ScheduleQuery::Numbered(no) => self.schedules.get(&no).cloned().into_iter().collect(),
            ScheduleQuery::Due(now, most) => {
                let due = self.due.iter().take_while(|(at, _)| *at <= now).take(most);
                due.map(|(_, no)| self.schedules[no].clone()).collect()
            }
            ScheduleQuery::OfOtherZones(zones, most) => {
                self.schedules.values().filter(|row| row.zones != zones).take(most).cloned().collect()
            }
        }
    }

    pub(super) fn ticks(&self, which: TickQuery) -> Vec<TickRow> {
        let fits = |row: &&TickRow| match which {
            TickQuery::Open => row.open != TickOpen::No,
            TickQuery::At(schedule, at) => (row.schedule, row.at) == (schedule, at),
            TickQuery::OfJob(job) => row.job == Some(job),
            TickQuery::Between(schedule, from, to) => row.schedule == schedule && (from..=to).contains(&row.at),
        };
        self.ticks.values().filter(fits).cloned().collect()
    }

    pub(super) fn total(&self) -> SchedulesTotal {
        let last_no = self.schedules.last_key_value().map_or(0, |(no, _)| *no);
        SchedulesTotal { last_no, next_due: self.due.first().map(|(at, _)| *at) }
    }
}

impl Memory {
    /// All schedules, by number.
    pub fn all_schedules(&self) -> impl Iterator<Item = &ScheduleRow> {
        self.schedules.schedules.values()
    }

    /// All ticks, by schedule, tick and run.
    pub fn all_ticks(&self) -> impl Iterator<Item = &TickRow> {
        self.schedules.ticks.values()
    }
}
