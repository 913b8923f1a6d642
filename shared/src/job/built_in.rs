//! The kinds that the orchestrator works on itself, and what their inputs say.

use std::sync::Arc;

use super::field::{Reader, Zero};
use super::head::read_time;
use super::parse::{SubmitContext, document, duplicate_keys, parse};
use super::problem::{At, Problem, code};
use super::raw::Raw;
use super::{JobSpec, push_step};
use crate::error::{self, ErrorObject};
use crate::id::Kind;
use crate::limits::{LISTENER_CHARS, Limits, SUB_JOB_LEVELS};
use crate::time::{Millis, Timestamp};

/// A kind that the orchestrator works on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// `warrener.sleep`: ends after a span, or at a time; its output is null.
    Sleep,
    /// `warrener.wait`: ends when somebody answers its event and key; the answer is its output.
    Wait,
    /// `warrener.job`: ends when a job of its own does; that job's output is its output.
    Job,
}

impl BuiltIn {
    /// The kind of this name, if it is built in.
    pub fn of(kind: &Kind) -> Option<Self> {
        NAMES.iter().find(|(name, _)| *name == kind.as_str()).map(|(_, built_in)| *built_in)
    }

    /// Its name.
    ///
    /// # Panics
    /// Never: every kind has one.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, built_in)| *built_in == self).expect("every built-in kind has a name").0
    }

    /// The names of all built-in kinds.
    pub fn names() -> impl ExactSizeIterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

/// What a built-in task is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Wait for so long.
    SleepFor(Millis),
    /// Wait until then.
    SleepUntil(Timestamp),
    /// Wait for an answer.
    Wait {
        /// The event.
        event: String,
        /// Which of the event.
        key: String,
    },
    /// Run a job.
    Job {
        /// What it is.
        spec: Arc<JobSpec>,
        /// As it was written.
        body: Arc<[u8]>,
    },
}

/// Reads the input of a built-in task. `context` is that of a sub-job.
///
/// # Errors
/// Every problem of the input at once, with pointers into it.
pub fn read(kind: BuiltIn, input: &[u8], context: &SubmitContext<'_>, limits: &Limits) -> Result<Work, Vec<Problem>> {
    let mut reader = Reader::new(limits);
    let work = document(&mut reader, input, shape(kind)).and_then(|root| {
        duplicate_keys(&mut reader, root);
        match kind {
            BuiltIn::Sleep => sleep(&mut reader, root),
            BuiltIn::Wait => wait(&mut reader, root),
            BuiltIn::Job => job(&mut reader, root, context),
        }
    });
    match work {
        Some(work) if reader.problems.is_empty() => Ok(work),
        _ => Err(reader.problems.into_vec()),
    }
}

/// The problems of an input as the error of its task.
pub fn bad_input(problems: &[Problem]) -> ErrorObject {
    let first = problems.first().map_or_else(String::new, |problem| {
        let hint = problem.hint.as_deref().map_or_else(String::new, |hint| format!(" ({hint})"));
        format!("input{}: {}{hint}", problem.pointer, problem.detail)
    });
    let details = serde_json::value::to_raw_value(&serde_json::json!({ "errors": problems }));
    ErrorObject { details: details.ok(), ..ErrorObject::new(error::code::BAD_INPUT, first) }
}

const fn shape(kind: BuiltIn) -> &'static str {
    match kind {
        BuiltIn::Sleep => "an object such as {\"for\": \"5m\"} or {\"until\": \"2026-11-24T15:00:00Z\"}",
        BuiltIn::Wait => "an object such as {\"event\": \"approval\", \"key\": \"order-17\"}",
        BuiltIn::Job => "an object such as {\"job\": {\"kind\": \"demo.echo\"}}",
    }
}

fn sleep(reader: &mut Reader<'_>, root: Raw<'_>) -> Option<Work> {
    let mut work = None;
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        match &*entry.key {
            "for" => work = reader.duration(entry.value, &at, Zero::Allowed).map(Work::SleepFor),
            "until" => work = read_time(reader, entry.value, &at).map(Work::SleepUntil),
            other => reader.unknown_field(other, &at, &[&["for", "until"]], None),
        }
    }
    match (root.get("for").is_some(), root.get("until").is_some()) {
        (true, true) => {
            let detail = format_args!("`for` and `until` exclude each other");
            reader.problems.add(&At::Root.key("until"), code::CONTRADICTION, detail);
        }
        (false, false) => missing(reader, "for", "say how long: {\"for\": \"5m\"}"),
        _ => {}
    }
    work
}

