//! Reads of the writer before it decides, and of readers who show the same rows. See [`Rows`](super::super::Rows) and
//! [`Store`](super::super::Store) for what each gives.

use std::ops::ControlFlow;
use std::sync::Arc;

use warrener_engine::row::{JobRow, TaskRow};
use warrener_engine::slice::Line;
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::time::Timestamp;

use super::super::columns;
use super::super::{
    Asked, Boot, BulkRow, DEAD_ROW_BYTES, DeadHead, DeadRow, DeadTotal, Death, DispatchNo, Found, Item, KeptDead,
    LogChunk, OwedReply, QueueRow, StoreError, Submitted, decode_part,
};
use super::row::{event_text, task_state};
use super::{Reader, Row, Value, corrupt, limit};

/// Lowest free number of a chunk of events.
pub(crate) fn next_event(reader: &dyn Reader) -> Result<i64, StoreError> {
    // Numbers of removed events are not used again: the publisher and the readers of streams have passed them.
    let highest = "SELECT max(no) FROM (SELECT max(no) AS no FROM events UNION ALL \
         SELECT CAST(value AS BIGINT) FROM meta WHERE key IN ('events_published', 'events_removed')) AS numbers";
    next(reader, highest)
}

/// Number after the highest that a statement finds; 1 if it finds none.
fn next(reader: &dyn Reader, statement: &str) -> Result<i64, StoreError> {
    let highest = reader.one("read a counter", statement, &[], |row| row.int(0))?;
    Ok(highest.flatten().unwrap_or(0) + 1)
}

/// Counters and marks of the database.
pub(crate) fn boot(reader: &dyn Reader) -> Result<Boot, StoreError> {
    let doing = "read where the counters stand";
    let meta = |key: &str| -> Result<Option<String>, StoreError> {
        reader.one(doing, "SELECT CAST(value AS TEXT) FROM meta WHERE key = ?1", &[key.into()], |row| row.string(0))
    };
    let kept = |key: &str| Ok::<Option<i64>, StoreError>(meta(key)?.and_then(|text| text.parse().ok()));
    let queues = reader.all(doing, "SELECT no, name, paused FROM queues ORDER BY no", &[], queue_row)?;
    let highest = |name: &str| Ok(kept(name)?.map_or(1, |number| number.max(1)));
    Ok(Boot {
        database: meta("database")?.ok_or_else(|| StoreError::Corrupt("it has no identity".to_owned()))?,
        next_job: JobNo(next(reader, "SELECT max(no) FROM jobs")?.max(highest("next_job")?)),
        next_task: TaskNo(next(reader, "SELECT max(no) FROM tasks")?.max(highest("next_task")?)),
        // An attempt that was opened and closed in one batch leaves no row, but its number may count as published.
        next_dispatch: DispatchNo(highest("next_dispatch")?.max(highest("published_below")?)),
        published_below: DispatchNo(highest("published_below")?),
        queues,
        seen_at: kept("seen_at")?.map(Timestamp),
        trust: match (kept("clock_boot")?, kept("clock_offset")?, kept("clock_behind")?) {
            (Some(boot), Some(offset_ms), Some(behind_ms)) => {
                Some(crate::store::ClockTrust { boot, offset_ms, behind_ms })
            }
            _ => None,
        },
    })
}

/// Reads number, name and flag of a queue.
pub(crate) fn queue_row(row: &dyn Row) -> Result<QueueRow, StoreError> {
    let name = QueueName::new(&row.text(1)?.unwrap_or_default());
    let name = name.map_err(|error| corrupt(1, format_args!("{error}")))?;
    Ok(QueueRow { no: row.get(0)?, name, paused: row.flag(2)? })
}

/// The queue of this name, if it has a number.
pub(crate) fn queue(reader: &dyn Reader, name: &QueueName) -> Result<Option<QueueRow>, StoreError> {
    let statement = "SELECT no, name, paused FROM queues WHERE name = ?1";
    reader.one("number a queue", statement, &[name.as_str().into()], queue_row)
}

/// Number and digest of the job with this id.
pub(crate) fn find(reader: &dyn Reader, id: &JobId) -> Result<Option<Found>, StoreError> {
    let statement = "SELECT no, digest FROM jobs WHERE id = ?1";
    reader.one("look for a job by its id", statement, &[id.as_str().into()], |row| found(row, 0))
}

