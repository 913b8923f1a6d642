//! The writing of schedules and their ticks.

use std::sync::LazyLock;

use rusqlite::Transaction;
use warrener_shared::wire::event::{SCHEDULE_TICK, TickEvent};

use super::statement::{bind, places};
use crate::store::columns::{TableColumn, schedule, tick};
use crate::store::schedules::ScheduleChanges;
use crate::store::sql::chunk;

static PUT_SCHEDULE: LazyLock<String> =
    LazyLock::new(|| upsert(schedule::TABLE, schedule::NAMES, schedule::COLUMNS, schedule::KEYS));
static PUT_TICK: LazyLock<String> = LazyLock::new(|| upsert(tick::TABLE, tick::NAMES, tick::COLUMNS, tick::KEYS));

pub(super) fn write(transaction: &Transaction<'_>, changes: &ScheduleChanges) -> rusqlite::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    for no in &changes.removed {
        transaction.execute("DELETE FROM events WHERE job = -?1", [no])?;
        transaction.execute("DELETE FROM ticks WHERE schedule = ?1", [no])?;
        transaction.execute("DELETE FROM schedules WHERE no = ?1", [no])?;
    }
    let mut statement = transaction.prepare_cached(&PUT_SCHEDULE)?;
    for row in &changes.schedules {
        bind(&mut statement, &schedule::values(row))?;
        statement.raw_execute()?;
    }
    let mut statement = transaction.prepare_cached(&PUT_TICK)?;
    for row in &changes.ticks {
        bind(&mut statement, &tick::values(row))?;
        statement.raw_execute()?;
    }
    let old = "DELETE FROM ticks WHERE schedule = ?1 AND open = 0 AND at < \
         (SELECT at FROM ticks WHERE schedule = ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2)";
    let told = "DELETE FROM events WHERE job = -?1 AND first < \
         (SELECT first FROM events WHERE job = -?1 ORDER BY first DESC LIMIT 1 OFFSET ?2)";
    for (no, kept) in &changes.kept {
        transaction.prepare_cached(old)?.execute((no, kept - 1))?;
        transaction.prepare_cached(told)?.execute((no, kept - 1))?;
    }
    Ok(())
}

/// Adds a chunk for each schedule of which events of ticks are told, numbered from `next` on.
pub(super) fn tell(
    transaction: &Transaction<'_>,
    told: &[(i64, Vec<TickEvent>)],
    next: &mut i64,
) -> rusqlite::Result<()> {
    let statement = "INSERT INTO events (no, job, first, kinds, body) VALUES (?1, -?2, ?1, ?3, ?4)";
    for (schedule, events) in told {
        let values = (*next, schedule, chunk::kind_bit(SCHEDULE_TICK), chunk::encode_ticks(events));
        transaction.prepare_cached(statement)?.execute(values)?;
        *next += 1;
    }
    Ok(())
}

/// The statement that adds a row, or takes the place of the one with the same first `keys` columns.
fn upsert(table: &str, names: &str, columns: &[TableColumn], keys: usize) -> String {
    let (found, changed) = columns.split_at(keys);
    let found: Vec<_> = found.iter().map(|column| column.name).collect();
    let changed: Vec<_> = changed.iter().map(|column| format!("{0} = excluded.{0}", column.name)).collect();
    let (found, changed, places) = (found.join(", "), changed.join(", "), places(columns.len()));
    format!("INSERT INTO {table} ({names}) VALUES ({places}) ON CONFLICT ({found}) DO UPDATE SET {changed}")
}