fn wait(reader: &mut Reader<'_>, root: Raw<'_>) -> Option<Work> {
    let (mut event, mut key) = (None, None);
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        match &*entry.key {
            "event" => event = reader.short_text(entry.value, &at, LISTENER_CHARS),
            "key" => key = reader.short_text(entry.value, &at, LISTENER_CHARS),
            other => reader.unknown_field(other, &at, &[&["event", "key"]], None),
        }
    }
    for name in ["event", "key"] {
        if root.get(name).is_none() {
            missing(reader, name, shape(BuiltIn::Wait));
        }
    }
    Some(Work::Wait { event: event?, key: key? })
}

fn job(reader: &mut Reader<'_>, root: Raw<'_>, context: &SubmitContext<'_>) -> Option<Work> {
    for entry in root.entries().filter(|entry| entry.key != "job") {
        reader.unknown_field(&entry.key, &At::Root.key(&entry.key), &[&["job"]], None);
    }
    let Some(job) = root.get("job") else {
        missing(reader, "job", shape(BuiltIn::Job));
        return None;
    };
    let at = At::Root.key("job");
    if context.level > SUB_JOB_LEVELS {
        let detail = format_args!("jobs are nested more than {SUB_JOB_LEVELS} deep");
        reader.problems.add(&at, code::OUT_OF_RANGE, detail);
        return None;
    }
    match parse(job.bytes(), context, reader.limits) {
        Ok(spec) => {
            // A second attempt would find the id of the first taken, and the key perhaps held.
            let has = [("id", spec.id.is_some()), ("unique", spec.unique.is_some())];
            for (name, _) in has.into_iter().filter(|(_, has)| *has) {
                let detail = format_args!("a sub-job has no `{name}`: each attempt of its task is a job of its own");
                reader.problems.add(&at.key(name), code::CONTRADICTION, detail);
            }
            Some(Work::Job { spec: Arc::new(spec), body: Arc::from(job.bytes()) })
        }
        Err(problems) => {
            for problem in problems {
                let pointer = format!("/job{}", problem.pointer);
                let added = reader.problems.add_at(|| pointer, &problem.code, format_args!("{}", problem.detail));
                if let Some(hint) = problem.hint {
                    added.hint(format_args!("{hint}"));
                }
            }
            None
        }
    }
}

fn missing(reader: &mut Reader<'_>, name: &str, hint: &str) {
    let added = reader.problems.add(&At::Root, code::MISSING_FIELD, format_args!("`{name}` is missing"));
    added.hint(format_args!("{hint}"));
}

/// Reports what is wrong with an input that is known at submit, at its place in the job.
pub(crate) fn check(reader: &mut Reader<'_>, kind: &Kind, input: Option<Raw<'_>>, at: &At<'_>) {
    let Some(built_in) = BuiltIn::of(kind) else { return };
    let context = SubmitContext { level: reader.level + 1, ..SubmitContext::default() };
    let bytes = input.map_or(b"null".as_slice(), |input| input.bytes());
    let Err(problems) = read(built_in, bytes, &context, reader.limits) else { return };
    let mut place = at.pointer();
    push_step(&mut place, "input");
    for problem in problems {
        // Bytes and depth of the whole document were judged already; of no input there is no place below.
        let pointer = if input.is_some() { format!("{place}{}", problem.pointer) } else { at.pointer() };
        let added = reader.problems.add_at(|| pointer, &problem.code, format_args!("{}", problem.detail));
        if let Some(hint) = problem.hint {
            added.hint(format_args!("{hint}"));
        }
    }
}

const NAMES: [(&str, BuiltIn); 3] =
    [("warrener.sleep", BuiltIn::Sleep), ("warrener.wait", BuiltIn::Wait), ("warrener.job", BuiltIn::Job)];

#[cfg(test)]
mod tests;