/// Reads number and digest of a job, from a column on.
pub(crate) fn found(row: &dyn Row, at: usize) -> Result<Found, StoreError> {
    Ok(Found { no: JobNo(row.get(at)?), digest: digest(row, at + 1)? })
}

/// Reads a digest, which has 32 bytes if there is one.
fn digest(row: &dyn Row, at: usize) -> Result<Option<[u8; 32]>, StoreError> {
    let read = |bytes: &[u8]| bytes.try_into().map_err(|_| corrupt(at, format_args!("{} bytes", bytes.len())));
    row.bytes(at)?.map(read).transpose()
}

/// Job that holds a unique key.
pub(crate) fn holder(reader: &dyn Reader, key: &str, now: Timestamp) -> Result<Option<JobRow>, StoreError> {
    let statement = format!(
        "SELECT {} FROM (SELECT * FROM jobs WHERE unique_key = ?1 ORDER BY no DESC LIMIT 1) AS latest \
         WHERE CASE WHEN unique_until < 0 THEN created_at - unique_until > ?2 \
         ELSE state < 2 AND (unique_until = 1 OR begun = 0) END",
        columns::job::NAMES
    );
    let values = [key.into(), now.0.into()];
    reader.one("look for the job that holds a key", &statement, &values, columns::job::read)
}

/// Row of a job.
pub(crate) fn job(reader: &dyn Reader, no: JobNo) -> Result<Option<JobRow>, StoreError> {
    let statement = format!("SELECT {} FROM jobs WHERE no = ?1", columns::job::NAMES);
    reader.one("read a job", &statement, &[no.0.into()], columns::job::read)
}

/// Document of a job.
pub(crate) fn submitted(reader: &dyn Reader, no: JobNo) -> Result<Option<Submitted>, StoreError> {
    let statement = "SELECT body, priority, traceparent, digest FROM submits JOIN jobs ON no = job WHERE job = ?1";
    reader.one("read what was submitted", statement, &[no.0.into()], |row| {
        Ok(Submitted {
            body: row.blob(0)?.into(),
            priority: row.find(1)?,
            traceparent: row.text(2)?.map(Into::into),
            digest: digest(row, 3)?,
        })
    })
}

/// Rows of tasks or items from a number on.
pub(crate) fn tasks(reader: &dyn Reader, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
    if count == 1 {
        let statement = format!("SELECT {} FROM tasks WHERE no = ?1", columns::task::NAMES);
        let row = reader.one("read a task", &statement, &[first.0.into()], columns::task::read)?;
        return Ok(row.into_iter().collect());
    }
    task_range(reader, first, count, "no >= ?1 AND no < ?2 ORDER BY no")
}

/// Rows of a range whose tasks are not final.
pub(crate) fn open_tasks(reader: &dyn Reader, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
    task_range(reader, first, count, "no >= ?1 AND no < ?2 AND state < 4 ORDER BY no")
}

/// Rows of a range that fit a condition.
fn task_range(reader: &dyn Reader, first: TaskNo, count: u32, filter: &str) -> Result<Vec<TaskRow>, StoreError> {
    let statement = format!("SELECT {} FROM tasks WHERE {filter}", columns::task::NAMES);
    reader.all("read tasks", &statement, &range(first, count), columns::task::read)
}

/// Range of numbers as two parameters: the first, and the one after the last.
pub(crate) fn range(first: TaskNo, count: u32) -> [Value<'static>; 2] {
    [first.0.into(), (first.0 + i64::from(count)).into()]
}

/// Shows the items of a mapped task one by one, so that 100,000 of them cost no memory here.
pub(crate) fn each_item(
    reader: &dyn Reader,
    mapped: &TaskRow,
    visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let Some(map) = mapped.map else { return Ok(()) };
    let statement = "SELECT no, state, attempt, error, output FROM tasks WHERE no >= ?1 AND no < ?2 ORDER BY no";
    let range = range(map.first_item, map.total);
    reader.each("read the outputs of items", statement, &range, &mut |row| Ok(visit(item(row)?)))
}

