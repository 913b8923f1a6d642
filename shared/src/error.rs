//! The error object, the same in every message, row, reply and page.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Error of an attempt, a task or a job that did not succeed.
///
/// The same shape everywhere: `{code, message, details?, task?, attempt?}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ErrorObject {
    /// A stable word for programs, `^[a-z][a-z0-9_.]{0,63}$`.
    pub code: Cow<'static, str>,
    /// Description for people, in a sentence.
    pub message: String,
    /// Details that the handler added, kept as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<RawValue>>,
    /// The task that it came from, `<task>` or `<task>.<index>`, where that is not plain from the context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The attempt that it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
}

impl ErrorObject {
    /// An error with a code of ours (see [`code`]) and nothing but a message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), message: message.into(), details: None, task: None, attempt: None }
    }

    /// The error as the JSON bytes that rows and messages carry.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an error object has text keys only")
    }

    /// Reads an error object back from a row. `None` if the bytes are not one.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// Two errors are the same if they would be written the same.
impl PartialEq for ErrorObject {
    fn eq(&self, other: &Self) -> bool {
        self.to_json() == other.to_json()
    }
}

impl Eq for ErrorObject {}

/// Tells whether a text may be an error code: `^[a-z][a-z0-9_.]{0,63}$`.
pub fn is_code(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'.')
}

/// The codes that Warrener itself gives.
pub mod code {
    /// The time limit of the attempt or of the job passed.
    pub const TIMED_OUT: &str = "timed_out";
    /// A lease ran out, or heartbeats stopped.
    pub const LOST: &str = "lost";
    /// The crash budget is spent.
    pub const CRASHED: &str = "crashed";
    /// Every slot of a limit is taken that turns away who comes then.
    pub const LIMITED: &str = "limited";
    /// A worker refused the delivery.
    pub const REJECTED: &str = "rejected";
    /// A message stayed in its queue for longer than a policy allows.
    pub const EXPIRED: &str = "expired";
    /// A message fell out of its queue before any worker had it.
    pub const DROPPED: &str = "dropped";
    /// Stopped on request.
    pub const CANCELLED: &str = "cancelled";
    /// `start_within` passed before the first start.
    pub const NOT_STARTED: &str = "not_started";
    /// A needed task failed.
    pub const UPSTREAM_FAILED: &str = "upstream_failed";
    /// An expression could not be evaluated.
    pub const EXPRESSION_ERROR: &str = "expression_error";
    /// More items of a mapped task failed than `max_failures` allows.
    pub const TOO_MANY_FAILURES: &str = "too_many_failures";
    /// A list has fewer elements than its task wants successes.
    pub const TOO_FEW: &str = "too_few";
    /// The condition of a repeated task did not hold after its last round.
    pub const NOT_REACHED: &str = "not_reached";
    /// A value is larger than its limit.
    pub const TOO_LARGE: &str = "too_large";
    /// The worker's answer is not what the protocol allows.
    pub const BAD_OUTPUT: &str = "bad_output";
    /// The handler cannot use the input.
    pub const BAD_INPUT: &str = "bad_input";
    /// No queue wants a message that a task sends.
    pub const UNROUTABLE: &str = "unroutable";
    /// The exchange that a task sends to does not exist.
    pub const NO_EXCHANGE: &str = "no_exchange";
    /// The broker does not take a message that a task sends.
    pub const REFUSED: &str = "refused";
    /// No worker knows the kind.
    pub const UNKNOWN_KIND: &str = "unknown_kind";
    /// An endpoint could not be reached.
    pub const UNREACHABLE: &str = "unreachable";
    /// The handler panicked.
    pub const PANICKED: &str = "panicked";
    /// A delivery that may have killed workers before, handed back to be worked on alone.
    pub const SUSPECT: &str = "suspect";
}
