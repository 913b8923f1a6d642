//! The end of an attempt, as read from a message that was heard.

use std::fmt;

use warrener_shared::limits::Limits;
use warrener_shared::wire::Message;
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::{FailedBody, Report, parse_report};

use super::stage::{Ear, HeardMessage};

/// Outcome of a task.
pub(super) enum TaskEnd {
    /// A final report that reads as it should.
    Report(Report),
    /// Something that breaks the rules, in a sentence.
    Broken(String),
    /// Nothing in time.
    Nothing(Silence),
}

/// Absence of a report, with the exit status of the worker if it is gone.
pub(super) struct Silence(pub(super) Option<String>);

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(status) => write!(f, "the worker ended ({status}), without a report"),
            None => f.write_str("no report"),
        }
    }
}

/// Nothing, if the message is of another attempt, or no end.
pub(super) fn judge(heard: &HeardMessage, ticket: &str) -> Option<TaskEnd> {
    let message = &heard.incoming.message;
    match heard.ear {
        Ear::Results => judge_report(message, ticket),
        Ear::Unrouted if message.correlation_id.as_deref() == Some(ticket) => Some(TaskEnd::Broken(format!(
            "the report was published to {:?} with the key {:?}, where no queue is: it goes to the exchange \
             <prefix>.results with the key results, or to reply_to through the default exchange",
            heard.incoming.exchange, heard.incoming.routing_key
        ))),
        Ear::Dead if message.correlation_id.as_deref() == Some(ticket) => {
            let reason = heard.incoming.death.as_ref().map_or("", |death| death.reason.as_str());
            Some(TaskEnd::Broken(match reason {
                "rejected" => "the delivery was rejected instead of answered".to_owned(),
                "delivery_limit" => "the delivery was given back (nack with requeue) again and again".to_owned(),
                reason => format!("the delivery became a dead letter ({reason})"),
            }))
        }
        _ => None,
    }
}

fn judge_report(message: &Message, ticket: &str) -> Option<TaskEnd> {
    match (message.correlation_id.as_deref(), parse_report(message, &Limits::default())) {
        (None | Some(""), _) => Some(TaskEnd::Broken("a report came without a correlation_id".to_owned())),
        (Some(other), _) if other != ticket => {
            // Late reports of earlier tasks are nothing new.
            (!looks_like_ours(other)).then(|| {
                TaskEnd::Broken(format!("a report came with the correlation_id {other:?} instead of the ticket"))
            })
        }
        (_, Err(unreadable)) => Some(TaskEnd::Broken(format!("the report can't be read: {unreadable}"))),
        (_, Ok((_, Report::Claimed { .. } | Report::Progress(_)))) => None,
        (_, Ok((_, Report::Failed { error, .. }))) if !is_told(message, &error.code) => {
            Some(TaskEnd::Broken(format!("the report is not as it should be: {}", error.message)))
        }
        (_, Ok((_, report))) => Some(TaskEnd::Report(report)),
    }
}

/// Tells whether the worker itself says that it failed with this code; otherwise our reader says so of the report.
fn is_told(message: &Message, code: &str) -> bool {
    serde_json::from_slice::<FailedBody>(&message.body).is_ok_and(|body| body.code == code)
}

/// A number, a number, a token.
fn looks_like_ours(ticket: &str) -> bool {
    ticket.parse::<warrener_shared::id::Ticket>().is_ok()
}

/// The report that a message is, if it is one of this ticket.
pub(super) fn report_of(heard: &HeardMessage, ticket: &str) -> Option<Report> {
    let message = &heard.incoming.message;
    if heard.ear != Ear::Results || message.correlation_id.as_deref() != Some(ticket) {
        return None;
    }
    parse_report(message, &Limits::default()).ok().map(|(_, report)| report)
}

/// A report in a few words.
pub(super) fn said(report: &Report) -> String {
    match report {
        Report::Succeeded { .. } => "a success".to_owned(),
        Report::Failed { error, .. } => format!("a failure ({}: {})", error.code, error.message),
        Report::Released { code, .. } => format!("released ({})", code.as_deref().unwrap_or("no code")),
        Report::Claimed { .. } => "claimed".to_owned(),
        Report::Progress(_) => "progress".to_owned(),
    }
}

/// The heartbeat that a message is, if it is a readable one.
pub(super) fn beat_of(heard: &HeardMessage) -> Option<Heartbeat> {
    (heard.ear == Ear::Beats).then(|| serde_json::from_slice(&heard.incoming.message.body).ok()).flatten()
}
