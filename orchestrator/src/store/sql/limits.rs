//! Limits as they are kept: definitions made over the API, what keys hold, and how many wait.

use warrener_engine::limit::{KeyRow, KeySettings, LimitKey, Rate, SlotChange, SlotRow, Waiting};
use warrener_shared::id::JobNo;
use warrener_shared::time::Timestamp;

use super::super::{KeptLimits, StoreError};
use super::{Reader, Row, Value, corrupt};

const DOING: &str = "read the limits";

/// Columns of a key, and the letters of their types.
pub(crate) const KEY_COLUMNS: (&str, &str) = ("key, bucket, paused_until, concurrency, rate, weight", "tiiiti");

/// All that is kept of limits.
pub(crate) fn read(reader: &dyn Reader) -> Result<KeptLimits, StoreError> {
    let definitions = reader.all(DOING, "SELECT name, definition FROM limits ORDER BY name", &[], |row| {
        Ok((row.string(0)?, row.string(1)?))
    })?;
    let keys = format!("SELECT {} FROM limit_keys ORDER BY key", KEY_COLUMNS.0);
    let keys = reader.all(DOING, &keys, &[], key_row)?;
    let waiting = "SELECT line, queue, count(*) FROM tasks WHERE line IS NOT NULL GROUP BY line, queue";
    let waiting = reader.all(DOING, waiting, &[], |row| {
        Ok(Waiting { key: LimitKey::written(&row.string(0)?.into()), queue: row.get(1)?, count: row.get(2)? })
    })?;
    let slots = "SELECT key, job, since, (SELECT count(*) FROM jobs WHERE no = job AND state < 2) FROM limit_slots";
    let slots = reader.all(DOING, slots, &[], |row| {
        let (key, job) = (LimitKey::written(&row.string(0)?.into()), JobNo(row.get(1)?));
        Ok(SlotRow { job, key, since: Timestamp(row.get(2)?), is_over: row.get::<i64>(3)? == 0 })
    })?;
    Ok(KeptLimits { definitions, keys, waiting, slots })
}

/// Slots that are held from now on, as key, job and the time since which they are.
pub(crate) fn held_slots(changes: &[SlotChange]) -> impl Iterator<Item = [Value<'_>; 3]> {
    changes
        .iter()
        .filter_map(|change| Some([(&**change.key.text()).into(), change.job.0.into(), change.since?.0.into()]))
}

/// Slots that are changed, as key and job.
pub(crate) fn changed_slots(changes: &[SlotChange]) -> impl Iterator<Item = [Value<'_>; 2]> {
    changes.iter().map(|change| [(&**change.key.text()).into(), change.job.0.into()])
}

fn key_row(row: &dyn Row) -> Result<KeyRow, StoreError> {
    let rate = row.find_string(4)?.map(|text| rate(&text).ok_or_else(|| corrupt(4, format_args!("{text} is no rate"))));
    let settings = KeySettings { concurrency: row.find(3)?, rate: rate.transpose()?, weight: row.find(5)? };
    Ok(KeyRow {
        key: LimitKey::written(&row.string(0)?.into()),
        bucket: row.get(1)?,
        paused_until: row.int(2)?.map(Timestamp),
        settings,
    })
}

/// The values of [`KEY_COLUMNS`].
pub(crate) fn key_values(row: &KeyRow) -> [Value<'_>; 6] {
    let rate = row.settings.rate.map(|rate| format!("{}/{}/{}", rate.count, rate.period_ns, rate.burst));
    [
        (&**row.key.text()).into(),
        row.bucket.into(),
        Value::int(row.paused_until.map(|time| time.0)),
        Value::int(row.settings.concurrency),
        rate.map_or(Value::Null, Value::from),
        Value::int(row.settings.weight),
    ]
}

fn rate(text: &str) -> Option<Rate> {
    let mut parts = text.split('/').map(|part| part.parse().ok());
    Some(Rate { count: parts.next()??, period_ns: parts.next()??, burst: parts.next()?? })
}
