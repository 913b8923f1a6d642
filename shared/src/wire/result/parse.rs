//! Reading what workers, and RPC servers that never heard of us, send to the results queue.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{CLAIMED, FAILED, KeyPause, PROGRESS, Progress, RELEASED, Report, RetryAdvice, SUCCEEDED};
use crate::error::{ErrorObject, code, is_code};
use crate::id::LimitName;
use crate::job::raw::{Raw, Sort};
use crate::job::{parse_duration, parse_seconds};
use crate::json::{self, JsonErrorKind};
use crate::limits::{LEASE_DEFAULT_MS, LEASE_MAX_MS, LEASE_MIN_MS, Limits};
use crate::time::Millis;
use crate::wire::{Message, excerpt, is_amqp10_encoded, is_utf8_encoding};

/// A message on the results queue that is no report on anything: a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// A stable word for programs: `no_correlation_id`, `unknown_type` or `invalid_json`.
    pub code: &'static str,
    /// Description of the fault.
    pub message: String,
}

/// Reads a report: the ticket as it was echoed, and what is said about its attempt.
///
/// A ticket that is not ours in shape is a forged one: it is for the caller to count.
/// An answer that is understood but not allowed comes back as a [`Report::Failed`] without retry; of a progress only
/// what can be used comes back, since news are no reason to fail.
///
/// # Errors
/// [`Unreadable`] if nobody can tell what the message means, or for whom.
pub fn parse_report<'m>(message: &'m Message, limits: &Limits) -> Result<(&'m str, Report), Unreadable> {
    let ticket = message.correlation_id.as_deref().filter(|ticket| !ticket.is_empty()).ok_or_else(|| Unreadable {
        code: "no_correlation_id",
        message: "reading a result: it has no correlation_id, so no attempt can be found for it".to_owned(),
    })?;
    let reader = ReportReader { body: json::without_mark(&message.body), limits };
    let report = match report_type(message) {
        Some(word) if is_unknown(word) => Err(unknown_type(word)),
        word => reader.read(word, Some(message)),
    }?;
    Ok((ticket, report))
}

/// Reads one of many reports in a message: its `type`, which must be one of ours, and its body.
pub(super) fn read_part(word: &str, body: &[u8], limits: &Limits) -> Result<Report, Unreadable> {
    if is_unknown(word) {
        return Err(unknown_type(word));
    }
    ReportReader { body, limits }.read(Some(word), None)
}

/// A body that is not the JSON that its message is said to have.
pub(super) fn invalid_json(body: &[u8], why: &str) -> Unreadable {
    let message = format!("reading the body of a result: {:?}: {why}", excerpt(body, 80));
    Unreadable { code: "invalid_json", message }
}

/// Characters of a log that one report can bring.
const LOG_CHARS: usize = crate::limits::LOG_CHUNK_CHARS;
/// Characters kept of a progress note: what a line of a table can show.
const NOTE_CHARS: usize = 500;
const WORDS: [&str; 5] = [SUCCEEDED, FAILED, RELEASED, CLAIMED, PROGRESS];

/// The word that decides: the property `type`, or the header of that name, if it starts with `task.`.
fn report_type(message: &Message) -> Option<&str> {
    let candidates = [message.kind.as_deref(), message.header_text("type")];
    let known = candidates.into_iter().flatten().find(|word| WORDS.contains(word));
    known.or_else(|| candidates.into_iter().flatten().find(|word| word.starts_with("task.")))
}

fn is_unknown(word: &str) -> bool {
    !WORDS.contains(&word)
}

fn unknown_type(word: &str) -> Unreadable {
    let word = excerpt(word.as_bytes(), 80);
    let message = format!("reading a result: the type {word:?} is none of {}", WORDS.join(", "));
    Unreadable { code: "unknown_type", message }
}

/// The answer of a worker that broke the protocol: the attempt fails for good.
fn refused(code: &'static str, message: String) -> Report {
    Report::Failed { error: ErrorObject::new(code, message), retry: RetryAdvice::Never }
}

