//! Chunks of events: those of one job that were committed together, as they are kept. They are short, because each task
//! has three events.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::wire::event::{JobEvent, SCHEDULE_TICK, TickEvent};

use super::super::StoreError;

/// Key of the number of the latest chunk of events when some were removed last.
pub(crate) const EVENTS_REMOVED: &str = "events_removed";

/// A chunk of events of a job. The time is common to all; their sequence numbers follow that of the first.
#[derive(Serialize, Deserialize)]
struct Chunk<'a> {
    /// Time of all events, in RFC 3339.
    time: Arc<str>,
    /// Names of tasks, each once.
    names: Vec<Arc<str>>,
    /// The events in order.
    #[serde(borrow)]
    events: Vec<Short<'a>>,
}

/// An event without what is common: its sort (a place in the list of all sorts), task (a place in `names`), item,
/// attempt, and reason.
type Short<'a> = (u8, Option<u32>, Option<u32>, Option<u32>, Option<&'a RawValue>);

/// Place of a sort of event in the list of all: those of jobs, then those of tasks. `None` for an unknown word.
fn place(kind: &str) -> Option<usize> {
    let (jobs, tasks) = (JobState::ALL, TaskState::ALL);
    let of_task = || tasks.iter().position(|state| state.event() == kind).map(|at| at + jobs.len());
    jobs.iter().position(|state| state.event() == kind).or_else(of_task)
}

/// Sort and state of an event by its place.
fn at(place: u8) -> Option<(&'static str, &'static str)> {
    let (jobs, tasks) = (JobState::ALL, TaskState::ALL);
    match usize::from(place).checked_sub(jobs.len()) {
        None => jobs.get(usize::from(place)).map(|state| (state.event(), state.as_str())),
        Some(place) => tasks.get(place).map(|state| (state.event(), state.as_str())),
    }
}

/// Bit of a sort of events, so that chunks nobody listens to need not be read; 0 for an unknown sort.
pub(crate) fn kind_bit(kind: &str) -> i64 {
    if kind == SCHEDULE_TICK {
        return 1 << (JobState::ALL.len() + TaskState::ALL.len());
    }
    place(kind).map_or(0, |at| 1 << at)
}

/// Encodes events of a job for the database: as a chunk, or in full if they have no time and order in common.
pub(crate) fn encode(events: &[JobEvent]) -> Vec<u8> {
    let short = shorten(events).and_then(|chunk| serde_json::to_vec(&chunk).ok());
    short.unwrap_or_else(|| serde_json::to_vec(events).expect("events have text keys only"))
}

/// Chunk of these events; `None` if they have no time and order in common.
fn shorten(events: &[JobEvent]) -> Option<Chunk<'_>> {
    let first = events.first()?;
    let mut names = Names::default();
    let mut short = Vec::with_capacity(events.len());
    for (sequence, event) in (first.sequence..).zip(events) {
        (event.sequence == sequence && event.time == first.time).then_some(())?;
        let kind = u8::try_from(place(&event.kind)?).ok()?;
        let name = event.task.as_ref().map(|task| names.place(task));
        short.push((kind, name, event.index, event.attempt, event.error.as_deref()));
    }
    Some(Chunk { time: first.time.clone(), names: names.list, events: short })
}

/// Register of names, each once, in the order of their first use.
#[derive(Default)]
struct Names<'a> {
    /// Names by place.
    list: Vec<Arc<str>>,
    /// Places by name.
    places: HashMap<&'a str, u32>,
}

impl<'a> Names<'a> {
    /// Place of a name, which is added if it is new.
    fn place(&mut self, name: &'a Arc<str>) -> u32 {
        // Events of one task stand together.
        if let Some(last) = self.list.last().filter(|last| *last == name) {
            return self.places[&**last];
        }
        let next = u32::try_from(self.list.len()).expect("a job has fewer tasks");
        *self.places.entry(name).or_insert_with(|| {
            self.list.push(name.clone());
            next
        })
    }
}

/// Encodes events of ticks of a schedule for the database.
pub(crate) fn encode_ticks(events: &[TickEvent]) -> Vec<u8> {
    serde_json::to_vec(events).expect("events have text keys only")
}

