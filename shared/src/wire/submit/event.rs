//! The message that answers waiting tasks: `{event, key, payload}`.

use crate::job::raw::{Raw, Sort};
use crate::job::{Problem, code, parse_duration, parse_seconds, push_step, quoted};
use crate::json::{self, Doc, JsonErrorKind};
use crate::limits::{LISTENER_CHARS, Limits};
use crate::time::Millis;

/// An answer to all tasks that wait for this event and key.
#[derive(Clone, Debug)]
pub struct EventBody {
    /// The event.
    pub event: String,
    /// The key.
    pub key: String,
    /// The output of the waiting tasks, as it came; `null` without.
    pub payload: Doc,
    /// Time for which it is given to tasks that begin to wait later, at most 30 days; `None` is not at all.
    pub keep: Option<Millis>,
}

impl EventBody {
    /// Reads the body of a message of `type` `event`.
    ///
    /// # Errors
    /// Every problem of the body at once.
    pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Self, Vec<Problem>> {
        let body = object(bytes, limits).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        check_keys(body, &mut problems);
        let event = short_text(body, "event", &mut problems);
        let key = short_text(body, "key", &mut problems);
        let payload = payload(body, limits, &mut problems);
        let keep = keep(body, &mut problems);
        match (event, key, payload) {
            (Some(event), Some(key), Some(payload)) if problems.is_empty() => Ok(Self { event, key, payload, keep }),
            _ => Err(problems),
        }
    }
}

/// Reads the time for which an answer is kept.
///
/// # Errors
/// The reason why it is none, in a sentence.
pub fn parse_keep(text: &str) -> Result<Millis, String> {
    let span = parse_duration(text).map_err(|error| format!("{error}; {}", error.hint()))?;
    check_keep(span)
}

fn check_keep(span: Millis) -> Result<Millis, String> {
    match span {
        Millis(0) => Err("an answer is kept for longer than 0".to_owned()),
        span if span > KEEP_MAX => Err(format!("{span} is longer than {KEEP_MAX}")),
        span => Ok(span),
    }
}

fn keep(body: Raw<'_>, problems: &mut Vec<Problem>) -> Option<Millis> {
    let value = body.get("keep")?;
    let read = match (value.text(), value.number()) {
        (Some(text), _) => parse_keep(&text),
        (_, Some(number)) => parse_seconds(number).map_err(|error| error.to_string()).and_then(check_keep),
        _ => Err(format!("expected a duration such as \"1h\", found {}", value.sort().in_words())),
    };
    let refuse = |detail| {
        let problem = Problem::of_message(code::INVALID_DURATION, detail, None);
        problems.push(Problem { pointer: "/keep".to_owned(), ..problem });
    };
    read.map_err(refuse).ok()
}

/// Longest time for which an answer is kept: 30 days.
const KEEP_MAX: Millis = Millis::from_secs(30 * 86_400);
const FIELDS: [&str; 4] = ["event", "key", "payload", "keep"];

fn object<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Raw<'a>, Problem> {
    json::check(bytes, limits.json_depth).map_err(|error| {
        let code = match error.kind {
            JsonErrorKind::TooDeep => code::TOO_DEEP,
            JsonErrorKind::Invalid => code::INVALID_JSON,
        };
        let detail = format!("line {}, column {}: {}", error.line, error.column, error.message);
        Problem::of_message(code, detail, None)
    })?;
    let body = Raw::checked(bytes);
    if body.sort() == Sort::Object {
        return Ok(body);
    }
    let detail = format!("expected an object with `event` and `key`, found {}", body.sort().in_words());
    Err(Problem::of_message(code::WRONG_TYPE, detail, None))
}

/// Reports keys that do not exist or are there twice, the first of either sort only.
fn check_keys(body: Raw<'_>, problems: &mut Vec<Problem>) {
    let mut seen = Vec::new();
    for entry in body.entries() {
        let is_known = FIELDS.contains(&&*entry.key);
        let (code, detail) = match (is_known, seen.contains(&entry.key)) {
            (true, false) => {
                seen.push(entry.key);
                continue;
            }
            (true, true) => (code::DUPLICATE_KEY, format!("the key {:?} is there twice", entry.key)),
            (false, _) => (code::UNKNOWN_FIELD, format!("there is no field {} here", quoted(&entry.key))),
        };
        let mut pointer = String::new();
        push_step(&mut pointer, &entry.key);
        let hint = "an event has `event`, `key`, `payload` and `keep`".to_owned();
        problems.push(Problem { pointer, ..Problem::of_message(code, detail, hint) });
        return;
    }
}

fn short_text(body: Raw<'_>, name: &str, problems: &mut Vec<Problem>) -> Option<String> {
    let mut refuse = |pointer: String, code: &str, detail: String| {
        problems.push(Problem { pointer, ..Problem::of_message(code, detail, None) });
        None
    };
    let Some(value) = body.get(name) else {
        return refuse(String::new(), code::MISSING_FIELD, format!("`{name}` is missing"));
    };
    let place = format!("/{name}");
    let Some(text) = value.text() else {
        return refuse(place, code::WRONG_TYPE, format!("expected text, found {}", value.sort().in_words()));
    };
    if text.chars().count() > LISTENER_CHARS {
        return refuse(place, code::TOO_LONG, format!("more than {LISTENER_CHARS} characters"));
    }
    if text.is_empty() || text.contains('\0') {
        return refuse(place, code::INVALID_VALUE, "expected text that is not empty, without U+0000".to_owned());
    }
    Some(text.into_owned())
}

fn payload(body: Raw<'_>, limits: &Limits, problems: &mut Vec<Problem>) -> Option<Doc> {
    let Some(payload) = body.get("payload") else { return Some(Doc::null()) };
    let (size, most) = (payload.bytes().len(), limits.output_bytes);
    if size > most {
        let detail = format!("the payload has {size} bytes, the limit on the output of an attempt is {most}");
        let problem = Problem::of_message(code::TOO_LARGE, detail, None);
        problems.push(Problem { pointer: "/payload".to_owned(), ..problem });
        return None;
    }
    Some(Doc::trusted(payload.bytes()))
}