fn bad_output(message: impl Into<String>) -> Report {
    refused(code::BAD_OUTPUT, message.into())
}

/// The reason why a body is no report: either the message is unreadable, or its attempt fails.
enum Rejected {
    Unreadable(Unreadable),
    Report(Report),
}

type Admitted<T> = Result<T, Rejected>;

struct ReportReader<'m> {
    body: &'m [u8],
    limits: &'m Limits,
}

impl<'m> ReportReader<'m> {
    fn read(&self, word: Option<&str>, message: Option<&Message>) -> Result<Report, Unreadable> {
        let read = self.admit_size().and_then(|()| message.map_or(Ok(()), |message| self.admit(word, message)));
        let read = read.and_then(|()| match word {
            Some(SUCCEEDED) => self.succeeded(),
            Some(FAILED) => self.failed(),
            Some(RELEASED) => self.released(),
            Some(CLAIMED) => self.claimed(),
            Some(PROGRESS) => self.progress(),
            _ => Ok(self.answer(message.is_some_and(is_said_to_be_json))),
        });
        match read {
            Err(Rejected::Report(Report::Failed { error, .. })) if word == Some(PROGRESS) => {
                Ok(Report::Progress(Progress::unusable(error.message)))
            }
            Ok(report) | Err(Rejected::Report(report)) => Ok(report),
            Err(Rejected::Unreadable(unreadable)) => Err(unreadable),
        }
    }

    fn admit_size(&self) -> Admitted<()> {
        let most = self.limits.output_bytes;
        if self.body.len() > most {
            let message =
                format!("the answer has {} bytes, the limit on the output of an attempt is {most}", self.body.len());
            return Err(Rejected::Report(refused(code::TOO_LARGE, message)));
        }
        Ok(())
    }

    /// Checks that the body can be looked at, by its encoding.
    fn admit(&self, word: Option<&str>, message: &Message) -> Admitted<()> {
        if is_amqp10_encoded(message) {
            let message = "the answer is an AMQP 1.0 value; send its body as a `data` section";
            return Err(Rejected::Report(bad_output(message)));
        }
        match message.content_encoding.as_deref() {
            Some(encoding) if !is_utf8_encoding(encoding) => {
                let encoding = excerpt(encoding.as_bytes(), 80);
                let message = format!("the answer has content_encoding {encoding:?}; only utf-8 is read");
                Err(match word {
                    Some(_) => self.unparseable(&message),
                    None => Rejected::Report(bad_output(message)),
                })
            }
            _ => Ok(()),
        }
    }

    /// Reads the answer of an RPC server: nothing, JSON or, unless it is said to be JSON, text.
    fn answer(&self, must_be_json: bool) -> Report {
        if self.body.is_empty() {
            return Report::Succeeded { output: b"null".to_vec() };
        }
        match self.json() {
            Ok(value) => Report::Succeeded { output: value.bytes().to_vec() },
            Err(Rejected::Report(report)) => report,
            Err(Rejected::Unreadable(unreadable)) if must_be_json => {
                bad_output(format!("the answer has a content_type of JSON and is none: {}", unreadable.message))
            }
            Err(Rejected::Unreadable(_)) => self.text(),
        }
    }

    fn text(&self) -> Report {
        let Ok(text) = std::str::from_utf8(self.body) else {
            return bad_output(format!("the answer is neither JSON nor UTF-8 text: {:?}", excerpt(self.body, 80)));
        };
        let output = serde_json::to_vec(text).expect("text is always JSON");
        if output.len() > self.limits.output_bytes {
            let most = self.limits.output_bytes;
            let message = format!(
                "the answer has {} bytes as JSON, the limit on the output of an attempt is {most}",
                output.len()
            );
            return refused(code::TOO_LARGE, message);
        }
        Report::Succeeded { output }
    }

    fn succeeded(&self) -> Admitted<Report> {
        Ok(Report::Succeeded { output: self.json()?.bytes().to_vec() })
    }