/// Reads the result of an item.
fn item(row: &dyn Row) -> Result<Item<'_>, StoreError> {
    Ok(Item {
        no: TaskNo(row.get(0)?),
        state: task_state(row, 1)?,
        attempt: row.get(2)?,
        error: row.bytes(3)?,
        output: row.bytes(4)?,
    })
}

/// Rank and number of the ready tasks of a queue, best first.
pub(crate) fn ready(reader: &dyn Reader, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
    let statement = "SELECT rank, no FROM tasks WHERE queue = ?1 AND rank IS NOT NULL ORDER BY rank, no LIMIT ?2";
    let read = |row: &dyn Row| Ok((row.get(0)?, TaskNo(row.get(1)?)));
    reader.all("read who may go out next", statement, &[queue.into(), limit(most)], read)
}

/// Parked tasks and items of a line, so many of each queue, the best first.
pub(crate) fn parked(reader: &dyn Reader, line: &Line, most: u32) -> Result<Vec<TaskRow>, StoreError> {
    const DOING: &str = "read what waits for its turn";
    let (own, who): (_, Value<'_>) = match line {
        Line::Job(job) => ("job = ?1 AND parked IS NOT NULL AND line IS NULL", job.0.into()),
        Line::Key(key) => ("line = ?1 AND line IS NOT NULL", (&**key.text()).into()),
    };
    let next = format!("SELECT min(queue) FROM tasks WHERE {own} AND queue > ?2");
    let best =
        format!("SELECT {} FROM tasks WHERE {own} AND queue = ?2 ORDER BY parked, no LIMIT ?3", columns::task::NAMES);
    let (mut found, mut queue) = (Vec::new(), -1);
    while let Some(number) = reader.one(DOING, &next, &[who.clone(), queue.into()], |row| row.int(0))?.flatten() {
        queue = number;
        let values = [who.clone(), queue.into(), limit(most as usize)];
        found.extend(reader.all(DOING, &best, &values, columns::task::read)?);
    }
    Ok(found)
}

/// Built-in tasks that wait for this event and key.
pub(crate) fn waiting_for(reader: &dyn Reader, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
    let statement = "SELECT no FROM tasks WHERE waits_for = ?1 ORDER BY no";
    let doing = "look for tasks that wait for an event";
    reader.all(doing, statement, &[event_text(event, key).into()], |row| row.get(0).map(TaskNo))
}

/// Tasks whose time has come, earliest first.
pub(crate) fn due_tasks(reader: &dyn Reader, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
    let statement = "SELECT no FROM tasks WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2";
    Ok(due(reader, statement, now, most)?.into_iter().map(TaskNo).collect())
}

/// Jobs whose time has come, earliest first.
pub(crate) fn due_jobs(reader: &dyn Reader, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
    let statement = "SELECT no FROM jobs WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2";
    Ok(due(reader, statement, now, most)?.into_iter().map(JobNo).collect())
}

/// Numbers of rows whose time has come, by a statement.
fn due(reader: &dyn Reader, statement: &str, now: Timestamp, most: usize) -> Result<Vec<i64>, StoreError> {
    reader.all("read what is due", statement, &[now.0.into(), limit(most)], |row| row.get(0))
}

/// Earliest time of all timers.
pub(crate) fn next_due(reader: &dyn Reader) -> Result<Option<Timestamp>, StoreError> {
    let statement = "SELECT min(at) FROM (SELECT min(wake_at) AS at FROM tasks WHERE wake_at IS NOT NULL \
         UNION ALL SELECT min(wake_at) FROM jobs WHERE wake_at IS NOT NULL) AS due";
    Ok(reader.one("read when something is due", statement, &[], |row| row.int(0))?.flatten().map(Timestamp))
}

/// Tasks with an open attempt, in the order of dispatch.
pub(crate) fn open_attempts(reader: &dyn Reader) -> Result<Vec<TaskRow>, StoreError> {
    let statement =
        format!("SELECT {} FROM tasks WHERE dispatch_no IS NOT NULL ORDER BY dispatch_no", columns::task::NAMES);
    reader.all("read the open attempts", &statement, &[], columns::task::read)
}

