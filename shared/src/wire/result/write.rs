//! Writing reports, for workers.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::{
    CLAIMED, ClaimedBody, FAILED, FailedBody, PROGRESS, RELEASED, ReleasedBody, Report, RetryAdvice, SUCCEEDED,
};
use crate::wire::Message;

impl Report {
    /// The message that says it about the attempt with this ticket; an output is copied.
    ///
    /// All are persistent and to be confirmed, but progress, which the next one makes up for.
    pub fn to_message(&self, ticket: &str) -> Message {
        let (kind, body) = self.to_parts();
        let is_progress = matches!(self, Self::Progress(_));
        let message = Message::json(kind, body.into_owned());
        Message { correlation_id: Some(ticket.to_owned()), persistent: !is_progress, ..message }
    }

    /// Property `type` and body of the message.
    pub(super) fn to_parts(&self) -> (&'static str, Cow<'_, [u8]>) {
        match self {
            Self::Succeeded { output } => (SUCCEEDED, Cow::Borrowed(output)),
            Self::Failed { error, retry } => {
                let (code, message) = (error.code.to_string(), error.message.clone());
                (FAILED, json(&FailedBody { code, message, retry: retry.to_json(), details: error.details.clone() }))
            }
            Self::Released { code, deliveries, pause } => {
                let (code, deliveries, pause) = (code.clone(), *deliveries, pause.clone());
                (RELEASED, json(&ReleasedBody { code, deliveries, pause }))
            }
            Self::Claimed { lease } => (CLAIMED, json(&ClaimedBody { lease_ms: Some(lease.0) })),
            Self::Progress(progress) => (PROGRESS, json(progress)),
        }
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

fn json<'a>(body: &impl serde::Serialize) -> Cow<'a, [u8]> {
    Cow::Owned(serde_json::to_vec(body).expect("a report has text keys only"))
}
