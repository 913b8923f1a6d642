//! Schedules and their ticks.

use warrener_engine::schedule::{ScheduleRow, TickRow};
use warrener_shared::id::ScheduleName;
use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::columns::{schedule, tick};
use super::super::schedules::{ScheduleQuery, SchedulesTotal, TickQuery};
use super::{Page, Snapshot, one_more};
use crate::store::sql::schedule as read;

/// Ticks of a schedule that are open, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenTicks {
    /// Jobs that are not final, or whose workers have not stopped yet.
    pub running: u64,
    /// Ticks that wait for their start.
    pub queued: u64,
    /// The latest tick of which a row is kept.
    pub last_tick: Option<Timestamp>,
}

/// A tick with the id of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TickRecord {
    /// The tick.
    pub row: TickRow,
    /// Id of its job, as long as that is kept.
    pub job_id: Option<String>,
}

impl Snapshot<'_> {
    /// The schedule of this name.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all of these.
    pub fn schedule(&self, name: &ScheduleName) -> Result<Option<ScheduleRow>, StoreError> {
        Ok(read::schedules(self.reader, ScheduleQuery::Named(name))?.into_iter().next())
    }

    /// Schedules by name, from the one after a name on.
    pub fn schedules(&self, after: &str, limit: usize) -> Result<Page<ScheduleRow>, StoreError> {
        let statement = format!("SELECT {} FROM schedules WHERE name > ?1 ORDER BY name LIMIT ?2", schedule::NAMES);
        let values = [after.into(), one_more(limit)];
        self.page("list schedules", &statement, &values, limit, |row| {
            let row = schedule::read(row)?;
            let bytes = row.body.len();
            Ok((row, bytes))
        })
    }

    /// The open ticks of a schedule, counted.
    pub fn open_ticks(&self, schedule: i64) -> Result<OpenTicks, StoreError> {
        let count = "SELECT count(*) FROM ticks WHERE schedule = ?1 AND open <> 0 AND ";
        let reader = self.reader;
        let number = |filter: &str| reader.number("count ticks", &format!("{count}{filter}"), &[schedule.into()]);
        let last = "SELECT max(at) FROM ticks WHERE schedule = ?1";
        let last_tick = self.reader.one("find the latest tick", last, &[schedule.into()], |row| row.int(0))?;
        let (running, queued) = (number("open >= 2")?, number("open = 1")?);
        Ok(OpenTicks { running, queued, last_tick: last_tick.flatten().map(Timestamp) })
    }

    /// Ticks of a schedule, the latest first, from the one before a tick and run on.
    pub fn schedule_ticks(
        &self,
        schedule: i64,
        before: (Timestamp, u32),
        limit: usize,
    ) -> Result<Page<TickRecord>, StoreError> {
        let names: Vec<_> = tick::COLUMNS.iter().map(|column| format!("t.{}", column.name)).collect();
        let statement = format!(
            "SELECT {}, j.id FROM ticks t LEFT JOIN jobs j ON j.no = t.job WHERE t.schedule = ?1 AND \
             (t.at < ?2 OR (t.at = ?2 AND t.run < ?3)) ORDER BY t.at DESC, t.run DESC LIMIT ?4",
            names.join(", ")
        );
        let values = [schedule.into(), before.0.0.into(), i64::from(before.1).into(), one_more(limit)];
        self.page("list ticks", &statement, &values, limit, |row| {
            let record = TickRecord { row: tick::read(row)?, job_id: row.find_string(tick::COUNT)? };
            Ok((record, 0))
        })
    }

    /// Ticks of a schedule in a span, both ends in it.
    pub fn ticks_between(&self, schedule: i64, from: Timestamp, to: Timestamp) -> Result<Vec<TickRow>, StoreError> {
        read::ticks(self.reader, TickQuery::Between(schedule, from, to))
    }

    /// Facts of all schedules together.
    pub fn schedules_total(&self) -> Result<SchedulesTotal, StoreError> {
        read::schedules_total(self.reader)
    }
}
