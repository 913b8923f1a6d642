//! Reports of workers: results, releases, claims and progress.

mod bundle;
mod parse;
mod write;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::bundle::{Bundle, REPORTS_MAX, Read, is_bundle, parse_bundle};
pub use self::parse::{Unreadable, parse_report};
use crate::error::ErrorObject;
use crate::id::LimitName;
use crate::time::Millis;

/// `type` of a success.
pub const SUCCEEDED: &str = "task.succeeded";
/// `type` of a failure.
pub const FAILED: &str = "task.failed";
/// `type` of an attempt handed back.
pub const RELEASED: &str = "task.released";
/// `type` of a claim.
pub const CLAIMED: &str = "task.claimed";
/// `type` of a sign of life with news.
pub const PROGRESS: &str = "task.progress";

/// `type` of a message with many reports.
pub const REPORTS: &str = "task.reports";

/// Content of a report on an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// The attempt succeeded; JSON bytes as they came.
    Succeeded {
        /// The output.
        output: Vec<u8>,
    },
    /// The attempt failed.
    Failed {
        /// The error.
        error: ErrorObject,
        /// Advice of the worker about trying again.
        retry: RetryAdvice,
    },
    /// Handed back unstarted, or interrupted by a drain.
    Released {
        /// `unknown_kind`, `suspect`, or whatever the worker says.
        code: Option<String>,
        /// Number of deliveries by the broker, with `suspect`.
        deliveries: Option<u32>,
        /// Wish that a key of a limit lets nothing out for a while.
        pause: Option<KeyPause>,
    },
    /// The worker goes on without the delivery, under a lease.
    Claimed {
        /// Length of the lease, clamped.
        lease: Millis,
    },
    /// A sign of life with news.
    Progress(Progress),
}

/// Wish that the key of an attempt lets nothing out for a while: whoever it works with asked for patience.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPause {
    /// The limit, one of those that count the attempt.
    pub limit: LimitName,
    /// Length of the pause.
    #[serde(rename = "for", with = "span")]
    pub span: Millis,
}

/// Spans as they are written in bodies.
mod span {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::job::parse_duration;
    use crate::time::Millis;

    pub(super) fn serialize<S: Serializer>(span: &Millis, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&span.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map_err(de::Error::custom)
    }
}

/// Advice of a failure about trying again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RetryAdvice {
    /// Leave it to the policy.
    #[default]
    Policy,
    /// Never again.
    Never,
    /// After exactly this span, if the policy allows a retry at all.
    After(Millis),
}

/// Progress of an attempt.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Units done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<f64>,
    /// Units in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<f64>,
    /// A few words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Text that the attempt wrote since the last report; it is added to the log of the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// Progress that a worker sent and that can't be used, in words for people. It never goes over the wire.
    #[serde(skip)]
    pub unusable: Option<String>,
}

impl Progress {
    /// A sign of life whose news can't be used.
    pub(crate) fn unusable(why: String) -> Self {
        Self { unusable: Some(why), ..Self::default() }
    }

    /// Tells whether it says how far the attempt is.
    pub const fn has_news(&self) -> bool {
        self.done.is_some() || self.total.is_some() || self.note.is_some()
    }
}

impl Eq for Progress {}

/// Body of `task.failed`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FailedBody {
    /// A stable word for programs.
    pub code: String,
    /// Description for people, in a sentence.
    pub message: String,
    /// `true`, `false`, a duration or a number of seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry: Option<Box<RawValue>>,
    /// Anything that helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<RawValue>>,
}

impl FailedBody {
    /// A failure that leaves the retry to the policy.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), retry: None, details: None }
    }

    /// The same, never to be retried.
    #[must_use]
    pub fn for_good(mut self) -> Self {
        self.retry = RawValue::from_string("false".to_owned()).ok();
        self
    }

    /// The same, to be retried after a span.
    #[must_use]
    pub fn retry_after(mut self, span: Duration) -> Self {
        self.retry = RawValue::from_string(format!("\"{}ms\"", span.as_millis())).ok();
        self
    }
}

/// Body of `task.released`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedBody {
    /// Code of the reason, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Number of deliveries by the broker, with `suspect`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<u32>,
    /// Wish that a key of a limit lets nothing out for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<KeyPause>,
}

/// Body of `task.claimed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedBody {
    /// Length of the lease in milliseconds, 10 s to 1 h. Defaults to 60 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_ms: Option<u64>,
}
