//! Dead letters and messages that no binding wanted: drained into the database, where a person finds them.

use serde_json::{Map, Value, json};
use warrener_amqp::{Consumer, Incoming};
use warrener_shared::id::Ticket;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::Header;

use super::settle::{self, Settler};
use super::{Context, Link, heal};
use crate::driver::{DeathReason, Input};
use crate::store::{DEAD_BODY_MAX, DeadLetter};

/// Dead letters taken at once.
const BATCH: usize = 64;

pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer) {
    let settler = Settler::start(link.session.clone());
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let inputs = std::mem::take(&mut batch.deliveries).into_iter().map(dead).collect();
        settler.hand_over(&context, inputs, batch).await;
    }
}

/// A message that its queue gave up on.
fn dead(incoming: Incoming) -> Input {
    let reason = incoming.death.as_ref().map_or_else(|| "unknown".to_owned(), |death| death.reason.clone());
    let key = incoming.routing_key.as_str();
    let text = match reason.as_str() {
        "rejected" => "a consumer rejected the message".to_owned(),
        "delivery_limit" => "the message was delivered too often without being settled".to_owned(),
        other => format!("the broker gave up on the message: {other}"),
    };
    let from = match key {
        "submit" => "submit",
        "result" => "result",
        _ => "task",
    };
    let code = if reason == "rejected" { "rejected" } else { "crashed" };
    let letter = letter(from, code, text, &incoming);
    match incoming.message.correlation_id.as_deref().and_then(|text| text.parse::<Ticket>().ok()) {
        Some(ticket) if from == "task" => Input::DeadTask(ticket, DeathReason::from(reason.as_str()), Box::new(letter)),
        _ => Input::Dead(letter),
    }
}

pub(super) async fn run_unrouted(context: Context, link: Link, mut consumer: Consumer) {
    let settler = Settler::start(link.session.clone());
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let mut inputs = Vec::new();
        for incoming in std::mem::take(&mut batch.deliveries) {
            inputs.push(unrouted(&context, &link, incoming).await);
        }
        settler.hand_over(&context, inputs, batch).await;
    }
}

/// A task whose queue is gone goes out again once the queue is there, and so does what the queue held; anything else
/// is somebody's mistake.
async fn unrouted(context: &Context, link: &Link, incoming: Incoming) -> Input {
    let ticket = incoming.message.correlation_id.as_deref().and_then(|text| text.parse::<Ticket>().ok());
    if let (Some(ticket), Ok(queue)) = (ticket, incoming.routing_key.parse())
        && incoming.exchange == context.shared.names.tasks()
    {
        if let Err(error) = heal::prepare(context, &link.session, &queue).await {
            tracing::warn!(%error, %queue, "a task found no queue, and the queue could not be made");
        }
        return Input::Unrouted(ticket);
    }
    let message = format!(
        "no queue is bound to exchange {} with key {:?}; publish a job with key `submit`, a result with key `results`",
        incoming.exchange, incoming.routing_key
    );
    Input::Dead(letter("unrouted", "unrouted", message, &incoming))
}

/// A dead letter made of a message.
pub(super) fn letter(from: &'static str, code: &str, message: String, incoming: &Incoming) -> DeadLetter {
    letter_with(&incoming.message.body, from, code, message, incoming)
}

/// The same of a part of a message: with this body, as if the part had come alone.
pub(super) fn letter_with(
    body: &[u8],
    from: &'static str,
    code: &str,
    message: String,
    incoming: &Incoming,
) -> DeadLetter {
    let received_at = Timestamp(warrener_runtime::clock::Clock::start().now_ms());
    let headers = properties(incoming);
    DeadLetter {
        from,
        code: code.to_owned(),
        message,
        job: incoming.message.header_text("job").map(str::to_owned),
        task: incoming.message.header_text("task").map(str::to_owned),
        received_at,
        size: body.len(),
        body: body[..body.len().min(DEAD_BODY_MAX)].to_vec(),
        headers: headers.to_string(),
        evidence: incoming.death.as_ref().map(|death| {
            json!({"queue": death.queue, "reason": death.reason, "count": death.count, "exchange": death.exchange,
                "routing_key": death.routing_key})
            .to_string()
        }),
    }
}

fn properties(incoming: &Incoming) -> Value {
    let message = &incoming.message;
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
        "exchange": incoming.exchange, "routing_key": incoming.routing_key, "content_type": message.content_type,
        "content_encoding": message.content_encoding, "type": message.kind, "message_id": message.message_id,
        "correlation_id": message.correlation_id, "reply_to": message.reply_to, "headers": headers,
    })
}
