//! The kinds that the orchestrator works on itself, and what their inputs say.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use super::elsewhere::Place;
use super::field::{Reader, Zero, foreign};
use super::head::read_time;
use super::outline::Outline;
use super::parse::{SubmitContext, check_whole, document, duplicate_keys, parse};
use super::problem::{At, Problem, code, quoted};
use super::publish;
use super::raw::Raw;
use super::task_names::TaskNames;
use super::{JobSpec, JobTemplates, push_step};
use crate::error::{self, ErrorObject};
use crate::id::{Kind, TaskName};
use crate::json::{self, Doc};
use crate::limits::{LISTENER_CHARS, Limits, SUB_JOB_LEVELS};
use crate::time::{Millis, Timestamp};
use crate::wire::Parcel;

/// A kind that the orchestrator works on itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuiltIn {
    /// `warrener.sleep`: ends after a span, or at a time; its output is null.
    Sleep,
    /// `warrener.wait`: ends when somebody answers its event and key; the answer is its output.
    Wait,
    /// `warrener.job`: ends when a job of its own does; that job's output is its output.
    Job,
    /// `warrener.fail`: fails for good at once, with the code, message and details of its input.
    Fail,
    /// `warrener.pass`: succeeds at once; its input is its output.
    Pass,
    /// `warrener.publish`: ends when the broker has the message that its input describes; its output is null.
    Publish,
}

impl BuiltIn {
    /// The kind of this name, if it is built in.
    pub fn of(kind: &Kind) -> Option<Self> {
        NAMES.iter().find(|(name, _)| *name == kind.as_str()).map(|(_, built_in)| *built_in)
    }

    /// Name of the kind.
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

/// Work of a built-in task.
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
        /// The key within the event.
        key: String,
    },
    /// Run a job.
    Job {
        /// The parsed document.
        spec: Arc<JobSpec>,
        /// The document as it was written.
        body: Arc<[u8]>,
    },
    /// Fail with this error.
    Fail(ErrorObject),
    /// Succeed with its input.
    Pass,
    /// Send a message.
    Publish(Box<Parcel>),
}

/// True if a sub-job of a task with this input, as it is written, may use the templates of the job around: it, or the
/// name of its template, does not come from data.
pub fn hands_down(input: &Doc) -> bool {
    let is_name = |name: &Doc| name.as_str().is_some_and(|name| TaskName::new(&name).is_ok());
    input.field("job").is_some_and(|job| job.kind() == json::Kind::Object)
        || input.field("use").is_some_and(|n| is_name(&n))
}

/// Reads the input of a built-in task. `context` is that of a sub-job.
///
/// # Errors
/// Every problem of the input at once, with pointers into it.
pub fn read(kind: BuiltIn, input: &[u8], context: &SubmitContext<'_>, limits: &Limits) -> Result<Work, Vec<Problem>> {
    if kind == BuiltIn::Pass {
        return Ok(Work::Pass);
    }
    let mut reader = Reader::new(limits);
    let work = document(&mut reader, input, shape(kind)).and_then(|root| {
        duplicate_keys(&mut reader, root);
        match kind {
            BuiltIn::Job => job(&mut reader, root, context),
            _ => read_input(&mut reader, kind, root),
        }
    });
    match work {
        Some(work) if reader.problems.is_empty() => Ok(work),
        _ => Err(reader.problems.into_vec()),
    }
}

/// Reads the input of a kind other than `warrener.job`.
fn read_input(reader: &mut Reader<'_>, kind: BuiltIn, root: Raw<'_>) -> Option<Work> {
    if kind == BuiltIn::Pass {
        return Some(Work::Pass);
    }
    if !reader.is_object(root, &At::Root, shape(kind)) {
        return None;
    }
    match kind {
        BuiltIn::Fail => fail(reader, root),
        BuiltIn::Sleep => sleep(reader, root),
        BuiltIn::Wait => wait(reader, root),
        BuiltIn::Publish => publish::read(reader, root).map(|parcel| Work::Publish(Box::new(parcel))),
        BuiltIn::Job | BuiltIn::Pass => None,
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
        BuiltIn::Job => "an object such as {\"job\": {\"kind\": \"demo.echo\"}} or {\"use\": \"build\"}",
        BuiltIn::Fail => "an object such as {\"code\": \"out_of_stock\", \"message\": \"none is left\"}",
        BuiltIn::Pass => "any value",
        BuiltIn::Publish => publish::SHAPE,
    }
}

