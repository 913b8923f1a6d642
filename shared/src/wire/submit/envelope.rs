//! The properties of a submit.

use super::{EVENT, REPLY_HEADER, ReplyMode};
use crate::job::raw::{Raw, Sort};
use crate::job::{Problem, SubmitContext, code};
use crate::wire::topology::Names;
use crate::wire::{Header, Message, excerpt, is_amqp10_encoded, is_utf8_encoding};

/// The properties of a submit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// True if the message answers waiting tasks instead of submitting a job.
    pub is_event: bool,
    /// The id of the job, unchecked.
    pub message_id: Option<String>,
    /// AMQP priority, as it came.
    pub priority: Option<u8>,
    /// Address of the answers; `None` if nobody wants one, or the address may not be used.
    pub reply: Option<ReplyAddress>,
    /// Choice of the answers.
    pub mode: ReplyMode,
    /// W3C trace context, if it is one.
    pub traceparent: Option<String>,
    /// Vendors' additions to it.
    pub tracestate: Option<String>,
}

/// Address of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyAddress {
    /// Queue, addressed through the default exchange.
    pub queue: String,
    /// Echoed in every answer.
    pub correlation_id: Option<String>,
}

impl Envelope {
    /// Reads the properties, and says what is wrong with them.
    pub fn read(message: &Message, names: &Names) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut keep = |problem: Problem| problems.push(problem);
        if looks_like_celery(message) {
            keep(celery());
        } else if let Some(problem) = encoding(message) {
            keep(problem);
        }
        let mode = reply_mode(message).unwrap_or_else(|problem| {
            keep(problem);
            ReplyMode::default()
        });
        let queue = reply_queue(message, names).unwrap_or_else(|problem| {
            keep(problem);
            None
        });
        let correlation_id = message.correlation_id.clone();
        let traceparent = message.header_text("traceparent").filter(|text| is_traceparent(text));
        let tracestate = message.header_text("tracestate").filter(|text| text.len() <= TRACESTATE_BYTES);
        let envelope = Self {
            is_event: [message.kind.as_deref(), message.header_text("type")].contains(&Some(EVENT)),
            message_id: message.message_id.clone(),
            priority: message.priority,
            reply: queue.map(|queue| ReplyAddress { queue, correlation_id }),
            mode,
            tracestate: traceparent.and(tracestate).map(str::to_owned),
            traceparent: traceparent.map(str::to_owned),
        };
        (envelope, problems)
    }

    /// Properties that the parser of the body needs.
    pub fn context(&self) -> SubmitContext<'_> {
        SubmitContext { message_id: self.message_id.as_deref(), priority: self.priority, ..SubmitContext::default() }
    }
}

/// Tells whether a message was meant for Celery: its protocol 2 has the header `task` and a body of `[args, kwargs,
/// embed]`, its protocol 1 a body with `task`, `args` and `kwargs`.
pub fn looks_like_celery(message: &Message) -> bool {
    if message.header_text("task").is_some() {
        let celery_headers = ["lang", "root_id", "argsrepr", "origin"];
        return celery_headers.iter().any(|name| message.headers.contains_key(*name))
            || message.body.trim_ascii_start().starts_with(b"[");
    }
    if !message.body.trim_ascii_start().starts_with(b"{") || crate::json::check(&message.body, CELERY_DEPTH).is_err() {
        return false;
    }
    let body = Raw::checked(&message.body);
    let is_job = body.get("kind").is_some() || body.get("tasks").is_some();
    let is_text = |name: &str| body.get(name).is_some_and(|value| value.sort() == Sort::Text);
    !is_job && is_text("task") && body.get("args").is_some() && body.get("kwargs").is_some()
}

fn celery() -> Problem {
    let hint = "publish a job instead: the name of the task as `kind`, its arguments as `input`, \
                such as {\"kind\": \"email.send\", \"input\": {\"to\": \"…\"}}";
    Problem::of_message(code::CELERY_MESSAGE, "this is a message for Celery, not a job", hint.to_owned())
}

fn encoding(message: &Message) -> Option<Problem> {
    if is_amqp10_encoded(message) {
        let hint = "send the body as a `data` section (bytes), not as an AMQP value or sequence";
        let detail = "the body is an encoded AMQP 1.0 value";
        return Some(Problem::of_message(code::CONTENT_ENCODING, detail, hint.to_owned()));
    }
    let encoding = message.content_encoding.as_deref().filter(|encoding| !is_utf8_encoding(encoding))?;
    let detail = format!("content_encoding is {:?}", excerpt(encoding.as_bytes(), 80));
    let hint = "send the job as plain JSON in utf-8".to_owned();
    Some(Problem::of_message(code::CONTENT_ENCODING, detail, hint))
}

fn reply_mode(message: &Message) -> Result<ReplyMode, Problem> {
    let found = match message.headers.get(REPLY_HEADER) {
        None => return Ok(ReplyMode::default()),
        Some(Header::Text(text)) => match ReplyMode::parse(text) {
            Some(mode) => return Ok(mode),
            None => format!("{:?}", excerpt(text.as_bytes(), 80)),
        },
        Some(Header::Int(number)) => number.to_string(),
        Some(Header::Bool(value)) => value.to_string(),
        Some(Header::Other(_)) => "something else".to_owned(),
    };
    let detail = format!("the header `reply` is {found}");
    let hint = "write finished, accepted or both as text".to_owned();
    Err(Problem::of_message(code::INVALID_HEADER, detail, hint))
}

/// The queue that answers go to, as the broker's default exchange knows it.
fn reply_queue(message: &Message, names: &Names) -> Result<Option<String>, Problem> {
    let Some(reply_to) = message.reply_to.as_deref().filter(|reply_to| !reply_to.is_empty()) else {
        return Ok(None);
    };
    let refused = |why: &str, hint: &str| {
        let detail = format!("reply_to {:?} {why}", excerpt(reply_to.as_bytes(), 100));
        Problem::of_message(code::INVALID_VALUE, detail, hint.to_owned())
    };
    let queue = match reply_to.strip_prefix("/queues/") {
        Some(encoded) => percent_decoded(encoded)
            .ok_or_else(|| refused("is not percent-encoded UTF-8", "write /queues/<name of the queue>"))?,
        None => reply_to.to_owned(),
    };
    if names.owns(&queue) {
        return Err(refused("is a queue of the system itself", "use a queue of your own, or direct reply-to"));
    }
    if queue.is_empty() || queue.len() > QUEUE_BYTES {
        return Err(refused("is no name of a queue", "a name has 1 to 255 bytes"));
    }
    Ok(Some(queue))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let (digits, after) = rest.split_at_checked(2)?;
            let digits = std::str::from_utf8(digits).ok().filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Tells whether a text is a W3C `traceparent`: `<version>-<trace>-<parent>-<flags>` in lower-case hexadecimal.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let lengths = parts.iter().map(|part| part.len()).eq([2, 32, 16, 2]);
    lengths && parts.iter().all(|part| is_hex(part)) && parts[0] != "ff"
}

/// AMQP's limit on the name of a queue.
const QUEUE_BYTES: usize = 255;
/// Bytes that W3C asks everybody to carry at least.
const TRACESTATE_BYTES: usize = 512;
/// A message for Celery nests no deeper than what its arguments do; deeper is told apart by its headers.
const CELERY_DEPTH: usize = 128;

#[cfg(test)]
mod tests;
