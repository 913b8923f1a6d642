//! The unique key of a job: what it says, and reading it.

use super::Start;
use super::field::{Reader, Zero};
use super::problem::{At, code};
use super::raw::Raw;
use crate::limits::DURATION_MAX_DAYS;
use crate::time::{Millis, Timestamp};

/// Choice when another job holds the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Refuse this job.
    Reject,
    /// Answer with the other job.
    ReturnExisting,
    /// Cancel the other job.
    CancelExisting,
    /// Take the place of the other job's content while that is still scheduled, and its key once it is not.
    Replace {
        /// Longest time from the first submit to the start, however often the content is replaced.
        max_delay: Millis,
    },
}

/// Time for which a job holds its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Until its first task is dispatched.
    Started,
    /// Until it is final.
    Finished,
    /// For so long from its creation, whatever becomes of it.
    For(Millis),
}

/// A key that at most one job holds at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// The key.
    pub key: String,
    /// Defaults to reject.
    pub on_conflict: OnConflict,
    /// Defaults to finished.
    pub until: Until,
}

impl Unique {
    /// Start of a job that takes the place of one which was first submitted at `first`: `start`, or earlier where that
    /// would be later than `max_delay` after the first submit. A job of any other mode starts at `start`.
    pub fn start_after(&self, first: Timestamp, start: Timestamp) -> Timestamp {
        match self.on_conflict {
            OnConflict::Replace { max_delay } => start.min(first + max_delay),
            OnConflict::Reject | OnConflict::ReturnExisting | OnConflict::CancelExisting => start,
        }
    }
}

/// Reads the field `unique`, with this value, of a job which starts at `start`.
pub(crate) fn read(reader: &mut Reader<'_>, root: Raw<'_>, value: Raw<'_>, start: Start) -> Option<Unique> {
    let at = At::Root.key("unique");
    if !reader.is_object(value, &at, "an object such as {\"key\": \"nightly\"}") {
        return None;
    }
    let mut key = None;
    let (mut on_conflict, mut until) = (OnConflict::Reject, Until::Finished);
    let mut max_delay = None;
    for entry in value.entries() {
        let place = at.key(&entry.key);
        match &*entry.key {
            "key" => key = reader.short_text(entry.value, &place, KEY_CHARS),
            "on_conflict" => on_conflict = reader.word(entry.value, &place, ON_CONFLICT).unwrap_or(on_conflict),
            "until" => until = read_until(reader, entry.value, &place).unwrap_or(until),
            "max_delay" => max_delay = reader.duration(entry.value, &place, Zero::Refused),
            other => reader.unknown_field(other, &place, &[FIELDS], None),
        }
    }
    if value.get("key").is_none() {
        let added = reader.problems.add(&at, code::MISSING_FIELD, format_args!("`key` is missing"));
        added.hint(format_args!("{{\"unique\": {{\"key\": \"nightly\"}}}}"));
    }
    if let OnConflict::Replace { max_delay: most } = &mut on_conflict {
        *most = read_replace(reader, root, start, max_delay);
        if let Until::For(_) = until {
            let detail = format_args!("with `on_conflict: replace` the key is held while the job is scheduled");
            let added = reader.problems.add(&at.key("until"), code::CONTRADICTION, detail);
            added.hint(format_args!("leave `until` out; the time between two starts is `delay`"));
        }
    } else if value.get("max_delay").is_some() {
        let detail = format_args!("`max_delay` belongs to `on_conflict: replace`");
        let added = reader.problems.add(&at.key("max_delay"), code::CONTRADICTION, detail);
        added.hint(format_args!("write `on_conflict: replace` with a `delay`, or leave it out"));
    }
    Some(Unique { key: key?, on_conflict, until })
}

/// Reads a state or a span. Words begin with a letter, spans with a digit or as ISO 8601 does.
fn read_until(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Until> {
    let is_word = |text: &str| text.starts_with(|c: char| !c.is_ascii_digit() && !matches!(c, 'P' | '-' | '.'));
    if value.text().is_some_and(|text| is_word(&text)) {
        return reader.word(value, at, UNTIL);
    }
    reader.duration(value, at, Zero::Refused).map(Until::For)
}

/// Checks what goes with `replace`, and gives its `max_delay`: as written, or 10 times the `delay`.
fn read_replace(reader: &mut Reader<'_>, root: Raw<'_>, start: Start, written: Option<Millis>) -> Millis {
    let longest = Millis(DURATION_MAX_DAYS * 86_400_000);
    let Start::Delay(delay) = start else {
        // One that is there and cannot be read has a problem of its own.
        if root.get("delay").is_none() {
            let detail = format_args!("`delay` is missing, which each submit of an `on_conflict: replace` starts anew");
            let added = reader.problems.add(&At::Root, code::MISSING_FIELD, detail);
            added.hint(format_args!("{{\"delay\": \"30s\"}}"));
        }
        return longest;
    };
    if delay.0 == 0 {
        let detail = format_args!("a job without a delay is never scheduled, so nothing could replace it");
        let added = reader.problems.add(&At::Root.key("delay"), code::OUT_OF_RANGE, detail);
        added.hint(format_args!("write a longer `delay`, such as \"30s\""));
    }
    if let Some(most) = written.filter(|most| *most < delay) {
        let detail = format_args!("{most} is shorter than the `delay` of {delay}");
        let place = At::Root.key("unique");
        let added = reader.problems.add(&place.key("max_delay"), code::OUT_OF_RANGE, detail);
        added.hint(format_args!("write at least {delay}, or leave it out for 10 times the `delay`"));
    }
    written.unwrap_or_else(|| Millis(delay.0.saturating_mul(10)).min(longest))
}

const FIELDS: &[&str] = &["key", "on_conflict", "until", "max_delay"];
const ON_CONFLICT: &[(&str, OnConflict)] = &[
    ("reject", OnConflict::Reject),
    ("return_existing", OnConflict::ReturnExisting),
    ("cancel_existing", OnConflict::CancelExisting),
    ("replace", OnConflict::Replace { max_delay: Millis(0) }),
];
const UNTIL: &[(&str, Until)] = &[("started", Until::Started), ("finished", Until::Finished)];
/// Characters of a unique key: what an index can hold.
const KEY_CHARS: usize = 200;
