//! Submits and the answers to them.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::job::Problem;

/// `type` of the answer to an accepted submit.
pub const ACCEPTED: &str = "job.accepted";
/// `type` of the answer to a refused submit.
pub const REJECTED: &str = "job.rejected";
/// `type` of the answer when the job is final.
pub const FINISHED: &str = "job.finished";

/// Which answers a submitter wants; the header `reply`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplyMode {
    /// One answer, when the job is final.
    #[default]
    Finished,
    /// One answer, when the job is kept.
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

    /// Whether an answer is wanted once the job is kept.
    pub const fn wants_accepted(self) -> bool {
        matches!(self, Self::Accepted | Self::Both)
    }

    /// Whether an answer is wanted once the job is final.
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
    /// One sentence about this case.
    pub detail: String,
    /// Every problem found.
    pub errors: Vec<Problem>,
}