fn sleep(reader: &mut Reader<'_>, root: Raw<'_>) -> Option<Work> {
    let mut work = None;
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        match &*entry.key {
            "for" => work = reader.duration(entry.value, &at, Zero::Allowed).map(Work::SleepFor),
            "until" => work = read_time(reader, entry.value, &at).map(Work::SleepUntil),
            other => reader.unknown_field(other, &at, &[&["for", "until"]], foreign(other, Place::Sleep)),
        }
    }
    match (root.get("for").is_some(), root.get("until").is_some()) {
        (true, true) => {
            let detail = format_args!("`for` and `until` exclude each other");
            reader.problems.add(&At::Root.key("until"), code::CONTRADICTION, detail);
        }
        (false, false) => reader.missing("for", "say how long: {\"for\": \"5m\"}"),
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
            other => reader.unknown_field(other, &at, &[&["event", "key"]], foreign(other, Place::Wait)),
        }
    }
    for name in ["event", "key"] {
        if root.get(name).is_none() {
            reader.missing(name, shape(BuiltIn::Wait));
        }
    }
    Some(Work::Wait { event: event?, key: key? })
}

fn fail(reader: &mut Reader<'_>, root: Raw<'_>) -> Option<Work> {
    let (mut code, mut message, mut details) = (None, None, None);
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        match &*entry.key {
            "code" => code = reader.error_code(entry.value, &at),
            "message" => message = reader.plain_text(entry.value, &at),
            "details" => {
                let bytes = std::str::from_utf8(entry.value.bytes()).unwrap_or("null").to_owned();
                details = RawValue::from_string(bytes).ok();
            }
            other => {
                reader.unknown_field(other, &at, &[&["code", "message", "details"]], foreign(other, Place::Fail));
            }
        }
    }
    if root.get("code").is_none() {
        reader.missing("code", shape(BuiltIn::Fail));
    }
    let message = message.unwrap_or_else(|| "the job says that it fails here".to_owned());
    Some(Work::Fail(ErrorObject { code: code?.into(), message, details, task: None, attempt: None }))
}

/// The job that a task runs, as its input names it.
enum SubJob<'a> {
    /// Written in the input.
    Written(Raw<'a>),
    /// The template of this name, with this input instead of its own.
    OfTemplate(Cow<'a, str>, Option<Raw<'a>>),
}

fn sub_job<'a>(reader: &mut Reader<'_>, root: Raw<'a>) -> Option<SubJob<'a>> {
    let (mut job, mut template, mut input) = (None, None, None);
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        match &*entry.key {
            "job" => job = Some(entry.value),
            "use" => template = Some(entry.value),
            "input" => input = Some(entry.value),
            other => reader.unknown_field(other, &at, &[&["job", "use", "input"]], in_sub_job(other)),
        }
    }
    let at = At::Root.key("use");
    match (job, template) {
        (Some(_), Some(_)) => {
            reader.problems.add(&at, code::CONTRADICTION, format_args!("`use` and `job` exclude each other"));
            None
        }
        (None, None) => {
            reader.missing("job", shape(BuiltIn::Job));
            None
        }
        (Some(job), None) => {
            if input.is_some() {
                let detail = format_args!("`input` goes with `use`");
                let added = reader.problems.add(&At::Root.key("input"), code::CONTRADICTION, detail);
                added.hint(format_args!("write it in the job: {{\"job\": {{\"input\": …, \"tasks\": …}}}}"));
            }
            Some(SubJob::Written(job))
        }
        (None, Some(name)) if reader.undecided.contains(name) => {
            let detail = format_args!("the name of a template cannot come from data");
            reader.problems.add(&at, code::INVALID_VALUE, detail).hint(format_args!(
                "write the name; to choose one while the job runs, write a task with `if` for each template"
            ));
            None
        }
        (None, Some(name)) => {
            let name = reader.text(name, &at)?;
            knows_template(reader, &name, &at).then_some(SubJob::OfTemplate(name, input))
        }
    }
}

/// A hint for a field of a job that was written beside it.
fn in_sub_job(key: &str) -> Option<String> {
    let is_of_job = ["kind", "tasks", "output", "name", "defaults", "fail_fast", "labels", "deadline"].contains(&key);
    is_of_job.then(|| format!("`{key}` belongs to the job: {{\"job\": {{\"{key}\": …}}}}"))
}

/// True if there is a template of this name; if not, that is reported.
fn knows_template(reader: &mut Reader<'_>, name: &str, at: &At<'_>) -> bool {
    let templates = reader.templates.clone();
    if templates.as_ref().is_some_and(|templates| templates.contains(name)) {
        return true;
    }
    let near = templates.as_ref().and_then(|templates| reader.problems.nearest(name, templates.all()));
    let detail = format_args!("there is no template {}", quoted(name));
    let added = reader.problems.add(at, code::UNKNOWN_NAME, detail);
    match near {
        Some(near) => added.did_you_mean(Some(near)),
        None => added.hint(format_args!(
            "write it under `jobs` of the job, and its name where the task is written: it cannot come from data"
        )),
    }
    false
}

