//! Rows of the tables as rows of the engine, and back.

use std::sync::Arc;

use warrener_engine::row::{AttemptRow, Counts, JobRow, Json, Map, Parent, Skip, Stop, TaskRow, WaitsFor};
use warrener_shared::id::{JobId, JobNo, TaskNo, Token};
use warrener_shared::state::{JobState, Outcome, TaskState};
use warrener_shared::time::{Millis, Timestamp};

use super::super::StoreError;
use super::{Row, Value, corrupt};

/// The columns of `jobs` that [`job`] reads, in order.
pub(crate) const JOB_COLUMNS: &str = "no, id, state, paused, stop, failing, created_at, scheduled_at, started_at, \
     finished_at, deadline_at, wake_at, first_task, counts, failures, sequence, output, error, begun, parent_task, \
     parent_attempt, level";
/// How many they are.
pub(crate) const JOB_COLUMN_COUNT: usize = 22;

/// The columns of `tasks` that [`task`] reads and [`task_values`] writes, in order.
pub(crate) const TASK_COLUMNS: &str = "no, job, position, item, state, needs_open, needs_ok, needs_failed, attempt, \
     failures, unknown, deliveries, token, dispatch_no, queue, rank, ready_at, dispatched_at, started_at, finished_at, \
     start_by, wake_at, worker, lease, progress, skip, error, output, map, waits_for";
/// How many they are.
pub(crate) const TASK_COLUMN_COUNT: usize = 30;

/// The columns of `jobs` that change, as [`job_values`] gives them; then those that find it.
pub(crate) const JOB_CHANGES: &str = "state, paused, stop, failing, scheduled_at, started_at, finished_at, \
     deadline_at, wake_at, counts, failures, sequence, output, error, begun, no, first_task";

/// The columns of `attempts` that [`attempt`] reads, in order.
pub(crate) const ATTEMPT_COLUMNS: &str =
    "task, attempt, outcome, worker, dispatched_at, started_at, finished_at, error";

const STOPS: [Stop; 5] = [Stop::None, Stop::Deadline, Stop::Cancel, Stop::DeadlineHalt, Stop::CancelHalt];
const SKIPS: [Skip; 3] = [Skip::Rule, Skip::Upstream, Skip::Hand];

/// A column that one of our enums occupies, as its place among all.
fn word<T: Copy>(row: &dyn Row, at: usize, all: &[T]) -> Result<T, StoreError> {
    let place: usize = row.get(at)?;
    all.get(place).copied().ok_or_else(|| corrupt(at, format_args!("{place} stands for nothing")))
}

/// The state of a job.
pub(crate) fn job_state(row: &dyn Row, at: usize) -> Result<JobState, StoreError> {
    word(row, at, JobState::ALL)
}

/// The state of a task.
pub(crate) fn task_state(row: &dyn Row, at: usize) -> Result<TaskState, StoreError> {
    word(row, at, TaskState::ALL)
}

fn time(row: &dyn Row, at: usize) -> Result<Option<Timestamp>, StoreError> {
    Ok(row.int(at)?.map(Timestamp))
}

fn json(row: &dyn Row, at: usize) -> Result<Option<Json>, StoreError> {
    Ok(row.bytes(at)?.map(Arc::from))
}

/// Reads a row of [`JOB_COLUMNS`].
pub(crate) fn job(row: &dyn Row) -> Result<JobRow, StoreError> {
    let id = row.text(1)?.unwrap_or_default();
    Ok(JobRow {
        no: JobNo(row.get(0)?),
        id: JobId::new(&id).map_err(|error| corrupt(1, format_args!("{error}")))?,
        state: job_state(row, 2)?,
        paused: row.flag(3)?,
        stop: word(row, 4, &STOPS)?,
        failing: row.flag(5)?,
        created_at: Timestamp(row.get(6)?),
        scheduled_at: time(row, 7)?,
        started_at: time(row, 8)?,
        finished_at: time(row, 9)?,
        deadline_at: time(row, 10)?,
        wake_at: time(row, 11)?,
        first_task: TaskNo(row.get(12)?),
        counts: counts(row.blob(13)?, 13)?,
        failures: row.get(14)?,
        sequence: row.get(15)?,
        output: json(row, 16)?,
        error: json(row, 17)?,
        begun: row.flag(18)?,
        parent: parent(row)?,
        level: row.get(21)?,
    })
}

