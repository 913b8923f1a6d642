//! Reads of schedules and their ticks.

use warrener_engine::schedule::{ScheduleRow, TickRow};

use super::super::columns::{schedule, tick};
use super::super::schedules::{ScheduleQuery, SchedulesTotal, TickQuery};
use super::{Reader, StoreError, Value, limit};
use warrener_shared::time::Timestamp;

pub(crate) fn schedules(reader: &dyn Reader, which: ScheduleQuery<'_>) -> Result<Vec<ScheduleRow>, StoreError> {
    let (filter, values): (&str, Vec<Value<'_>>) = match which {
        ScheduleQuery::Named(name) => ("name = ?1", vec![name.as_str().into()]),
        ScheduleQuery::Numbered(no) => ("no = ?1", vec![no.into()]),
        ScheduleQuery::Due(now, most) => {
            let due = "wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2";
            (due, vec![now.0.into(), limit(most)])
        }
        ScheduleQuery::OfOtherZones(zones, most) => {
            ("zones <> ?1 ORDER BY no LIMIT ?2", vec![zones.into(), limit(most)])
        }
    };
    let statement = format!("SELECT {} FROM schedules WHERE {filter}", schedule::NAMES);
    reader.all("read schedules", &statement, &values, schedule::read)
}

pub(crate) fn ticks(reader: &dyn Reader, which: TickQuery) -> Result<Vec<TickRow>, StoreError> {
    let (filter, values): (&str, Vec<Value<'_>>) = match which {
        TickQuery::Open => ("open <> 0 ORDER BY schedule, at, run", Vec::new()),
        TickQuery::At(schedule, at) => ("schedule = ?1 AND at = ?2 ORDER BY run", vec![schedule.into(), at.0.into()]),
        TickQuery::OfJob(job) => ("job = ?1", vec![job.0.into()]),
        TickQuery::Between(schedule, from, to) => {
            let span = "schedule = ?1 AND at >= ?2 AND at <= ?3 ORDER BY at, run";
            (span, vec![schedule.into(), from.0.into(), to.0.into()])
        }
    };
    let statement = format!("SELECT {} FROM ticks WHERE {filter}", tick::NAMES);
    reader.all("read ticks", &statement, &values, tick::read)
}

pub(crate) fn schedules_total(reader: &dyn Reader) -> Result<SchedulesTotal, StoreError> {
    let statement = "SELECT (SELECT max(no) FROM schedules), \
         (SELECT min(wake_at) FROM schedules WHERE wake_at IS NOT NULL)";
    let found = reader.one("look when a schedule is due", statement, &[], |row| {
        Ok(SchedulesTotal { last_no: row.int(0)?.unwrap_or(0), next_due: row.int(1)?.map(Timestamp) })
    })?;
    Ok(found.unwrap_or_default())
}
