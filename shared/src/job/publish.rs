//! The message that a task of kind `warrener.publish` sends.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::field::{Reader, Zero};
use super::problem::{At, code};
use super::raw::{Raw, Sort};
use crate::wire::{Header, JSON, Message, Parcel};

/// Longest short string of AMQP in bytes: names of exchanges, routing keys, text properties, names of headers.
const SHORT_BYTES: usize = 255;
/// Shape of the input, for messages.
pub(super) const SHAPE: &str =
    "an object such as {\"exchange\": \"orders\", \"routing_key\": \"order.new\", \"body\": {\"order\": 17}}";
/// Fields of the input.
const FIELDS: &[&str] = &["exchange", "routing_key", "body", "body_base64", "properties"];
/// Fields of `properties`.
const PROPERTIES: &[&str] = &[
    "content_type",
    "content_encoding",
    "type",
    "message_id",
    "correlation_id",
    "reply_to",
    "priority",
    "expiration",
    "persistent",
    "headers",
];

/// Reads the message; `None` if something is wrong, which is reported, or not decided yet.
pub(super) fn read(reader: &mut Reader<'_>, root: Raw<'_>) -> Option<Parcel> {
    let (mut exchange, mut key, mut bytes) = (None, None, None);
    let mut message = Message { persistent: true, ..Message::default() };
    for entry in root.entries() {
        let at = At::Root.key(&entry.key);
        match &*entry.key {
            "exchange" => exchange = short(reader, entry.value, &at),
            "routing_key" => key = short(reader, entry.value, &at),
            "body" => {
                message.content_type = Some(JSON.to_owned());
                bytes = Some(entry.value.bytes().to_vec());
            }
            "body_base64" => bytes = decoded(reader, entry.value, &at),
            "properties" => {}
            other => reader.unknown_field(other, &at, &[FIELDS], elsewhere(other)),
        }
    }
    for name in ["exchange", "routing_key"] {
        if root.get(name).is_none() {
            reader.missing(name, SHAPE);
        }
    }
    match (root.get("body").is_some(), root.get("body_base64").is_some()) {
        (true, true) => {
            let detail = format_args!("`body` and `body_base64` exclude each other");
            reader.problems.add(&At::Root.key("body_base64"), code::CONTRADICTION, detail);
        }
        (false, false) => reader.missing("body", "any JSON value; bytes that are no JSON go into `body_base64`"),
        _ => {}
    }
    if let Some(value) = root.get("properties") {
        properties(reader, value, &mut message);
    }
    message.body = bytes?;
    Some(Parcel { exchange: exchange?, key: key?, message })
}

/// A hint for a field that was written beside the properties.
fn elsewhere(key: &str) -> Option<String> {
    match key {
        "key" => Some("it is called `routing_key`".to_owned()),
        _ if PROPERTIES.contains(&key) => {
            Some(format!("it belongs to the properties: {{\"properties\": {{\"{key}\": …}}}}"))
        }
        _ => None,
    }
}

fn properties(reader: &mut Reader<'_>, value: Raw<'_>, message: &mut Message) {
    let place = At::Root.key("properties");
    if !reader.is_object(value, &place, "an object such as {\"type\": \"order.new\"}") {
        return;
    }
    for entry in value.entries() {
        let at = place.key(&entry.key);
        match &*entry.key {
            "content_type" => message.content_type = short(reader, entry.value, &at),
            "content_encoding" => message.content_encoding = short(reader, entry.value, &at),
            "type" => message.kind = short(reader, entry.value, &at),
            "message_id" => message.message_id = short(reader, entry.value, &at),
            "correlation_id" => message.correlation_id = short(reader, entry.value, &at),
            "reply_to" => message.reply_to = short(reader, entry.value, &at),
            "priority" => {
                let priority = reader.integer(entry.value, &at, 0, u8::MAX.into());
                message.priority = priority.and_then(|priority| u8::try_from(priority).ok());
            }
            "expiration" => {
                message.expiration_ms = reader.duration(entry.value, &at, Zero::Allowed).map(|span| span.0);
            }
            "persistent" => message.persistent = reader.boolean(entry.value, &at).unwrap_or(true),
            "headers" => headers(reader, entry.value, &at, message),
            other => reader.unknown_field(other, &at, &[PROPERTIES], None),
        }
    }
}

fn headers(reader: &mut Reader<'_>, value: Raw<'_>, place: &At<'_>, message: &mut Message) {
    if !reader.is_object(value, place, "an object of texts, whole numbers, true and false") {
        return;
    }
    for entry in value.entries() {
        let at = place.key(&entry.key);
        if entry.key.len() > SHORT_BYTES {
            too_long(reader, entry.key.len(), &at);
            continue;
        }
        let header = match entry.value.sort() {
            Sort::Text => reader.text(entry.value, &at).map(|text| Header::Text(text.into_owned())),
            Sort::Bool => entry.value.boolean().map(Header::Bool),
            Sort::Number => entry.value.number().and_then(|number| number.parse().ok()).map(Header::Int),
            Sort::Null | Sort::List | Sort::Object => None,
        };
        match header {
            Some(header) => drop(message.headers.insert(entry.key.into_owned(), header)),
            None if entry.value.sort() == Sort::Text => {}
            None => reader.wrong_type(entry.value, &at, "text, a whole number of 64 bits, true or false"),
        }
    }
}

/// Text of at most [`SHORT_BYTES`].
fn short(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<String> {
    let text = reader.text(value, at)?.into_owned();
    if text.len() > SHORT_BYTES {
        too_long(reader, text.len(), at);
        return None;
    }
    Some(text)
}

fn too_long(reader: &mut Reader<'_>, bytes: usize, at: &At<'_>) {
    let detail = format_args!("{bytes} bytes, at most {SHORT_BYTES} are allowed by AMQP");
    reader.problems.add(at, code::TOO_LONG, detail);
}

fn decoded(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Vec<u8>> {
    let text = reader.text(value, at)?;
    let decoded = STANDARD.decode(text.as_bytes()).ok();
    if decoded.is_none() {
        let added = reader.problems.add(at, code::INVALID_VALUE, format_args!("this is not base64"));
        added.hint(format_args!("the alphabet is A-Z, a-z, 0-9, + and /, padded with = to a multiple of four"));
    }
    decoded
}
