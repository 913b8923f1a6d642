//! The writing of schedules and their ticks.

use warrener_shared::wire::event::{SCHEDULE_TICK, TickEvent};

use super::value::columns;
use super::write::{Steps, insert, types};
use crate::store::columns::{TableColumn, schedule, tick};
use crate::store::schedules::ScheduleChanges;
use crate::store::sql::{Value, chunk};

impl<'a> Steps<'a> {
    pub(super) fn schedules(&mut self, changes: &'a ScheduleChanges) {
        let told = columns(changes.removed.iter().map(|no| [(-no).into()]));
        self.add("remove events of ticks", "DELETE FROM events WHERE job = ANY(?1)", told);
        for (table, key) in [("ticks", "schedule"), ("schedules", "no")] {
            let removed = columns(changes.removed.iter().map(|no| [(*no).into()]));
            self.add("remove schedules", format!("DELETE FROM {table} WHERE {key} = ANY(?1)"), removed);
        }
        let statement = upsert(schedule::TABLE, schedule::NAMES, schedule::COLUMNS, schedule::KEYS);
        self.add("keep schedules", statement, columns(changes.schedules.iter().map(schedule::values)));
        let statement = upsert(tick::TABLE, tick::NAMES, tick::COLUMNS, tick::KEYS);
        self.add("keep ticks", statement, columns(changes.ticks.iter().map(tick::values)));
        let kept = changes.kept.iter().map(|(no, kept)| [(*no).into(), Value::Int(i64::from(*kept) - 1)]);
        let old = "DELETE FROM ticks r USING unnest(?1::bigint[], ?2::bigint[]) AS u (no, kept) \
             WHERE r.schedule = u.no AND r.open = 0 AND r.at < \
             (SELECT t.at FROM ticks t WHERE t.schedule = u.no ORDER BY t.at DESC LIMIT 1 OFFSET u.kept)";
        self.add("forget old ticks", old, columns(kept));
        let kept = changes.kept.iter().map(|(no, kept)| [(-no).into(), Value::Int(i64::from(*kept) - 1)]);
        let old = "DELETE FROM events e USING unnest(?1::bigint[], ?2::bigint[]) AS u (job, kept) \
             WHERE e.job = u.job AND e.first < \
             (SELECT t.first FROM events t WHERE t.job = u.job ORDER BY t.first DESC LIMIT 1 OFFSET u.kept)";
        self.add("forget old events of ticks", old, columns(kept));
    }

    /// Adds a chunk for each schedule of which events of ticks are told, numbered from `next` on. Gives the next free
    /// number.
    pub(super) fn tell(&mut self, told: &[(i64, Vec<TickEvent>)], next: i64) -> i64 {
        let rows = (next..).zip(told).map(|(no, (schedule, events))| {
            let body = Value::Bytes(chunk::encode_ticks(events).into());
            [no.into(), (-schedule).into(), no.into(), chunk::kind_bit(SCHEDULE_TICK).into(), body]
        });
        self.add("keep events of ticks", insert("events", "no, job, first, kinds, body", "iiiib"), columns(rows));
        next + told.len() as i64
    }
}

/// The statement that adds rows, or takes the place of those with the same first `keys` columns.
fn upsert(table: &str, names: &str, all: &[TableColumn], keys: usize) -> String {
    let (found, changed) = all.split_at(keys);
    let found: Vec<_> = found.iter().map(|column| column.name).collect();
    let changed: Vec<_> = changed.iter().map(|column| format!("{0} = excluded.{0}", column.name)).collect();
    let insert = insert(table, names, &types(all));
    format!("{insert} ON CONFLICT ({}) DO UPDATE SET {}", found.join(", "), changed.join(", "))
}