/// Decodes the events that [`encode_ticks`] kept.
///
/// # Errors
/// [`StoreError::Corrupt`] if the bytes are none that it makes.
pub(crate) fn decode_ticks(body: &[u8]) -> Result<Vec<TickEvent>, StoreError> {
    // The text of such an error quotes what it found.
    let place = |error: &serde_json::Error| format!("{:?} error at byte {}", error.classify(), error.column());
    serde_json::from_slice(body).map_err(|error| StoreError::Corrupt(format!("events of ticks: {}", place(&error))))
}

/// Decodes the events that [`encode`] kept, of which the first has the sequence number `first`.
///
/// # Errors
/// [`StoreError::Corrupt`] if the bytes are none that it makes.
pub(crate) fn decode(first: u64, body: &[u8]) -> Result<Vec<JobEvent>, StoreError> {
    let corrupt = |why: String| StoreError::Corrupt(format!("events: {why}"));
    // The text of such an error quotes what it found.
    let unread = |error: serde_json::Error| corrupt(format!("{:?} error at byte {}", error.classify(), error.column()));
    if body.first() == Some(&b'[') {
        return serde_json::from_slice(body).map_err(unread);
    }
    let chunk: Chunk<'_> = serde_json::from_slice(body).map_err(unread)?;
    let event = |(sequence, (place, name, index, attempt, error)): (u64, Short<'_>)| {
        let (kind, state) = at(place)?;
        let task = match name {
            Some(name) => Some(chunk.names.get(name as usize)?.clone()),
            None => None,
        };
        Some(JobEvent {
            sequence,
            time: chunk.time.clone(),
            kind: Cow::Borrowed(kind),
            task,
            index,
            attempt,
            state: Cow::Borrowed(state),
            error: error.map(ToOwned::to_owned),
        })
    };
    let events = (first..).zip(chunk.events).map(event);
    events.collect::<Option<_>>().ok_or_else(|| corrupt("an unknown sort or name".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence: u64, time: &str, kind: &'static str, task: Option<&str>) -> JobEvent {
        let (_, state) = kind.split_once('.').unwrap();
        let error = (state == "failed").then(|| RawValue::from_string(r#"{"code":"x"}"#.to_owned()).unwrap());
        let (index, attempt) = task.map(|_| (3, 1)).unzip();
        let (kind, state) = (kind.into(), state.into());
        JobEvent { sequence, time: time.into(), kind, task: task.map(Into::into), index, attempt, state, error }
    }

    fn text(events: &[JobEvent]) -> String {
        serde_json::to_string(events).unwrap()
    }

    #[test]
    fn what_is_kept_comes_back() {
        let sorts = JobState::ALL.iter().map(|state| state.event());
        let sorts = sorts.chain(TaskState::ALL.iter().map(|state| state.event()));
        let events: Vec<JobEvent> = (7..)
            .zip(sorts)
            .map(|(no, kind)| event(no, "noon", kind, kind.starts_with("task").then_some(["a", "b"][no as usize % 2])))
            .collect();
        let kept = encode(&events);
        assert!(kept.len() * 3 < text(&events).len(), "{}", String::from_utf8_lossy(&kept));
        assert_eq!(text(&decode(7, &kept).unwrap()), text(&events));
    }

    #[test]
    fn events_without_a_common_time_or_order_come_back_too() {
        let gap = [event(1, "noon", "task.ready", Some("a")), event(3, "noon", "task.failed", Some("a"))];
        let times = [event(1, "noon", "job.running", None), event(2, "one", "job.failed", None)];
        for events in [gap, times] {
            assert_eq!(text(&decode(1, &encode(&events)).unwrap()), text(&events));
        }
    }

    #[test]
    fn nonsense_is_corrupt() {
        for body in ["{}", "[1]", r#"{"time":"t","names":[],"events":[[99,null,null,null,null]]}"#] {
            assert!(matches!(decode(1, body.as_bytes()), Err(StoreError::Corrupt(_))), "{body}");
        }
    }
}
