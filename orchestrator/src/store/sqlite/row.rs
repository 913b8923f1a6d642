//! Rows of the tables as rows of the engine, and back.

use std::sync::Arc;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Row, Statement, ToSql};
use warrener_engine::row::{Counts, JobRow, Json, Map, Parent, Skip, Stop, TaskRow, WaitsFor};
use warrener_shared::id::{JobId, JobNo, TaskNo, Token};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::{Millis, Timestamp};

/// The columns of `jobs` that [`job`] reads, in order.
pub(super) const JOB_COLUMNS: &str = "no, id, state, paused, stop, failing, created_at, scheduled_at, started_at, \
     finished_at, deadline_at, wake_at, first_task, counts, failures, sequence, output, error, begun, parent_task, \
     parent_attempt, level";

/// The columns of `tasks` that [`task`] reads and [`bind_task`] writes, in order.
pub(super) const TASK_COLUMNS: &str = "no, job, position, item, state, needs_open, needs_ok, needs_failed, attempt, \
     failures, unknown, deliveries, token, dispatch_no, queue, rank, ready_at, dispatched_at, started_at, finished_at, \
     start_by, wake_at, worker, lease, progress, skip, error, output, map, waits_for";
/// How many they are.
pub(super) const TASK_COLUMN_COUNT: usize = 30;

/// A column that one of our enums occupies.
pub(super) struct Word<T>(pub T);

impl FromSql for Word<JobState> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        pick(JobState::ALL, value).map(Self)
    }
}

impl FromSql for Word<TaskState> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        pick(TaskState::ALL, value).map(Self)
    }
}

impl FromSql for Word<Stop> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        pick(&STOPS, value).map(Self)
    }
}

impl FromSql for Word<Skip> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        pick(&SKIPS, value).map(Self)
    }
}

fn pick<T: Copy>(all: &[T], value: ValueRef<'_>) -> FromSqlResult<T> {
    let at = value.as_i64()?;
    usize::try_from(at).ok().and_then(|at| all.get(at).copied()).ok_or(FromSqlError::OutOfRange(at))
}

const STOPS: [Stop; 5] = [Stop::None, Stop::Deadline, Stop::Cancel, Stop::DeadlineHalt, Stop::CancelHalt];
const SKIPS: [Skip; 3] = [Skip::Rule, Skip::Upstream, Skip::Hand];

fn time(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(at)?.map(Timestamp))
}

fn json(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Json>> {
    Ok(row.get_ref(at)?.as_blob_or_null()?.map(Arc::from))
}

/// Reads a row of [`JOB_COLUMNS`].
pub(super) fn job(row: &Row<'_>) -> rusqlite::Result<JobRow> {
    Ok(JobRow {
        no: JobNo(row.get(0)?),
        id: JobId::new(row.get_ref(1)?.as_str()?).map_err(|error| FromSqlError::Other(Box::new(error)))?,
        state: row.get::<_, Word<JobState>>(2)?.0,
        paused: row.get(3)?,
        stop: row.get::<_, Word<Stop>>(4)?.0,
        failing: row.get(5)?,
        created_at: Timestamp(row.get(6)?),
        scheduled_at: time(row, 7)?,
        started_at: time(row, 8)?,
        finished_at: time(row, 9)?,
        deadline_at: time(row, 10)?,
        wake_at: time(row, 11)?,
        first_task: TaskNo(row.get(12)?),
        counts: counts(row.get_ref(13)?.as_blob()?)?,
        failures: row.get(14)?,
        sequence: row.get(15)?,
        output: json(row, 16)?,
        error: json(row, 17)?,
        begun: row.get(18)?,
        parent: parent(row)?,
        level: row.get(21)?,
    })
}

fn parent(row: &Row<'_>) -> rusqlite::Result<Option<Parent>> {
    let Some(task) = row.get::<_, Option<i64>>(19)? else { return Ok(None) };
    Ok(Some(Parent { task: TaskNo(task), attempt: row.get(20)? }))
}

/// Reads a row of [`TASK_COLUMNS`].
pub(super) fn task(row: &Row<'_>) -> rusqlite::Result<TaskRow> {
    let token = row.get_ref(12)?.as_blob_or_null()?.map_or(Ok(0), |bytes| {
        bytes
            .try_into()
            .map(u128::from_be_bytes)
            .map_err(|_| FromSqlError::InvalidBlobSize { expected_size: 16, blob_size: bytes.len() })
    })?;
    Ok(TaskRow {
        no: TaskNo(row.get(0)?),
        job: JobNo(row.get(1)?),
        position: row.get(2)?,
        index: row.get(3)?,
        state: row.get::<_, Word<TaskState>>(4)?.0,
        needs_open: row.get(5)?,
        needs_ok: row.get(6)?,
        needs_failed: row.get(7)?,
        attempt: row.get(8)?,
        failures: row.get(9)?,
        unknown: row.get(10)?,
        deliveries: row.get(11)?,
        token: Token(token),
        dispatch_no: row.get(13)?,
        queue: row.get(14)?,
        rank: row.get(15)?,
        ready_at: time(row, 16)?,
        dispatched_at: time(row, 17)?,
        started_at: time(row, 18)?,
        finished_at: time(row, 19)?,
        start_by: time(row, 20)?,
        wake_at: time(row, 21)?,
        worker: row.get_ref(22)?.as_str_or_null()?.map(Arc::from),
        lease: row.get::<_, Option<u64>>(23)?.map(Millis),
        progress: json(row, 24)?,
        skip: row.get::<_, Option<Word<Skip>>>(25)?.map(|word| word.0),
        error: json(row, 26)?,
        output: json(row, 27)?,
        map: row.get_ref(28)?.as_blob_or_null()?.map(map).transpose()?,
        waits_for: row.get_ref(29)?.as_str_or_null()?.map(waits_for).transpose()?,
    })
}

/// Binds a task to a statement whose parameters 1 to 30 are [`TASK_COLUMNS`].
pub(super) fn bind_task(statement: &mut Statement<'_>, row: &TaskRow) -> rusqlite::Result<()> {
    let token = row.token.0.to_be_bytes();
    let map = row.map.as_ref().map(map_bytes);
    let waits_for = row.waits_for.as_ref().map(waits_for_text);
    let time = |time: Option<Timestamp>| time.map(|time| time.0);
    let values: [&dyn ToSql; TASK_COLUMN_COUNT] = [
        &row.no.0,
        &row.job.0,
        &row.position,
        &row.index,
        &(row.state as i64),
        &row.needs_open,
        &row.needs_ok,
        &row.needs_failed,
        &row.attempt,
        &row.failures,
        &row.unknown,
        &row.deliveries,
        &(row.attempt > 0).then_some(token.as_slice()),
        &row.dispatch_no,
        &row.queue,
        &row.rank,
        &time(row.ready_at),
        &time(row.dispatched_at),
        &time(row.started_at),
        &time(row.finished_at),
        &time(row.start_by),
        &time(row.wake_at),
        &row.worker.as_deref(),
        &row.lease.map(|span| span.0),
        &row.progress.as_deref(),
        &row.skip.map(|skip| SKIPS.iter().position(|s| *s == skip)),
        &row.error.as_deref(),
        &row.output.as_deref(),
        &map,
        &waits_for,
    ];
    for (at, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, value)?;
    }
    Ok(())
}