/// Workers that were asked to stop and are not known to have done so.
pub(crate) fn asked(reader: &dyn Reader) -> Result<Vec<Asked>, StoreError> {
    let statement = "SELECT task, attempt, worker, asked_at FROM stops WHERE stopped_at IS NULL ORDER BY task, attempt";
    reader.all("read who was asked to stop", statement, &[], |row| {
        let worker = row.string(2)?.into();
        Ok(Asked { task: TaskNo(row.get(0)?), attempt: row.get(1)?, worker, at: Timestamp(row.get(3)?) })
    })
}

/// Workers that never settled an attempt of a task.
pub(crate) fn deaths(reader: &dyn Reader, task: TaskNo) -> Result<Vec<Death>, StoreError> {
    let statement = "SELECT attempt, worker, deliveries, at FROM deaths WHERE task = ?1 ORDER BY no";
    reader.all("read how the workers of a task died", statement, &[task.0.into()], |row| {
        let worker = row.string(1)?.into();
        Ok(Death { task, attempt: row.get(0)?, worker, deliveries: row.find(2)?, at: Timestamp(row.get(3)?) })
    })
}

/// Last chunks of log of a task, oldest first, of at least so many bytes if there are as many.
pub(crate) fn last_logs(reader: &dyn Reader, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
    let statement = "SELECT attempt, time, text FROM logs WHERE task = ?1 ORDER BY attempt DESC, no DESC";
    let (mut last, mut total) = (Vec::new(), 0);
    reader.each("read what the attempts of a task wrote last", statement, &[task.0.into()], &mut |row| {
        if total >= bytes {
            return Ok(ControlFlow::Break(()));
        }
        let text = row.string(2)?;
        total += text.len();
        last.push(LogChunk { task, attempt: row.get(0)?, time: Timestamp(row.get(1)?), text });
        Ok(ControlFlow::Continue(()))
    })?;
    last.reverse();
    Ok(last)
}

/// Answers that are owed for a job, lowest number first.
pub(crate) fn owed_replies(reader: &dyn Reader, job: JobNo) -> Result<Vec<OwedReply>, StoreError> {
    let statement = format!("SELECT {OWED_COLUMNS} FROM replies r WHERE r.job = ?1");
    // Asked for an order, SQLite would look through all of them for the few of one job.
    let mut owed = reader.all("read the answers that are owed", &statement, &[job.0.into()], owed_reply)?;
    owed.sort_by_key(|reply| reply.no);
    Ok(owed)
}

/// Page of answers that can be given, by number and address.
pub(crate) fn due_replies(reader: &dyn Reader, above: i64, most: usize) -> Result<Vec<(i64, String)>, StoreError> {
    let statement = "SELECT r.no, r.reply_to FROM replies r LEFT JOIN jobs j ON j.no = r.job WHERE r.no > ?1 AND \
         (j.state >= 2 OR r.accepted <> 0 OR r.refusal IS NOT NULL) ORDER BY r.no LIMIT ?2";
    let read = |row: &dyn Row| Ok((row.get(0)?, row.string(1)?));
    reader.all("read which answers are owed", statement, &[above.into(), limit(most)], read)
}

/// Answer with this number, if it is still owed.
pub(crate) fn reply(reader: &dyn Reader, no: i64) -> Result<Option<OwedReply>, StoreError> {
    let statement = format!("SELECT {OWED_COLUMNS} FROM replies r WHERE r.no = ?1");
    reader.one("read an answer that is owed", &statement, &[no.into()], owed_reply)
}

/// Reads a row of [`OWED_COLUMNS`].
pub(crate) fn owed_reply(row: &dyn Row) -> Result<OwedReply, StoreError> {
    Ok(OwedReply {
        no: row.get(0)?,
        job: JobNo(row.get(1)?),
        reply_to: row.string(2)?,
        correlation_id: row.find_string(3)?,
        accepted: row.flag(4)?,
        owed_at: Timestamp(row.get(5)?),
        refusal: row.bytes(6)?.map(Arc::from),
    })
}

/// Columns of `replies`, as `r`, that [`owed_reply`] reads.
pub(crate) const OWED_COLUMNS: &str = "r.no, r.job, r.reply_to, r.correlation_id, r.accepted, r.owed_at, r.refusal";