fn parent(row: &dyn Row) -> Result<Option<Parent>, StoreError> {
    let Some(task) = row.int(19)? else { return Ok(None) };
    Ok(Some(Parent { task: TaskNo(task), attempt: row.get(20)? }))
}

/// Reads a row of [`TASK_COLUMNS`].
pub(crate) fn task(row: &dyn Row) -> Result<TaskRow, StoreError> {
    let token = row.bytes(12)?.map_or(Ok(0), |bytes| sized(bytes, 12).map(u128::from_be_bytes))?;
    Ok(TaskRow {
        no: TaskNo(row.get(0)?),
        job: JobNo(row.get(1)?),
        position: row.get(2)?,
        index: row.find(3)?,
        state: task_state(row, 4)?,
        needs_open: row.get(5)?,
        needs_ok: row.get(6)?,
        needs_failed: row.get(7)?,
        attempt: row.get(8)?,
        failures: row.get(9)?,
        unknown: row.get(10)?,
        deliveries: row.find(11)?,
        token: Token(token),
        dispatch_no: row.int(13)?,
        queue: row.get(14)?,
        rank: row.int(15)?,
        ready_at: time(row, 16)?,
        dispatched_at: time(row, 17)?,
        started_at: time(row, 18)?,
        finished_at: time(row, 19)?,
        start_by: time(row, 20)?,
        wake_at: time(row, 21)?,
        worker: row.text(22)?.map(Arc::from),
        lease: row.find::<u64>(23)?.map(Millis),
        progress: json(row, 24)?,
        skip: row.int(25)?.map(|_| word(row, 25, &SKIPS)).transpose()?,
        error: json(row, 26)?,
        output: json(row, 27)?,
        map: row.bytes(28)?.map(|bytes| map(bytes, 28)).transpose()?,
        waits_for: row.text(29)?.map(|text| waits_for(&text)).transpose()?,
    })
}

/// Reads a row of [`ATTEMPT_COLUMNS`].
pub(crate) fn attempt(row: &dyn Row) -> Result<AttemptRow, StoreError> {
    Ok(AttemptRow {
        task: TaskNo(row.get(0)?),
        attempt: row.get(1)?,
        outcome: word(row, 2, Outcome::ALL)?,
        worker: row.text(3)?.map(Arc::from),
        dispatched_at: time(row, 4)?,
        started_at: time(row, 5)?,
        finished_at: Timestamp(row.get(6)?),
        error: json(row, 7)?,
    })
}

/// The values of [`ATTEMPT_COLUMNS`].
pub(crate) fn attempt_values(row: &AttemptRow) -> [Value<'_>; 8] {
    let time = |time: Option<Timestamp>| Value::int(time.map(|time| time.0));
    [
        row.task.0.into(),
        Value::Int(row.attempt.into()),
        Value::Int(row.outcome as i64),
        Value::text(row.worker.as_deref()),
        time(row.dispatched_at),
        time(row.started_at),
        row.finished_at.0.into(),
        Value::bytes(row.error.as_deref()),
    ]
}

/// A place in a short list.
fn place<T: PartialEq>(all: &[T], one: &T) -> Option<i64> {
    all.iter().position(|known| known == one).map(|at| at as i64)
}

