//! Schedules as far as they are remembered: their open ticks, and when one is due next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use warrener_engine::schedule::{ScheduleRow, ScheduleState, TickOpen, TickRow};
use warrener_shared::id::JobNo;
use warrener_shared::limits::Limits;
use warrener_shared::schedule::{ScheduleSpec, database_version, parse_named};
use warrener_shared::time::Timestamp;

use crate::store::schedules::{ScheduleQuery, TickQuery};
use crate::store::{Store, StoreError};

/// Part of the ticks that are kept which may be kept beyond them.
const TIDY_PART: usize = 64;
/// Parsed schedules that are kept.
const SPECS: usize = 20_000;

/// See the module.
#[derive(Debug, Default)]
pub(in crate::driver) struct HeldSchedules {
    /// Ticks that are not closed, by schedule.
    open: BTreeMap<i64, BTreeMap<(Timestamp, u32), TickRow>>,
    /// Schedules of the jobs that they started, as far as the end of those is awaited.
    jobs: BTreeMap<JobNo, i64>,
    /// The highest number that was given to a schedule.
    last_no: i64,
    /// None is to be looked at earlier; `None` if none is ever.
    next_due: Option<Timestamp>,
    /// Schedules whose next tick was found by another database of zones may be left.
    has_other_zones: bool,
    /// Parsed schedules with the revision that they are of.
    specs: BTreeMap<i64, (i64, Arc<ScheduleSpec>)>,
    /// Rows that were read together and are about to be looked at.
    ahead: BTreeMap<i64, ScheduleRow>,
    /// Ticks that were kept since it was last looked for old ones, by schedule; none for who was never looked at.
    untidied: BTreeMap<i64, usize>,
}

impl HeldSchedules {
    pub(super) fn from_rows(store: &mut impl Store) -> Result<Self, StoreError> {
        let total = store.schedules_total()?;
        let mut held = Self { last_no: total.last_no, next_due: total.next_due, ..Self::default() };
        if total.last_no > 0 {
            held.has_other_zones = true;
            store.ticks(TickQuery::Open)?.into_iter().for_each(|tick| held.remember(tick));
        }
        Ok(held)
    }

    /// Tells whether there has been any schedule: without one nothing is asked of the store.
    pub(in crate::driver) const fn any(&self) -> bool {
        self.last_no > 0
    }

    /// The first time at which one is to be looked at.
    pub(in crate::driver) const fn next_due(&self) -> Option<Timestamp> {
        if self.has_other_zones { super::DUE_AT_ONCE } else { self.next_due }
    }

    /// Reads the schedules that are due, at most so many, and gives their numbers.
    pub(in crate::driver) fn read_due(
        &mut self,
        now: Timestamp,
        most: usize,
        store: &mut impl Store,
    ) -> Result<Vec<i64>, StoreError> {
        if self.next_due().is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        if self.has_other_zones {
            rows = store.schedules(ScheduleQuery::OfOtherZones(database_version(), most))?;
            self.has_other_zones = !rows.is_empty();
        }
        // One that cannot be read stays of other zones, and stands before no other.
        let known: BTreeSet<i64> = rows.iter().map(|row| row.no).collect();
        let due = store.schedules(ScheduleQuery::Due(now, most))?;
        rows.extend(due.into_iter().filter(|row| !known.contains(&row.no)));
        if rows.is_empty() {
            self.next_due = store.schedules_total()?.next_due;
        }
        let numbers = rows.iter().map(|row| row.no).collect();
        self.ahead = rows.into_iter().map(|row| (row.no, row)).collect();
        Ok(numbers)
    }

    /// Has all schedules looked at that the store says are due, after their times were changed there.
    pub(in crate::driver) const fn look_anew(&mut self) {
        self.next_due = super::DUE_AT_ONCE;
    }

