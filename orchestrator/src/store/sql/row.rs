//! Values of ours in columns, which no database knows: states, counts, waits of built-in tasks.

use warrener_engine::row::{Counts, Map, WaitsFor};
use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::job::Until;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::{Row, corrupt, missing};

/// Value of an enum, kept as its place among all.
pub(crate) fn word<T: Copy>(row: &dyn Row, at: usize, all: &[T]) -> Result<Option<T>, StoreError> {
    let Some(place) = row.find::<usize>(at)? else { return Ok(None) };
    let word = all.get(place).copied();
    word.map(Some).ok_or_else(|| corrupt(at, format_args!("{place} stands for nothing")))
}

/// State of a job in a column that must have one.
pub(crate) fn job_state(row: &dyn Row, at: usize) -> Result<JobState, StoreError> {
    word(row, at, JobState::ALL)?.ok_or_else(|| missing(at))
}

/// State of a task in a column that must have one.
pub(crate) fn task_state(row: &dyn Row, at: usize) -> Result<TaskState, StoreError> {
    word(row, at, TaskState::ALL)?.ok_or_else(|| missing(at))
}

/// Place of a value in a short list; -1 if it is not in it.
pub(crate) fn place<T: PartialEq>(all: &[T], one: &T) -> i64 {
    all.iter().zip(0..).find(|(known, _)| *known == one).map_or(-1, |(_, at)| at)
}

/// Number in a column for the time for which a job holds its key: 0 until it is started, 1 until it is final, or less
/// than nothing by so many milliseconds from its creation.
pub(crate) fn until_number(until: Until) -> i64 {
    match until {
        Until::Started => 0,
        Until::Finished => 1,
        Until::For(span) => -i64::try_from(span.0).unwrap_or(i64::MAX),
    }
}

/// Condition, in SQL, of the jobs that are removed, and their order: final before the time `?1`, with no key that they
/// held for longer.
pub(crate) const OLD_JOBS: &str = "finished_at IS NOT NULL AND finished_at < ?1 \
     AND (unique_key IS NULL OR unique_until >= 0 OR created_at - unique_until < ?1) ORDER BY finished_at";

/// Text under which the tasks that wait for an event and key are found.
pub(crate) fn event_text(event: &str, key: &str) -> String {
    format!("event:{}", serde_json::json!([event, key]))
}

/// Text in a column for the wait of a built-in task.
pub(crate) fn waits_for_text(waits_for: &WaitsFor) -> String {
    match waits_for {
        WaitsFor::Time(time) => format!("time:{}", time.0),
        WaitsFor::Span(time) => format!("span:{}", time.0),
        WaitsFor::Event { event, key } => event_text(event, key),
        WaitsFor::Job(job) => format!("job:{}", job.0),
        WaitsFor::Confirm => "confirm:".to_owned(),
    }
}

/// Reads the wait of a built-in task from the text that [`waits_for_text`] made.
pub(crate) fn waits_for(text: &str, at: usize) -> Result<WaitsFor, StoreError> {
    let read = || match text.split_once(':')? {
        ("time", number) => Some(WaitsFor::Time(Timestamp(number.parse().ok()?))),
        ("span", number) => Some(WaitsFor::Span(Timestamp(number.parse().ok()?))),
        ("confirm", "") => Some(WaitsFor::Confirm),
        ("job", number) => Some(WaitsFor::Job(JobNo(number.parse().ok()?))),
        ("event", list) => {
            let (event, key): (String, String) = serde_json::from_str(list).ok()?;
            Some(WaitsFor::Event { event: event.into(), key: key.into() })
        }
        _ => None,
    };
    read().ok_or_else(|| corrupt(at, format_args!("{} bytes that name nothing to wait for", text.len())))
}

/// Counts of tasks by state, as nine little-endian numbers of 32 bits.
pub(crate) fn counts_bytes(counts: &Counts) -> [u8; 36] {
    let mut bytes = [0; 36];
    for (at, count) in counts.0.iter().enumerate() {
        bytes[at * 4..][..4].copy_from_slice(&count.to_le_bytes());
    }
    bytes
}

/// Reads [`counts_bytes`].
pub(crate) fn counts(bytes: &[u8], at: usize) -> Result<Counts, StoreError> {
    let bytes: [u8; 36] = sized(bytes, at)?;
    let mut counts = Counts::default();
    for (count, bytes) in counts.0.iter_mut().zip(bytes.chunks_exact(4)) {
        *count = u32::from_le_bytes(bytes.try_into().expect("a chunk of four"));
    }
    Ok(counts)
}

/// Bytes of a column that must have `N` of them.
pub(crate) fn sized<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| corrupt(at, format_args!("{} bytes, and not {N}", bytes.len())))
}

/// Items of a mapped task, as a column holds them: total, next, first item, counts.
pub(crate) fn map_bytes(map: &Map) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(52);
    bytes.extend_from_slice(&map.total.to_le_bytes());
    bytes.extend_from_slice(&map.next.to_le_bytes());
    bytes.extend_from_slice(&map.first_item.0.to_le_bytes());
    bytes.extend_from_slice(&counts_bytes(&map.counts));
    bytes
}

/// Reads [`map_bytes`].
pub(crate) fn map(bytes: &[u8], at: usize) -> Result<Map, StoreError> {
    let bytes: [u8; 52] = sized(bytes, at)?;
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let first_item = TaskNo(i64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes")));
    Ok(Map { total: number(0), next: number(4), first_item, counts: counts(&bytes[16..], at)? })
}