/// The values of [`TASK_COLUMNS`].
pub(crate) fn task_values(row: &TaskRow) -> [Value<'_>; TASK_COLUMN_COUNT] {
    let time = |time: Option<Timestamp>| Value::int(time.map(|time| time.0));
    let number = |number: u32| Value::Int(number.into());
    [
        row.no.0.into(),
        row.job.0.into(),
        number(row.position),
        Value::int(row.index),
        Value::Int(row.state as i64),
        number(row.needs_open),
        number(row.needs_ok),
        number(row.needs_failed),
        number(row.attempt),
        number(row.failures),
        number(row.unknown),
        Value::int(row.deliveries),
        if row.attempt > 0 { Value::Bytes(row.token.0.to_be_bytes().to_vec().into()) } else { Value::Null },
        Value::int(row.dispatch_no),
        row.queue.into(),
        Value::int(row.rank),
        time(row.ready_at),
        time(row.dispatched_at),
        time(row.started_at),
        time(row.finished_at),
        time(row.start_by),
        time(row.wake_at),
        Value::text(row.worker.as_deref()),
        Value::int(row.lease.map(|span| i64::try_from(span.0).unwrap_or(i64::MAX))),
        Value::bytes(row.progress.as_deref()),
        Value::int(row.skip.and_then(|skip| place(&SKIPS, &skip))),
        Value::bytes(row.error.as_deref()),
        Value::bytes(row.output.as_deref()),
        row.map.as_ref().map_or(Value::Null, |map| Value::Bytes(map_bytes(map).into())),
        row.waits_for.as_ref().map_or(Value::Null, |waits_for| waits_for_text(waits_for).into()),
    ]
}

/// The values of [`JOB_CHANGES`].
pub(crate) fn job_values(row: &JobRow) -> [Value<'_>; 17] {
    let time = |time: Option<Timestamp>| Value::int(time.map(|time| time.0));
    [
        Value::Int(row.state as i64),
        Value::Int(row.paused.into()),
        Value::int(place(&STOPS, &row.stop)),
        Value::Int(row.failing.into()),
        time(row.scheduled_at),
        time(row.started_at),
        time(row.finished_at),
        time(row.deadline_at),
        time(row.wake_at),
        Value::Bytes(counts_bytes(&row.counts).to_vec().into()),
        Value::Int(row.failures.into()),
        Value::Int(i64::try_from(row.sequence).unwrap_or(i64::MAX)),
        Value::bytes(row.output.as_deref()),
        Value::bytes(row.error.as_deref()),
        Value::Int(row.begun.into()),
        row.no.0.into(),
        row.first_task.0.into(),
    ]
}

/// What an event and key are found by.
pub(crate) fn event_text(event: &str, key: &str) -> String {
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

fn waits_for(text: &str) -> Result<WaitsFor, StoreError> {
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
    read().ok_or_else(|| corrupt(29, format_args!("{} bytes that name nothing to wait for", text.len())))
}

/// Counts as nine little-endian numbers.
pub(crate) fn counts_bytes(counts: &Counts) -> [u8; 36] {
    let mut bytes = [0; 36];
    for (at, count) in counts.0.iter().enumerate() {
        bytes[at * 4..][..4].copy_from_slice(&count.to_le_bytes());
    }
    bytes
}

fn counts(bytes: &[u8], at: usize) -> Result<Counts, StoreError> {
    let bytes: [u8; 36] = sized(bytes, at)?;
    let mut counts = Counts::default();
    for (count, bytes) in counts.0.iter_mut().zip(bytes.chunks_exact(4)) {
        *count = u32::from_le_bytes(bytes.try_into().expect("a chunk of four"));
    }
    Ok(counts)
}

fn sized<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| corrupt(at, format_args!("{} bytes, and not {N}", bytes.len())))
}

fn map_bytes(map: &Map) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(52);
    bytes.extend_from_slice(&map.total.to_le_bytes());
    bytes.extend_from_slice(&map.next.to_le_bytes());
    bytes.extend_from_slice(&map.first_item.0.to_le_bytes());
    bytes.extend_from_slice(&counts_bytes(&map.counts));
    bytes
}

/// The items of a mapped task, as they stand in a column.
pub(crate) fn map(bytes: &[u8], at: usize) -> Result<Map, StoreError> {
    let bytes: [u8; 52] = sized(bytes, at)?;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let first_item = TaskNo(i64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes")));
    Ok(Map { total: number(0), next: number(4), first_item, counts: counts(&bytes[16..], at)? })
}
