//! The messages between clients, orchestrator and workers, free of any AMQP library.
//!
//! `PROTOCOL.md` in this crate says the same in words for other languages, `golden/` in messages.

pub mod control;
pub mod dispatch;
pub mod event;
#[cfg(test)]
mod golden;
pub mod heartbeat;
pub mod result;
pub mod submit;
pub mod topology;

use std::collections::BTreeMap;

/// `content_type` of every JSON message of ours.
pub const JSON: &str = "application/json";

/// A message as AMQP 0-9-1 carries it, reduced to the parts that the contract uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// MIME type of the body.
    pub content_type: Option<String>,
    /// Encoding of the body; only `utf-8` is accepted.
    pub content_encoding: Option<String>,
    /// Type of the message, such as `task.succeeded`.
    pub kind: Option<String>,
    /// Identity of the message; of a submit, the id of the job.
    pub message_id: Option<String>,
    /// Ticket, of a task and its reports.
    pub correlation_id: Option<String>,
    /// Queue that an answer goes to, through the default exchange.
    pub reply_to: Option<String>,
    /// The user who published it, if it says so: the broker refuses a name that is not that of the connection. Never
    /// sent.
    pub user_id: Option<String>,
    /// AMQP priority.
    pub priority: Option<u8>,
    /// True if the broker writes it to disk: everything but heartbeats, control and progress.
    pub persistent: bool,
    /// Milliseconds after which the broker drops it undelivered.
    pub expiration_ms: Option<u64>,
    /// Application headers.
    pub headers: BTreeMap<String, Header>,
    /// The payload.
    pub body: Vec<u8>,
}

impl Message {
    /// A persistent JSON message of the given type.
    pub fn json(kind: &str, body: Vec<u8>) -> Self {
        Self {
            content_type: Some(JSON.to_owned()),
            kind: Some(kind.to_owned()),
            persistent: true,
            body,
            ..Self::default()
        }
    }

    /// The text of a header; `None` if it is missing or no text.
    pub fn header_text(&self, name: &str) -> Option<&str> {
        match self.headers.get(name) {
            Some(Header::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The number in a header; `None` if it is missing or no number.
    pub fn header_int(&self, name: &str) -> Option<i64> {
        match self.headers.get(name) {
            Some(Header::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// Adds a text header.
    pub fn set_text(&mut self, name: &str, value: impl Into<String>) {
        self.headers.insert(name.to_owned(), Header::Text(value.into()));
    }

    /// Adds a number header.
    pub fn set_int(&mut self, name: &str, value: i64) {
        self.headers.insert(name.to_owned(), Header::Int(value));
    }
}

/// A message with its destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Exchange; empty for the default exchange.
    pub exchange: String,
    /// Routing key.
    pub key: String,
    /// Message, without headers of the broker.
    pub message: Message,
}

/// The value of an application header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Header {
    /// Text, from a long or short string that is UTF-8.
    Text(String),
    /// Any integer type or timestamp.
    Int(i64),
    /// A truth value.
    Bool(bool),
    /// A type that the contract does not use, described for people.
    Other(String),
}

/// The bytes in `body` as text for an error message: at most `longest` characters, unreadable bytes replaced.
pub fn excerpt(body: &[u8], longest: usize) -> String {
    let head = &body[..body.len().min(longest * 4)];
    let mut text: String = String::from_utf8_lossy(head).chars().take(longest).collect();
    if text.len() < body.len() {
        text.push('…');
    }
    text
}

/// Tells whether a media type says that a body is JSON: `application/json`, or one that ends with `+json`, with
/// parameters or without.
pub fn is_json_type(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == JSON || essence.ends_with("+json")
}

/// Tells whether a `content_encoding` says that the body is plain UTF-8.
pub(crate) fn is_utf8_encoding(encoding: &str) -> bool {
    encoding.is_empty() || ["utf-8", "utf8"].iter().any(|name| encoding.eq_ignore_ascii_case(name))
}

/// Tells whether RabbitMQ handed out an AMQP 1.0 `amqp-value` or `amqp-sequence` body undecoded.
pub(crate) fn is_amqp10_encoded(message: &Message) -> bool {
    [&message.kind, &message.content_encoding, &message.content_type]
        .into_iter()
        .flatten()
        .any(|text| text.eq_ignore_ascii_case("amqp-1.0"))
}
