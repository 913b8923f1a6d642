//! Submits and the answers to them.

mod envelope;
mod event;
mod many;
mod reply;
#[cfg(feature = "schedule")]
mod schedule;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::envelope::{Envelope, ReplyAddress, looks_like_celery};
pub use self::event::{EventBody, parse_keep};
pub use self::many::{JOBS, JOBS_MAX, split};
#[cfg(feature = "schedule")]
pub use self::reply::applied;
pub use self::reply::{Refusal, accepted, finished, refused, rejected};
#[cfg(feature = "schedule")]
pub use self::schedule::{APPLIED, AppliedBody, ScheduleVerb, ScheduleWish};
use crate::job::{JobSpec, Problem, code, parse};
use crate::limits::Limits;
use crate::wire::Message;
use crate::wire::topology::Names;

/// `type` of the answer to an accepted submit.
pub const ACCEPTED: &str = "job.accepted";
/// `type` of the answer to a refused submit.
pub const REJECTED: &str = "job.rejected";
/// `type` of the answer when the job is final.
pub const FINISHED: &str = "job.finished";

/// `type` of a message that answers waiting tasks instead of submitting a job.
pub const EVENT: &str = "event";
/// The header with which a submitter chooses its answers.
pub const REPLY_HEADER: &str = "reply";

/// A message on the submit queue, read.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Address of the answers, and the other properties.
    pub envelope: Envelope,
    /// The wish of the client, or all of its problems.
    pub content: Result<Content, Vec<Problem>>,
}

/// Wish of a message on the submit queue.
#[derive(Clone, Debug)]
pub enum Content {
    /// A job.
    Job(Box<JobSpec>),
    /// An answer to waiting tasks.
    Event(EventBody),
    /// A wish about a schedule.
    #[cfg(feature = "schedule")]
    Schedule(ScheduleWish),
}

impl Submission {
    /// Reads a message from the submit queue of the system with these names.
    ///
    /// All problems of properties and body are found at once. A body that cannot be looked at (another
    /// encoding, a message for Celery) is not.
    pub fn read(message: &Message, names: &Names, limits: &Limits) -> Self {
        let (envelope, mut problems) = Envelope::read(message, names);
        if problems.iter().any(|problem| [code::CELERY_MESSAGE, code::CONTENT_ENCODING].contains(&&*problem.code)) {
            return Self { envelope, content: Err(problems) };
        }
        let content = read_body(message, &envelope, limits).map_err(|more| problems.extend(more));
        match content {
            Ok(content) if problems.is_empty() => Self { envelope, content: Ok(content) },
            _ => Self { envelope, content: Err(problems) },
        }
    }
}

/// Reads the body as what the `type` of the message says.
fn read_body(message: &Message, envelope: &Envelope, limits: &Limits) -> Result<Content, Vec<Problem>> {
    #[cfg(feature = "schedule")]
    if let Some(verb) = ScheduleVerb::of(message) {
        return ScheduleWish::parse(verb, &message.body, limits).map(Content::Schedule);
    }
    if envelope.is_event {
        return EventBody::parse(&message.body, limits).map(Content::Event);
    }
    parse(&message.body, &envelope.context(), limits).map(|job| Content::Job(Box::new(job)))
}

/// Choice of the answers that a submitter gets; the header `reply`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// Only the answer when the job is final.
    #[default]
    Finished,
    /// Only the answer when the job is kept.
    Accepted,
    /// Both.
    Both,
}

impl ReplyMode {
    /// The header's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Accepted => "accepted",
            Self::Both => "both",
        }
    }

    /// Reads the header's value; `None` if it is none of the three words.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Finished, Self::Accepted, Self::Both].into_iter().find(|mode| mode.as_str() == text)
    }

    /// Tells whether an answer is wanted once the job is kept.
    pub const fn wants_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Both)
    }

    /// Tells whether an answer is wanted once the job is final.
    pub const fn wants_finished(self) -> bool {
        matches!(self, Self::Finished | Self::Both)
    }
}

/// Body of `job.accepted`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AcceptedBody {
    /// The job.
    pub job_id: String,
}

/// Body of `job.finished`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FinishedBody {
    /// The job.
    pub job_id: String,
    /// A final state.
    pub state: String,
    /// Null unless it succeeded.
    pub output: Option<Box<RawValue>>,
    /// Null if it succeeded.
    pub error: Option<Box<RawValue>>,
}

/// Body of `job.rejected`: problem+json (RFC 9457).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RejectedBody {
    /// A URI reference for the sort of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same, in words.
    pub title: String,
    /// The HTTP status that fits.
    pub status: u16,
    /// Description of this case, in a sentence.
    pub detail: String,
    /// Every problem found.
    pub errors: Vec<Problem>,
}