/// Weight of a dead letter as SQL, less [`DEAD_ROW_BYTES`].
const DEAD_WEIGHT: &str =
    "octet_length(body) + octet_length(message) + octet_length(headers) + COALESCE(octet_length(evidence), 0)";

/// Number and weight of all dead letters.
pub(crate) fn dead_total(reader: &dyn Reader) -> Result<DeadTotal, StoreError> {
    let statement = format!("SELECT count(*), COALESCE(sum({DEAD_WEIGHT}), 0) FROM dead");
    let found =
        reader.one("count dead letters", &statement, &[], |row| Ok((row.get::<u64>(0)?, row.get::<u64>(1)?)))?;
    let (letters, bytes) = found.unwrap_or_default();
    Ok(DeadTotal { letters, bytes: bytes + letters * DEAD_ROW_BYTES })
}

/// Dead letters that were kept first.
pub(crate) fn oldest_dead(reader: &dyn Reader, most: usize) -> Result<Vec<KeptDead>, StoreError> {
    let statement = format!("SELECT no, received_at, {DEAD_WEIGHT} FROM dead ORDER BY no LIMIT ?1");
    reader.all("look for the oldest dead letters", &statement, &[limit(most)], |row| {
        let bytes = row.get::<u64>(2)? + DEAD_ROW_BYTES;
        Ok(KeptDead { no: row.get(0)?, received_at: Timestamp(row.get(1)?), bytes })
    })
}

/// Columns of a dead letter without its contents.
pub(crate) const DEAD_COLUMNS: &str = "no, source, code, message, job, task, received_at, size";

/// Dead letter with this number.
pub(crate) fn dead_letter(reader: &dyn Reader, no: i64) -> Result<Option<DeadRow>, StoreError> {
    let statement = format!("SELECT {DEAD_COLUMNS}, body, headers, evidence FROM dead WHERE no = ?1");
    reader.one("read a dead letter", &statement, &[no.into()], |row| {
        let (headers, evidence) = (row.string(9)?, row.find_string(10)?);
        Ok(DeadRow { head: dead_head(row)?, body: row.blob(8)?.to_vec(), headers, evidence })
    })
}

/// Dead letter without its contents, from a row of [`DEAD_COLUMNS`].
pub(crate) fn dead_head(row: &dyn Row) -> Result<DeadHead, StoreError> {
    Ok(DeadHead {
        no: row.get(0)?,
        from: row.string(1)?,
        code: row.string(2)?,
        message: row.string(3)?,
        job: row.find_string(4)?,
        task: row.find_string(5)?,
        received_at: Timestamp(row.get(6)?),
        size: row.get(7)?,
    })
}

/// Number of the latest bulk operation; 0 before the first.
pub(crate) fn last_bulk(reader: &dyn Reader) -> Result<i64, StoreError> {
    Ok(next(reader, "SELECT max(no) FROM bulk")? - 1)
}

/// Bulk operation with this number.
pub(crate) fn bulk(reader: &dyn Reader, no: i64) -> Result<Option<BulkRow>, StoreError> {
    let statement = "SELECT body FROM bulk WHERE no = ?1";
    reader.one("read a bulk operation", statement, &[no.into()], |row| BulkRow::decode(&row.string(0)?))
}

/// Bulk operations that are not over, the oldest first.
pub(crate) fn running_bulks(reader: &dyn Reader) -> Result<Vec<(i64, BulkRow)>, StoreError> {
    let statement = "SELECT no, body FROM bulk WHERE running = 1 ORDER BY no";
    reader.all("read the bulk operations", statement, &[], |row| Ok((row.get(0)?, BulkRow::decode(&row.string(1)?)?)))
}

/// Members of a part of the set of a bulk operation.
pub(crate) fn bulk_part(reader: &dyn Reader, no: i64, part: i64) -> Result<Option<Vec<i64>>, StoreError> {
    let statement = "SELECT body FROM bulk_sets WHERE bulk = ?1 AND part = ?2";
    reader.one("read the set of a bulk operation", statement, &[no.into(), part.into()], |row| {
        Ok(decode_part(row.blob(0)?))
    })
}
