//! Inputs that cannot be handled, as dead letters: the messages that they came in, so that they can be published again.

use serde_json::json;
use warrener_engine::event::Reported;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::submit::ReplyMode;
use warrener_shared::wire::topology::{KEY_RESULTS, KEY_SUBMIT, Names};
use warrener_shared::wire::{JSON, Message};

use super::input::{Input, Submission};
use super::letter;
use crate::store::DeadLetter;

/// Subject of an input in the words of the log, without anything secret that it carries.
pub(super) fn subject(input: &Input) -> String {
    match input {
        Input::Submit(submission) => {
            let id = submission.spec.id.as_ref().map_or("without an id", |id| id.as_str());
            format!("a submit of {} bytes, {id}", submission.submitted.body.len())
        }
        Input::Report(reported) => format!("a report on {}", attempt(reported)),
        Input::Dead(letter) => format!("a dead letter of {} bytes", letter.size),
        Input::DeadTask(ticket, ..) => format!("a dead letter of task {}", ticket.task.0),
        Input::Event(event, _) => format!("an answer to event {:?}", event.event),
        Input::Heartbeat(heard) => format!("a heartbeat of {:?}", heard.worker),
        _ => "a notice of the broker side, or a request".to_owned(),
    }
}

/// Dead letter that keeps an input. `None` for one that carries no message of others, such as a command or a notice of
/// the broker side.
pub(super) fn letter(input: &Input, why: &str, now: Timestamp, names: &Names) -> Option<DeadLetter> {
    let (from, exchange, key, message, about) = match input {
        Input::Submit(submission) => ("submit", names.submit(), KEY_SUBMIT, submit(submission), None),
        Input::Report(reported) => ("result", names.results(), KEY_RESULTS, report(reported), Some(attempt(reported))),
        Input::Event(event, _) => {
            let payload = String::from_utf8_lossy(event.payload.bytes());
            let body = format!(r#"{{"event":{},"key":{},"payload":{payload}}}"#, json!(event.event), json!(event.key));
            ("submit", names.submit(), KEY_SUBMIT, Message::json("event", body.into_bytes()), None)
        }
        Input::Dead(letter) => return Some(letter.clone()),
        Input::DeadTask(.., letter) => return Some((**letter).clone()),
        _ => return None,
    };
    let about = about.map_or_else(String::new, |about| format!(", on {about}"));
    let text = format!("it could not be handled{about}: {why}");
    Some(letter::of_message(from, "internal", text, (&exchange, key), &message, now))
}

/// Task and attempt of a report, without the secret of its ticket.
fn attempt(reported: &Reported) -> String {
    format!("attempt {} of task {}", reported.ticket.attempt, reported.ticket.task.0)
}

/// Message of a submit, with the properties that replaying needs.
fn submit(submission: &Submission) -> Message {
    let reply = submission.reply.as_ref();
    let mut message = Message {
        content_type: Some(JSON.to_owned()),
        message_id: submission.spec.id.as_ref().map(ToString::to_string),
        reply_to: reply.map(|reply| reply.to.queue.clone()),
        correlation_id: reply.and_then(|reply| reply.to.correlation_id.clone()),
        body: submission.submitted.body.to_vec(),
        ..Message::default()
    };
    if let Some(mode) = reply.map(|reply| reply.mode).filter(|mode| *mode != ReplyMode::default()) {
        message.set_text("reply", mode.as_str().to_owned());
    }
    if let Some(traceparent) = &submission.submitted.traceparent {
        message.set_text("traceparent", traceparent.to_string());
    }
    message
}

/// Message of a report, with its worker.
fn report(reported: &Reported) -> Message {
    let mut message = reported.report.to_message(&reported.ticket.to_string());
    if let Some(worker) = &reported.worker {
        message.set_text("worker", worker.to_string());
    }
    message
}