/// The columns of a job that change, as parameters 1 to 14 and 17 of an update; 15 and 16 find it.
pub(super) fn bind_job(statement: &mut Statement<'_>, row: &JobRow) -> rusqlite::Result<()> {
    let time = |time: Option<Timestamp>| time.map(|time| time.0);
    let counts = counts_bytes(&row.counts);
    let stop = STOPS.iter().position(|stop| *stop == row.stop);
    let values: [&dyn ToSql; 17] = [
        &(row.state as i64),
        &row.paused,
        &stop,
        &row.failing,
        &time(row.scheduled_at),
        &time(row.started_at),
        &time(row.finished_at),
        &time(row.deadline_at),
        &time(row.wake_at),
        &counts.as_slice(),
        &row.failures,
        &row.sequence,
        &row.output.as_deref(),
        &row.error.as_deref(),
        &row.no.0,
        &row.first_task.0,
        &row.begun,
    ];
    for (at, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, value)?;
    }
    Ok(())
}

/// What an event and key are found by.
pub(super) fn event_text(event: &str, key: &str) -> String {
    format!("event:{}", serde_json::json!([event, key]))
}

fn waits_for_text(waits_for: &WaitsFor) -> String {
    match waits_for {
        WaitsFor::Time(time) => format!("time:{}", time.0),
        WaitsFor::Span(time) => format!("span:{}", time.0),
        WaitsFor::Event { event, key } => event_text(event, key),
        WaitsFor::Job(job) => format!("job:{}", job.0),
    }
}

fn waits_for(text: &str) -> rusqlite::Result<WaitsFor> {
    let read = || match text.split_once(':')? {
        ("time", number) => Some(WaitsFor::Time(Timestamp(number.parse().ok()?))),
        ("span", number) => Some(WaitsFor::Span(Timestamp(number.parse().ok()?))),
        ("job", number) => Some(WaitsFor::Job(JobNo(number.parse().ok()?))),
        ("event", list) => {
            let (event, key): (String, String) = serde_json::from_str(list).ok()?;
            Some(WaitsFor::Event { event: event.into(), key: key.into() })
        }
        _ => None,
    };
    read().ok_or_else(|| FromSqlError::Other(format!("{text:?} is nothing to wait for").into()).into())
}

/// Counts as nine little-endian numbers.
pub(super) fn counts_bytes(counts: &Counts) -> [u8; 36] {
    let mut bytes = [0; 36];
    for (at, count) in counts.0.iter().enumerate() {
        bytes[at * 4..][..4].copy_from_slice(&count.to_le_bytes());
    }
    bytes
}

pub(super) fn counts(bytes: &[u8]) -> FromSqlResult<Counts> {
    let mut counts = Counts::default();
    if bytes.len() != 36 {
        return Err(FromSqlError::InvalidBlobSize { expected_size: 36, blob_size: bytes.len() });
    }
    for (count, bytes) in counts.0.iter_mut().zip(bytes.chunks_exact(4)) {
        *count = u32::from_le_bytes(bytes.try_into().expect("a chunk of four"));
    }
    Ok(counts)
}

fn map_bytes(map: &Map) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(52);
    bytes.extend_from_slice(&map.total.to_le_bytes());
    bytes.extend_from_slice(&map.next.to_le_bytes());
    bytes.extend_from_slice(&map.first_item.0.to_le_bytes());
    bytes.extend_from_slice(&counts_bytes(&map.counts));
    bytes
}

pub(super) fn map(bytes: &[u8]) -> FromSqlResult<Map> {
    let size = FromSqlError::InvalidBlobSize { expected_size: 52, blob_size: bytes.len() };
    let number = |at: usize| bytes.get(at..at + 4).map(|b| u32::from_le_bytes(b.try_into().expect("four bytes")));
    let (Some(total), Some(next), Some(first), Some(rest)) = (number(0), number(4), bytes.get(8..16), bytes.get(16..))
    else {
        return Err(size);
    };
    let first_item = TaskNo(i64::from_le_bytes(first.try_into().expect("eight bytes")));
    Ok(Map { total, next, first_item, counts: counts(rest)? })
}
