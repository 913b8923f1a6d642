//! Reports as messages.

use serde::Serialize;
use serde_json::value::RawValue;
use warrener_shared::error::ErrorObject;
use warrener_shared::wire::Message;
use warrener_shared::wire::result::{
    CLAIMED, ClaimedBody, FAILED, FailedBody, PROGRESS, RELEASED, ReleasedBody, Report, RetryAdvice, SUCCEEDED,
};

/// The message that carries a report on the attempt with this ticket. Its body is copied: the report is kept until
/// the broker has confirmed it.
pub(crate) fn message(ticket: &str, report: &Report, worker: &str) -> Message {
    let (kind, body) = match report {
        Report::Succeeded { output } => (SUCCEEDED, output.clone()),
        Report::Failed { error, retry } => (FAILED, json(&failed(error, *retry))),
        Report::Released { code, deliveries } => {
            (RELEASED, json(&ReleasedBody { code: code.clone(), deliveries: *deliveries }))
        }
        Report::Claimed { lease } => (CLAIMED, json(&ClaimedBody { lease_ms: Some(lease.0) })),
        Report::Progress(progress) => (PROGRESS, json(progress)),
    };
    let mut message = Message::json(kind, body);
    message.correlation_id = Some(ticket.to_owned());
    message.set_text("worker", worker);
    message
}

fn failed(error: &ErrorObject, retry: RetryAdvice) -> FailedBody {
    let retry = match retry {
        RetryAdvice::Policy => None,
        RetryAdvice::Never => Some("false".to_owned()),
        RetryAdvice::After(span) => Some(format!("\"{}ms\"", span.0)),
    };
    FailedBody {
        code: error.code.to_string(),
        message: error.message.clone(),
        retry: retry.and_then(|retry| RawValue::from_string(retry).ok()),
        details: error.details.clone(),
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("bodies of reports have text keys only")
}

#[cfg(test)]
mod tests;