    fn failed(&self) -> Admitted<Report> {
        let body = self.object(FAILED)?;
        let (Some(code), Some(message)) = (text(body, "code"), text(body, "message")) else {
            return Err(self.shape(FAILED, "it needs the texts `code` and `message`"));
        };
        if !is_code(&code) {
            return Err(self.shape(FAILED, "its code must match ^[a-z][a-z0-9_.]{0,63}$"));
        }
        let retry = match member(body, "retry") {
            Some(retry) => advice(retry).ok_or_else(|| {
                self.shape(FAILED, "its retry is neither true, false, a duration nor a number of seconds")
            })?,
            None => RetryAdvice::Policy,
        };
        // Whoever was asked for patience did not fail: the attempt is handed back.
        if let Some(pause) = self.pause(FAILED, body)? {
            return Ok(Report::Released { code: Some(code.into_owned()), deliveries: None, pause: Some(pause) });
        }
        let details = member(body, "details").and_then(to_raw_value);
        let message = message.into_owned();
        let error = ErrorObject { code: Cow::Owned(code.into_owned()), message, details, task: None, attempt: None };
        Ok(Report::Failed { error, retry })
    }

    fn released(&self) -> Admitted<Report> {
        let Some(body) = self.object_or_empty(RELEASED)? else {
            return Ok(Report::Released { code: None, deliveries: None, pause: None });
        };
        let code =
            match member(body, "code") {
                Some(code) => Some(code.text().filter(|code| is_code(code)).ok_or_else(|| {
                    self.shape(RELEASED, "its code must be a text that matches ^[a-z][a-z0-9_.]{0,63}$")
                })?),
                None => None,
            };
        let deliveries = match member(body, "deliveries") {
            Some(count) => Some(
                count
                    .number()
                    .and_then(|count| count.parse().ok())
                    .ok_or_else(|| self.shape(RELEASED, "its deliveries must be a whole number"))?,
            ),
            None => None,
        };
        let pause = self.pause(RELEASED, body)?;
        Ok(Report::Released { code: code.map(Cow::into_owned), deliveries, pause })
    }

    fn pause(&self, word: &str, body: Raw<'m>) -> Admitted<Option<KeyPause>> {
        let Some(pause) = member(body, "pause") else { return Ok(None) };
        let limit = member(pause, "limit").and_then(Raw::text).and_then(|name| LimitName::new(&name).ok());
        let span = member(pause, "for").and_then(span);
        match (limit, span) {
            (Some(limit), Some(span)) => Ok(Some(KeyPause { limit, span })),
            _ => Err(self.shape(word, "its pause must be such as {\"limit\": \"api\", \"for\": \"30s\"}")),
        }
    }

    fn claimed(&self) -> Admitted<Report> {
        let lease = self.object_or_empty(CLAIMED)?.and_then(|body| member(body, "lease_ms"));
        let Some(lease) = lease else {
            return Ok(Report::Claimed { lease: Millis(LEASE_DEFAULT_MS) });
        };
        let wish = number(lease).ok_or_else(|| self.shape(CLAIMED, "its lease_ms must be a number"))?;
        // Clamped as a number first, so that 1e400 and -5 are leases too; the cast then loses nothing.
        let lease = wish.clamp(LEASE_MIN_MS as f64, LEASE_MAX_MS as f64) as u64;
        Ok(Report::Claimed { lease: Millis(lease) })
    }

    fn progress(&self) -> Admitted<Report> {
        let Some(body) = self.object_or_empty(PROGRESS)? else {
            return Ok(Report::Progress(Progress::default()));
        };
        let mut unusable = Vec::new();
        let mut count = |name| {
            let count = member(body, name)?;
            let number = progress_number(count);
            if number.is_none() {
                unusable.push(format!("{name} is {}", shown(count)));
            }
            number
        };
        let (done, total) = (count("done"), count("total"));
        let mut words = |name, most| {
            let words = member(body, name)?;
            let text = words.text().map(|text| text.chars().take(most).collect::<String>());
            if text.is_none() {
                unusable.push(format!("{name} is {}", shown(words)));
            }
            text
        };
        let (note, log) = (words("note", NOTE_CHARS), words("log", LOG_CHARS));
        let unusable = (!unusable.is_empty()).then(|| {
            let found = unusable.join(", ");
            format!("{found} (done and total are numbers from 0 to 9223372036854775807, note and log are texts)")
        });
        Ok(Report::Progress(Progress { done, total, note, log, unusable }))
    }

