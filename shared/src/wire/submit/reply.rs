//! The answers to a submit.

use super::{ACCEPTED, AcceptedBody, FINISHED, REJECTED, RejectedBody, ReplyAddress};
use crate::job::{Problem, code};
use crate::state::JobState;
use crate::wire::Message;

/// `content_type` of a refusal.
const PROBLEM_JSON: &str = "application/problem+json";

/// The reason why a submit was refused, as the problem document (RFC 9457) that AMQP and HTTP answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The job has problems.
    InvalidJob,
    /// Another job holds the id or the unique key.
    Conflict,
    /// No task waits for the event.
    NotFound,
}

impl Refusal {
    /// The sort of refusal that a list of problems amounts to.
    pub fn of(problems: &[Problem]) -> Self {
        let conflicts = !problems.is_empty() && problems.iter().all(|problem| problem.code == code::CONFLICT);
        if conflicts { Self::Conflict } else { Self::InvalidJob }
    }

    /// The HTTP status that fits.
    pub const fn status(self) -> u16 {
        match self {
            Self::InvalidJob => 422,
            Self::Conflict => 409,
            Self::NotFound => 404,
        }
    }

    /// The problem document with these problems.
    pub fn body(self, errors: Vec<Problem>) -> RejectedBody {
        let (word, title) = match self {
            Self::InvalidJob => ("invalid_job", "The job is not valid"),
            Self::Conflict => ("conflict", "Another job holds the id or the key"),
            Self::NotFound => ("not_found", "No task waits for this event"),
        };
        let detail = match errors.as_slice() {
            [] => title.to_owned(),
            [only] => in_words(only),
            [first, rest @ ..] => format!("{}; and {} more", in_words(first), rest.len()),
        };
        let kind = format!("urn:warrener:problem:{word}");
        RejectedBody { kind, title: title.to_owned(), status: self.status(), detail, errors }
    }
}

/// The answer that a message about a schedule was carried out. `body` is an
/// [`AppliedBody`](super::AppliedBody), as it was kept.
#[cfg(feature = "schedule")]
pub fn applied(to: &ReplyAddress, body: Vec<u8>) -> Message {
    answer(to, super::APPLIED, body)
}

/// The answer that the job is kept.
pub fn accepted(to: &ReplyAddress, job_id: &str) -> Message {
    let body = AcceptedBody { job_id: job_id.to_owned() };
    answer(to, ACCEPTED, serde_json::to_vec(&body).expect("an answer has text keys only"))
}

/// The answer that a submit is refused.
pub fn rejected(to: &ReplyAddress, refusal: Refusal, errors: Vec<Problem>) -> Message {
    refused(to, serde_json::to_vec(&refusal.body(errors)).expect("an answer has text keys only"))
}

/// The same with the problem document as it was written down.
pub fn refused(to: &ReplyAddress, problem: Vec<u8>) -> Message {
    let mut message = answer(to, REJECTED, problem);
    message.content_type = Some(PROBLEM_JSON.to_owned());
    message
}

/// The answer that the job is final. `output` and `error` are JSON bytes, as they are stored.
pub fn finished(to: &ReplyAddress, job_id: &str, state: JobState, output: &[u8], error: &[u8]) -> Message {
    let id = serde_json::to_string(job_id).expect("text is always JSON");
    // Spliced rather than serialized: the output is copied once, and its spelling stays.
    let head = format!("{{\"job_id\":{id},\"state\":\"{state}\",\"output\":");
    let body = [head.as_bytes(), output, b",\"error\":", error, b"}"].concat();
    answer(to, FINISHED, body)
}

fn answer(to: &ReplyAddress, kind: &str, body: Vec<u8>) -> Message {
    Message { correlation_id: to.correlation_id.clone(), ..Message::json(kind, body) }
}

fn in_words(problem: &Problem) -> String {
    let place = if problem.pointer.is_empty() { "the message" } else { &problem.pointer };
    format!("{place}: {}", problem.detail)
}