/// Reads a job that is about to begin.
fn job(reader: &mut Reader<'_>, root: Raw<'_>, context: &SubmitContext<'_>) -> Option<Work> {
    let templates = context.templates;
    reader.templates = templates.and_then(JobTemplates::names);
    let job = sub_job(reader, root)?;
    if is_too_deep(reader, context.level) {
        return None;
    }
    let (body, at) = match &job {
        SubJob::Written(job) => match templates {
            Some(templates) => (templates.handed_down(*job), "/job"),
            None => (Cow::Borrowed(job.bytes()), "/job"),
        },
        SubJob::OfTemplate(name, input) => (Cow::Owned(templates?.job(name, *input)?), "/use"),
    };
    match parse(&body, &SubmitContext { templates: None, ..*context }, reader.limits) {
        Ok(spec) => Some(Work::Job { spec: Arc::new(spec), body: Arc::from(&*body) }),
        Err(problems) => {
            reader.adopt(problems, at);
            None
        }
    }
}

/// True if jobs are nested too deep; that is reported.
fn is_too_deep(reader: &mut Reader<'_>, level: u8) -> bool {
    let too_deep = level > SUB_JOB_LEVELS;
    if too_deep {
        let detail = format_args!("jobs are nested more than {SUB_JOB_LEVELS} deep");
        reader.problems.add(&At::Root.key("job"), code::OUT_OF_RANGE, detail);
    }
    too_deep
}

/// Reports what is wrong with an input that is data, at its place in the job.
pub(crate) fn check(reader: &mut Reader<'_>, kind: BuiltIn, input: Option<Raw<'_>>, at: &At<'_>) {
    let undecided = reader.undecided;
    match input {
        Some(input) if undecided.contains(input) => {}
        Some(input) => {
            let inside = reader.inside(undecided, None);
            check_input(reader, inside, kind, input, at);
        }
        None => check_missing(reader, kind, at),
    }
}

/// Reports what is wrong with an input, whatever its expressions will give, at its place in the job. `names` are
/// those of the tasks of the job.
pub(crate) fn check_template(
    reader: &mut Reader<'_>,
    kind: BuiltIn,
    input: Option<Raw<'_>>,
    names: &TaskNames<'_>,
    at: &At<'_>,
) {
    let Some(input) = input else { return check_missing(reader, kind, at) };
    if reader.undecided.contains(input) {
        return;
    }
    let outline = Outline::of(input, reader.undecided);
    let root = Raw::checked(&outline.bytes);
    if !outline.undecided().contains(root) {
        let inside = reader.inside(outline.undecided(), Some(names));
        check_input(reader, inside, kind, root, at);
    }
}

/// Reports that an input is missing, where one is needed.
fn check_missing(reader: &mut Reader<'_>, kind: BuiltIn, at: &At<'_>) {
    if read(kind, b"null", &SubmitContext::default(), reader.limits).is_err() {
        let added = reader.problems.add(at, code::MISSING_FIELD, format_args!("`{}` needs an `input`", kind.name()));
        added.hint(format_args!("{}", shape(kind)));
    }
}

fn check_input(reader: &mut Reader<'_>, mut inside: Reader<'_>, kind: BuiltIn, input: Raw<'_>, at: &At<'_>) {
    match kind {
        BuiltIn::Job => {
            if inside.is_object(input, &At::Root, shape(kind)) {
                check_job(&mut inside, input);
            }
        }
        _ => drop(read_input(&mut inside, kind, input)),
    }
    if !inside.problems.is_empty() {
        let mut place = at.pointer();
        push_step(&mut place, "input");
        reader.adopt(inside.problems.into_vec(), &place);
    }
}

/// Reports what is wrong with a job inside of a job.
fn check_job(reader: &mut Reader<'_>, root: Raw<'_>) {
    let level = reader.level;
    let Some(SubJob::Written(job)) = sub_job(reader, root) else { return };
    if reader.undecided.contains(job) || is_too_deep(reader, level) {
        return;
    }
    // Bytes, depth and repeated keys of the whole document are judged already.
    let mut inside = Reader { level, ..reader.inside(reader.undecided, reader.around) };
    check_whole(&mut inside, job);
    reader.adopt(inside.problems.into_vec(), "/job");
}

const NAMES: [(&str, BuiltIn); 6] = [
    ("warrener.sleep", BuiltIn::Sleep),
    ("warrener.wait", BuiltIn::Wait),
    ("warrener.job", BuiltIn::Job),
    ("warrener.fail", BuiltIn::Fail),
    ("warrener.pass", BuiltIn::Pass),
    ("warrener.publish", BuiltIn::Publish),
];

#[cfg(test)]
mod tests;