    /// The body as JSON: unreadable if it is none, a failed attempt if it is nested too deeply.
    fn json(&self) -> Admitted<Raw<'m>> {
        let Err(error) = json::check(self.body, self.limits.json_depth) else {
            return Ok(Raw::checked(self.body));
        };
        // Text may start with brackets as well: too deep is only what would be JSON otherwise.
        if error.kind == JsonErrorKind::TooDeep && json::check(self.body, usize::MAX).is_ok() {
            let message = format!("the answer is nested deeper than {} levels", self.limits.json_depth);
            return Err(Rejected::Report(bad_output(message)));
        }
        Err(self.unparseable(&format!("line {}, column {}: {}", error.line, error.column, error.message)))
    }

    fn object(&self, word: &str) -> Admitted<Raw<'m>> {
        let body = self.json()?;
        if body.sort() == Sort::Object { Ok(body) } else { Err(self.shape(word, "it must be an object")) }
    }

    fn object_or_empty(&self, word: &str) -> Admitted<Option<Raw<'m>>> {
        if self.body.is_empty() { Ok(None) } else { self.object(word).map(Some) }
    }

    fn unparseable(&self, why: &str) -> Rejected {
        Rejected::Unreadable(invalid_json(self.body, why))
    }

    /// Readable JSON of another shape.
    fn shape(&self, word: &str, rule: &str) -> Rejected {
        let message = format!("the body of {word} is {:?}: {rule}", excerpt(self.body, 200));
        Rejected::Report(bad_output(message))
    }
}

/// A member that is there and not null; many languages write null for what they leave out.
fn member<'m>(body: Raw<'m>, name: &str) -> Option<Raw<'m>> {
    body.get(name).filter(|value| value.sort() != Sort::Null)
}

fn text<'m>(body: Raw<'m>, name: &str) -> Option<Cow<'m, str>> {
    member(body, name).and_then(Raw::text)
}

/// A value in a message for people.
fn shown(value: Raw<'_>) -> String {
    excerpt(value.bytes(), 60)
}

/// A number from 0 to 2^63-1.
fn progress_number(value: Raw<'_>) -> Option<f64> {
    let spelling = value.number()?;
    let number = spelling.parse::<f64>().ok()?;
    // Doubles can't tell 2^63-1 from 2^63.
    let fits = spelling.parse::<i64>().is_ok() || number < i64::MAX as f64;
    (fits && number >= 0.0).then_some(number)
}

/// Tells whether the media type of a message says that its body is JSON.
fn is_said_to_be_json(message: &Message) -> bool {
    message.content_type.as_deref().is_some_and(crate::wire::is_json_type)
}

fn number(value: Raw<'_>) -> Option<f64> {
    value.number().and_then(|spelling| spelling.parse().ok())
}

fn advice(retry: Raw<'_>) -> Option<RetryAdvice> {
    match (retry.boolean(), retry.text(), retry.number()) {
        (Some(true), ..) => Some(RetryAdvice::Policy),
        (Some(false), ..) => Some(RetryAdvice::Never),
        (_, Some(span), _) => parse_duration(&span).ok().map(RetryAdvice::After),
        (.., Some(seconds)) => parse_seconds(seconds).ok().map(RetryAdvice::After),
        _ => None,
    }
}

/// A duration, or a number of seconds.
fn span(value: Raw<'_>) -> Option<Millis> {
    match (value.text(), value.number()) {
        (Some(text), _) => parse_duration(&text).ok(),
        (_, Some(seconds)) => parse_seconds(seconds).ok(),
        _ => None,
    }
}

fn to_raw_value(value: Raw<'_>) -> Option<Box<RawValue>> {
    RawValue::from_string(std::str::from_utf8(value.bytes()).ok()?.to_owned()).ok()
}

#[cfg(test)]
mod tests;
