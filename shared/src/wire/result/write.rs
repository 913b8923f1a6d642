//! Writing reports, for workers.

use serde_json::value::RawValue;

use super::{
    CLAIMED, ClaimedBody, FAILED, FailedBody, PROGRESS, RELEASED, ReleasedBody, Report, RetryAdvice, SUCCEEDED,
};
use crate::wire::Message;

impl Report {
    /// The message that says it about the attempt with this ticket.
    ///
    /// All are persistent and to be confirmed, but progress, which the next one makes up for.
    pub fn into_message(self, ticket: &str) -> Message {
        let is_progress = matches!(self, Self::Progress(_));
        let (kind, body) = match self {
            Self::Succeeded { output } => (SUCCEEDED, output),
            Self::Failed { error, retry } => {
                let (code, message, details) = (error.code.into_owned(), error.message, error.details);
                (FAILED, json(&FailedBody { code, message, retry: retry.to_json(), details }))
            }
            Self::Released { code, deliveries } => (RELEASED, json(&ReleasedBody { code, deliveries })),
            Self::Claimed { lease } => (CLAIMED, json(&ClaimedBody { lease_ms: Some(lease.0) })),
            Self::Progress(progress) => (PROGRESS, json(&progress)),
        };
        Message { correlation_id: Some(ticket.to_owned()), persistent: !is_progress, ..Message::json(kind, body) }
    }
}

impl RetryAdvice {
    /// The value of `retry` in the body of `task.failed`; `None` leaves it out.
    fn to_json(self) -> Option<Box<RawValue>> {
        let text = match self {
            Self::Policy => return None,
            Self::Never => "false".to_owned(),
            Self::After(span) => format!("\"{span}\""),
        };
        RawValue::from_string(text).ok()
    }
}

fn json(body: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("a report has text keys only")
}
