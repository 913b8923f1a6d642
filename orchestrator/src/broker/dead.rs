//! Consumers of dead letters and of messages that no binding wanted: both are drained into the database, where a person
//! finds them.

use warrener_amqp::{Consumer, Incoming};
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::job::Problem;
use warrener_shared::wire::submit::Envelope;
use warrener_shared::wire::topology::{KEY_RESULTS, KEY_SUBMIT};

use super::intake::Intake;
use super::letter::letter;
use super::settle::{self, Settler};
use super::submits::{self, Taken};
use super::{Context, Link, results};
use crate::driver::{DeathReason, Input};

/// Most messages taken at once.
const BATCH: usize = 64;

/// Consumes the queue of dead letters until the session ends.
pub(super) async fn run(context: Context, link: Link, mut consumer: Consumer, intake: Intake) {
    let settler = Settler::start(&context, link.session.clone(), intake);
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let mut inputs = Vec::new();
        for incoming in std::mem::take(&mut batch.deliveries) {
            take_dead(&context, &incoming, &mut inputs);
        }
        if settler.hand_over(inputs, batch, None).await.is_err() {
            return;
        }
    }
}

/// Makes inputs of a message that its queue gave up on. A submit is refused too, if its sender can be told. A report
/// that a policy took out of its queue is taken all the same: the broker had confirmed it, and its sender counts on it.
fn take_dead(context: &Context, incoming: &Incoming, inputs: &mut Vec<Input>) {
    let reason = incoming.death.as_ref().map_or(DeathReason::Unknown, |death| DeathReason::from(death.reason.as_str()));
    metrics::counter!("warrener_dead_messages_total", "reason" => reason.as_str()).increment(1);
    let text = match reason {
        DeathReason::Rejected => "a consumer rejected the message",
        DeathReason::DeliveryLimit => "the message was delivered too often without being settled",
        DeathReason::Expired => "the message was not taken within the time that a policy of the broker allows",
        DeathReason::MaxLen => "the queue was longer than a policy of the broker allows, and dropped the message",
        DeathReason::Unknown => "the broker gave up on the message",
    };
    if is_by_policy(reason) {
        let queue = incoming.death.as_ref().map_or("a queue of ours", |death| death.queue.as_str());
        context.notes.say_policy(queue, reason);
    }
    let from = match incoming.routing_key.as_str() {
        "submit" => "submit",
        "result" => "result",
        _ => "task",
    };
    if from == "result" && is_by_policy(reason) {
        return results::take_in(context, incoming, inputs);
    }
    let code = match reason {
        DeathReason::Rejected => "rejected",
        DeathReason::Expired => "expired",
        DeathReason::MaxLen => "dropped",
        DeathReason::DeliveryLimit | DeathReason::Unknown => "crashed",
    };
    let letter = letter(from, code, text.to_owned(), incoming);
    if from == "submit" && is_by_policy(reason) {
        let (envelope, _) = Envelope::read(&incoming.message, &context.shared.names);
        if let Some(to) = submits::allowed(context, envelope.reply) {
            let hint = "submit it again; ask whoever runs the broker for queues of ours without such a policy";
            inputs.push(submits::refusal(to, vec![Problem::of_message(code, text, hint.to_owned())]));
        }
    }
    match ticket(incoming) {
        Some(ticket) if from == "task" => inputs.push(Input::DeadTask(ticket, reason, Box::new(letter))),
        _ => inputs.push(Input::Dead(letter)),
    }
}

/// Consumes the queue of unrouted messages until the session ends.
pub(super) async fn run_unrouted(context: Context, link: Link, mut consumer: Consumer, intake: Intake) {
    let settler = Settler::start(&context, link.session.clone(), intake);
    while let Some(mut batch) = settle::next(&link, &mut consumer, BATCH).await {
        let mut taken = Taken::default();
        for incoming in std::mem::take(&mut batch.deliveries) {
            take_unrouted(&context, incoming, &mut taken);
        }
        if taken.hand_over(&settler, batch).await.is_err() {
            return;
        }
    }
}

/// Takes a message that found no binding for what it was meant to be, if something of ours is missing, and has that
/// looked for: a task goes out again, a report is a report, a submit is a submit. Anything else is somebody's mistake.
fn take_unrouted(context: &Context, incoming: Incoming, taken: &mut Taken) {
    let (exchange, key) = (incoming.exchange.as_str(), incoming.routing_key.as_str());
    if exchange == context.shared.names.tasks()
        && let (Some(ticket), Ok(queue)) = (ticket(&incoming), key.parse::<QueueName>())
    {
        context.repairs.ask_for(queue);
        return taken.inputs.push(Input::Unrouted(ticket));
    }
    if exchange == context.shared.names.results() && key == KEY_RESULTS {
        context.repairs.ask();
        return results::take_in(context, &incoming, &mut taken.inputs);
    }
    if exchange == context.shared.names.submit() && key == KEY_SUBMIT {
        context.repairs.ask();
        return taken.take(context, incoming);
    }
    let message = format!(
        "no queue is bound to exchange {exchange} with key {key:?}; publish a job with key `submit`, a result with key \
         `results`"
    );
    taken.inputs.push(Input::Dead(letter("unrouted", "unrouted", message, &incoming)));
}

/// Tells whether a policy of the broker took the message out of its queue.
fn is_by_policy(reason: DeathReason) -> bool {
    matches!(reason, DeathReason::Expired | DeathReason::MaxLen)
}

/// Ticket in a message's correlation id, if that is one.
fn ticket(incoming: &Incoming) -> Option<Ticket> {
    incoming.message.correlation_id.as_deref().and_then(|text| text.parse().ok())
}
