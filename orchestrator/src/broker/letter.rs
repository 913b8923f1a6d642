//! Dead letters made of messages of the broker.

use warrener_amqp::Incoming;
use warrener_shared::time::Timestamp;

use crate::driver::letter as letters;
use crate::store::{DEAD_BODY_MAX, DeadLetter};

/// Dead letter made of a message. `from` is where it was found, `code` and `message` the reason.
pub(super) fn letter(from: &'static str, code: &str, message: String, incoming: &Incoming) -> DeadLetter {
    letter_with(&incoming.message.body, from, code, message, incoming)
}

/// Dead letter made of a part of a message: with this body, as if the part had come alone.
pub(super) fn letter_with(
    body: &[u8],
    from: &'static str,
    code: &str,
    message: String,
    incoming: &Incoming,
) -> DeadLetter {
    let received_at = Timestamp(warrener_runtime::clock::Clock::start().now_ms());
    let place = (incoming.exchange.as_str(), incoming.routing_key.as_str());
    DeadLetter {
        size: body.len(),
        body: body[..body.len().min(DEAD_BODY_MAX)].to_vec(),
        evidence: incoming.death.as_ref().map(|death| {
            serde_json::json!({"queue": death.queue, "reason": death.reason, "count": death.count,
                "exchange": death.exchange, "routing_key": death.routing_key})
            .to_string()
        }),
        ..letters::of_message(from, code, message, place, &incoming.message, received_at)
    }
}
