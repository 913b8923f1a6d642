//! Messages as dead letters, with all that it takes to publish them again.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::{Header, Message, Parcel};

use crate::store::{DEAD_BODY_MAX, DeadLetter, DeadRow};

/// A dead letter made of a message. `from` is where it was found (`submit`, `task`, `result`, …), `code` and `text` the
/// reason, then the exchange and the routing key that it was published with. A body is cut to [`DEAD_BODY_MAX`].
pub(crate) fn of_message(
    from: &'static str,
    code: &str,
    text: String,
    (exchange, key): (&str, &str),
    message: &Message,
    received_at: Timestamp,
) -> DeadLetter {
    DeadLetter {
        from,
        code: code.to_owned(),
        message: text,
        job: message.header_text("job").map(str::to_owned),
        task: message.header_text("task").map(str::to_owned),
        received_at,
        size: message.body.len(),
        body: message.body[..message.body.len().min(DEAD_BODY_MAX)].to_vec(),
        headers: properties(exchange, key, message).to_string(),
        evidence: None,
    }
}

/// Properties and headers of a message as JSON, with the exchange and the key under which it is replayed.
fn properties(exchange: &str, key: &str, message: &Message) -> Value {
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in &message.headers {
        let value = match value {
            Header::Text(text) => json!(text),
            Header::Int(number) => json!(number),
            Header::Bool(yes) => json!(yes),
            Header::Other(text) => json!(text),
        };
        headers.insert(name.clone(), value);
    }
    json!({
        "exchange": exchange, "routing_key": key, "content_type": message.content_type,
        "content_encoding": message.content_encoding, "type": message.kind, "message_id": message.message_id,
        "correlation_id": message.correlation_id, "reply_to": message.reply_to, "headers": headers,
    })
}

/// Message of a dead letter with its destination, made anew from what was kept.
///
/// # Errors
/// A sentence that says why what was kept is not all of it.
pub(crate) fn parcel(letter: &DeadRow) -> Result<Parcel, String> {
    #[derive(Deserialize)]
    struct Kept {
        exchange: String,
        routing_key: String,
        content_type: Option<String>,
        content_encoding: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
        message_id: Option<String>,
        correlation_id: Option<String>,
        reply_to: Option<String>,
        headers: BTreeMap<String, Value>,
    }
    let again = || match &letter.head.job {
        Some(job) => format!("it is a task; try its job again: POST /api/v1/jobs/{job}/retry"),
        None => "it cannot be sent again: how it was sent is not known".to_owned(),
    };
    let kept: Kept = serde_json::from_str(&letter.headers).map_err(|_| again())?;
    if u64::try_from(letter.body.len()).is_ok_and(|kept| kept < letter.head.size) {
        return Err("it cannot be sent again: only the beginning of it was kept".to_owned());
    }
    let header = |(name, value): (String, Value)| {
        let value = match value {
            Value::Bool(yes) => Header::Bool(yes),
            Value::Number(number) => Header::Int(number.as_i64().unwrap_or_default()),
            Value::String(text) => Header::Text(text),
            other => Header::Text(other.to_string()),
        };
        (name, value)
    };
    let message = Message {
        content_type: kept.content_type,
        content_encoding: kept.content_encoding,
        kind: kept.kind,
        message_id: kept.message_id,
        correlation_id: kept.correlation_id,
        reply_to: kept.reply_to,
        persistent: true,
        headers: kept.headers.into_iter().map(header).collect(),
        body: letter.body.clone(),
        ..Message::default()
    };
    Ok(Parcel { exchange: kept.exchange, key: kept.routing_key, message })
}
