//! Translation of our messages into AMQP properties, and back.

use std::collections::BTreeMap;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use warrener_shared::wire::{Header, Message};

use crate::BrokerError;
use crate::call::short;

/// The properties of a message to publish, and its body.
pub(crate) fn into_parts(mut message: Message) -> Result<(BasicProperties, Vec<u8>), BrokerError> {
    // The broker owns `x-`: a copied `x-death` makes old versions drop a message as a cycle, a copied
    // `x-delivery-count` makes new ones show a stale count.
    message.headers.retain(|name, _| !name.starts_with("x-"));
    into_parts_with_all(message)
}

/// The same with every header, those that belong to the broker too.
pub(crate) fn into_parts_with_all(message: Message) -> Result<(BasicProperties, Vec<u8>), BrokerError> {
    let mut properties = BasicProperties::default().with_delivery_mode(if message.persistent { 2 } else { 1 });
    let mut text = |what: &str, value: Option<String>, set: fn(BasicProperties, ShortString) -> BasicProperties| {
        if let Some(value) = value {
            properties = set(std::mem::take(&mut properties), short(what, &value)?);
        }
        Ok::<_, BrokerError>(())
    };
    text("content_type", message.content_type, BasicProperties::with_content_type)?;
    text("content_encoding", message.content_encoding, BasicProperties::with_content_encoding)?;
    text("type", message.kind, BasicProperties::with_type)?;
    text("message_id", message.message_id, BasicProperties::with_message_id)?;
    text("correlation_id", message.correlation_id, BasicProperties::with_correlation_id)?;
    text("reply_to", message.reply_to, BasicProperties::with_reply_to)?;
    text("expiration", message.expiration_ms.map(|ms| ms.to_string()), BasicProperties::with_expiration)?;
    if let Some(priority) = message.priority {
        properties = properties.with_priority(priority);
    }
    let headers = headers_out(message.headers)?;
    if !headers.inner().is_empty() {
        properties = properties.with_headers(headers);
    }
    Ok((properties, message.body))
}

fn headers_out(headers: BTreeMap<String, Header>) -> Result<FieldTable, BrokerError> {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        let value = match value {
            Header::Text(text) => AMQPValue::LongString(text.into()),
            Header::Int(number) => AMQPValue::LongLongInt(number),
            Header::Bool(truth) => AMQPValue::Boolean(truth),
            // Only a description of what once was there.
            Header::Other(_) => continue,
        };
        table.insert(short("the name of a header", &name)?, value);
    }
    Ok(table)
}

/// A received message.
pub(crate) fn from_parts(properties: &BasicProperties, body: Vec<u8>) -> Message {
    let text = |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().to_owned());
    Message {
        content_type: text(properties.content_type()),
        content_encoding: text(properties.content_encoding()),
        kind: text(properties.kind()),
        message_id: text(properties.message_id()),
        correlation_id: text(properties.correlation_id()),
        reply_to: text(properties.reply_to()),
        user_id: text(properties.user_id()),
        priority: *properties.priority(),
        persistent: *properties.delivery_mode() == Some(2),
        expiration_ms: properties.expiration().as_ref().and_then(|text| text.as_str().parse().ok()),
        headers: properties.headers().as_ref().map(headers_in).unwrap_or_default(),
        body,
    }
}

fn headers_in(table: &FieldTable) -> BTreeMap<String, Header> {
    table.inner().iter().map(|(name, value)| (name.as_str().to_owned(), header(value))).collect()
}

fn header(value: &AMQPValue) -> Header {
    match value {
        AMQPValue::Boolean(truth) => Header::Bool(*truth),
        AMQPValue::ShortString(text) => Header::Text(text.as_str().to_owned()),
        AMQPValue::LongString(text) => match std::str::from_utf8(text.as_bytes()) {
            Ok(text) => Header::Text(text.to_owned()),
            Err(_) => Header::Other(format!("{} bytes that are not UTF-8", text.len())),
        },
        _ => integer(value).map_or_else(|| Header::Other(describe(value)), Header::Int),
    }
}

/// The value of any integer type or timestamp.
pub(crate) fn integer(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => Some(number),
        AMQPValue::Timestamp(seconds) => i64::try_from(seconds).ok(),
        _ => None,
    }
}

/// A value of an unused type for people: at most [`DESCRIPTION`] characters.
fn describe(value: &AMQPValue) -> String {
    let text = match value {
        AMQPValue::Void => "nothing".to_owned(),
        AMQPValue::Float(number) => number.to_string(),
        AMQPValue::Double(number) => number.to_string(),
        AMQPValue::DecimalValue(decimal) => format!("{}e-{}", decimal.value, decimal.scale),
        AMQPValue::ByteArray(bytes) => format!("{} bytes", bytes.len()),
        AMQPValue::FieldArray(values) => {
            let values: Vec<_> = values.as_slice().iter().take(LISTED).map(brief).collect();
            format!("[{}]", values.join(", "))
        }
        AMQPValue::FieldTable(table) => {
            let pairs: Vec<_> =
                table.inner().iter().take(LISTED).map(|(name, value)| format!("{name}: {}", brief(value))).collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => format!("{:?}", other.get_type()),
    };
    text.chars().take(DESCRIPTION).collect()
}

/// Describes an element of a list or table. Nested lists and tables are only named, so that depth costs nothing.
fn brief(value: &AMQPValue) -> String {
    match value {
        AMQPValue::FieldArray(values) => format!("a list of {}", values.as_slice().len()),
        AMQPValue::FieldTable(table) => format!("a table of {}", table.inner().len()),
        _ => match header(value) {
            Header::Text(text) | Header::Other(text) => text,
            Header::Int(number) => number.to_string(),
            Header::Bool(truth) => truth.to_string(),
        },
    }
}

/// Longest description of a header in characters: enough for a person, no burden on the database.
const DESCRIPTION: usize = 1000;
/// Elements of a list or table that are described.
const LISTED: usize = 16;

#[cfg(test)]
mod tests;
