//! Messages as dead letters, with all that it takes to publish them again.

use serde_json::{Map, Value, json};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::{Header, Message};

use crate::store::{DEAD_BODY_MAX, DeadLetter};

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