    /// Tells whether old ticks of a schedule are to be looked for, now that it has so many more. Finding the last of
    /// many that are kept takes longer, so of many a few more are.
    pub(in crate::driver) fn is_to_tidy(&self, state: &ScheduleState, more: usize) -> bool {
        let slack = state.spec.keep_ticks as usize / TIDY_PART;
        more > 0 && self.untidied.get(&state.row.no).is_none_or(|before| before + more > slack)
    }

    /// The number of a new schedule.
    pub(in crate::driver) const fn take_no(&mut self) -> i64 {
        self.last_no += 1;
        self.last_no
    }

    /// The schedule that waits for the end of a job.
    pub(in crate::driver) fn of_job(&self, job: JobNo) -> Option<i64> {
        self.jobs.get(&job).copied()
    }

    /// Tells whether the end of any job is awaited.
    pub(in crate::driver) fn awaits_ends(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// The state of the schedule with this number, if there is one.
    pub(in crate::driver) fn state(
        &mut self,
        no: i64,
        store: &mut impl Store,
        limits: &Limits,
    ) -> Result<Option<ScheduleState>, StoreError> {
        let row = match self.ahead.remove(&no) {
            Some(row) => Some(row),
            None => store.schedules(ScheduleQuery::Numbered(no))?.into_iter().next(),
        };
        row.map(|row| self.state_of(row, limits)).transpose()
    }

    /// The state of the schedule with this row.
    pub(in crate::driver) fn state_of(
        &mut self,
        row: ScheduleRow,
        limits: &Limits,
    ) -> Result<ScheduleState, StoreError> {
        let known = self.specs.get(&row.no).filter(|(revision, _)| *revision == row.revision);
        let spec = match known {
            Some((_, spec)) => spec.clone(),
            None => {
                let spec = parse_named(&row.body, Some(&row.name), limits).map_err(|problems| {
                    let first = problems.first().map_or_else(String::new, |p| format!("{}: {}", p.pointer, p.detail));
                    let why = format!("{} ({first}): was a limit lowered?", row.name);
                    StoreError::Unfit { doing: "read a schedule", why }
                })?;
                Arc::new(spec)
            }
        };
        if self.specs.len() >= SPECS {
            self.specs.clear();
        }
        self.specs.insert(row.no, (row.revision, spec.clone()));
        Ok(self.state_with(row, spec))
    }

    /// The state of the schedule with this row, by this document.
    pub(in crate::driver) fn state_with(&self, row: ScheduleRow, spec: Arc<ScheduleSpec>) -> ScheduleState {
        let open = self.open.get(&row.no).into_iter().flat_map(BTreeMap::values).cloned();
        ScheduleState::new(row, spec, open)
    }

    /// Takes over what was committed; `None` for a schedule that is gone.
    pub(in crate::driver) fn committed(&mut self, schedules: &BTreeMap<i64, Option<ScheduleState>>) {
        for (no, state) in schedules {
            self.ahead.remove(no);
            let Some(state) = state else {
                self.specs.remove(no);
                self.open.remove(no);
                self.untidied.remove(no);
                self.jobs.retain(|_, schedule| schedule != no);
                continue;
            };
            self.specs.insert(*no, (state.row.revision, state.spec.clone()));
            self.next_due = self.next_due.into_iter().chain(state.row.wake_at).min();
            let more = state.changed().count();
            let is_tidy = self.is_to_tidy(state, more);
            let untidied = self.untidied.entry(*no).or_default();
            *untidied = if is_tidy { 0 } else { *untidied + more };
            state.changed().cloned().for_each(|tick| self.remember(tick));
        }
    }

    fn remember(&mut self, tick: TickRow) {
        let open = self.open.entry(tick.schedule).or_default();
        if let Some(job) = tick.job {
            if tick.open == TickOpen::Running {
                self.jobs.insert(job, tick.schedule);
            } else {
                self.jobs.remove(&job);
            }
        }
        let (no, key) = (tick.schedule, (tick.at, tick.run));
        if tick.open == TickOpen::No {
            open.remove(&key);
        } else {
            open.insert(key, tick);
        }
        if open.is_empty() {
            self.open.remove(&no);
        }
    }
}
