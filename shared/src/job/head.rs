//! The fields that both shapes of a job have in common: identity, labels and clocks.

use std::collections::BTreeMap;

use super::by_name::ByName;
use super::field::{Reader, Zero};
use super::problem::{At, code, quoted};
use super::raw::Raw;
use super::{JobSpec, JobTemplates, Shape, Start, TaskSpec, Unique, unique};
use crate::id::JobId;
use crate::json::Doc;
use crate::time::{Millis, Timestamp};

/// The fields that both shapes have, beside `input`.
pub(crate) const COMMON_FIELDS: &[&str] =
    &["$schema", "id", "name", "labels", "delay", "run_at", "deadline", "unique", "jobs"];

/// The common part of a job.
pub(crate) struct Head {
    id: Option<JobId>,
    name: Option<String>,
    labels: BTreeMap<String, String>,
    start: Start,
    deadline: Option<Millis>,
    unique: Option<Unique>,
}

impl Head {
    /// The job with this head, the given tasks, and defaults for the rest.
    pub(crate) fn into_job(self, shape: Shape, input: Doc, tasks: Vec<TaskSpec>) -> JobSpec {
        JobSpec {
            shape,
            id: self.id,
            name: self.name,
            labels: self.labels,
            input,
            start: self.start,
            deadline: self.deadline,
            unique: self.unique,
            fail_fast: true,
            max_parallel: None,
            by_name: ByName::of(&tasks),
            tasks,
            output: None,
            templates: JobTemplates::default(),
        }
    }
}

/// Reads the common part. `given` is the id that came beside the body.
pub(crate) fn read(reader: &mut Reader<'_>, root: Raw<'_>, given: Option<JobId>) -> Head {
    let mut head =
        Head { id: None, name: None, labels: BTreeMap::new(), start: Start::Now, deadline: None, unique: None };
    let (mut unique, mut has_delay, mut has_run_at) = (None, false, false);
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        let value = entry.value;
        match &*entry.key {
            "$schema" => drop(reader.text(value, &at)),
            "id" => head.id = reader.name(value, &at, JobId::new),
            "name" => head.name = reader.short_text(value, &at, NAME_CHARS),
            "labels" => head.labels = reader.labels(value, &at),
            "delay" => {
                has_delay = true;
                head.start = reader.duration(value, &at, Zero::Allowed).map_or(Start::Now, Start::Delay);
            }
            "run_at" => {
                has_run_at = true;
                head.start = read_time(reader, value, &at).map_or(Start::Now, Start::At);
            }
            "unique" => unique = Some(value),
            "deadline" => head.deadline = reader.duration(value, &at, Zero::Refused),
            _ => {}
        }
    }
    head.unique = unique.and_then(|value| unique::read(reader, root, value, head.start));
    if has_delay && has_run_at {
        let detail = format_args!("`delay` and `run_at` exclude each other");
        reader.problems.add(&At::Root.key("run_at"), code::CONTRADICTION, detail);
    }
    if reader.level > 0 {
        // A second attempt would find the id of the first taken, and the key perhaps held.
        for name in ["id", "unique"].into_iter().filter(|name| root.get(name).is_some()) {
            let detail = format_args!("a sub-job has no `{name}`: each attempt of its task is a job of its own");
            reader.problems.add(&At::Root.key(name), code::CONTRADICTION, detail);
        }
    }
    head.id = same_id(reader, head.id, given);
    head
}

fn same_id(reader: &mut Reader<'_>, own: Option<JobId>, given: Option<JobId>) -> Option<JobId> {
    if let (Some(own), Some(given)) = (&own, &given)
        && own != given
    {
        let detail = format_args!("the body says `{own}`, the message_id or Idempotency-Key says `{given}`");
        let added = reader.problems.add(&At::Root.key("id"), code::CONTRADICTION, detail);
        added.hint(format_args!("give the id once, or the same id twice"));
    }
    own.or(given)
}

pub(crate) fn read_time(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Timestamp> {
    let text = reader.text(value, at)?;
    let time = Some(&*text).filter(|text| is_rfc3339(text)).and_then(Timestamp::parse_rfc3339);
    if time.is_none() {
        let detail = format_args!("{} is not a point in time", quoted(&text));
        let added = reader.problems.add(at, code::INVALID_VALUE, detail);
        added.hint(format_args!("write RFC 3339 with an offset, such as \"2026-11-24T15:00:00Z\""));
    }
    time
}

/// Tells whether a text has the shape `2026-11-24T15:00:00[.123](Z
/// +01:00)`; the values are judged by the parser.
fn is_rfc3339(text: &str) -> bool {
    let Some((date_time, rest)) = text.split_at_checked(19) else { return false };
    let shape = |text: &str, shape: &str| {
        let fits = |(byte, want): (u8, u8)| if want == b'0' { byte.is_ascii_digit() } else { byte == want };
        text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
    };
    let offset = match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    let has_fraction = rest.strip_prefix('.').is_none_or(|fraction| fraction.len() > offset.len());
    let is_offset = matches!(offset, "Z" | "z") || shape(offset, "+00:00") || shape(offset, "-00:00");
    shape(&date_time.replace(['t', ' '], "T"), "0000-00-00T00:00:00") && has_fraction && is_offset
}

/// Characters of a job's name: what a table can show.
const NAME_CHARS: usize = 200;
