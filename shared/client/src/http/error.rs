//! Errors between us and the API.

use std::fmt;

use serde::{Deserialize, Serialize};
use warrener_shared::job::Problem;

use super::redacted::redacted;

/// Reasons why a request failed. Texts read *what we were doing: with what: why*.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address can't be read.
    #[error("reading the orchestrator's address: {url}: {why}")]
    Address {
        /// The address as it was given.
        url: String,
        /// The fault in the address.
        why: String,
    },
    /// The token can't be one.
    #[error("reading the token: {why}")]
    Token {
        /// Fault of the token.
        why: String,
    },
    /// No answer came.
    #[error("{what}: {url}: {why}")]
    Unreachable {
        /// The operation that failed, such as `listing jobs`.
        what: String,
        /// Address that was called.
        url: String,
        /// Error of the network or of the answer's transfer.
        why: String,
        /// True if the request may have arrived all the same.
        may_have_arrived: bool,
    },
    /// The orchestrator said no, and why.
    #[error("{what}: {problem}")]
    Refused {
        /// The operation that was refused.
        what: String,
        /// Reason of the orchestrator.
        problem: Box<ProblemDocument>,
    },
    /// The answer isn't what an orchestrator sends.
    #[error("{what}: the answer can't be read: {why}; is WARRENER_URL the address of an orchestrator of this version?")]
    Unreadable {
        /// The operation whose answer can't be read.
        what: String,
        /// The fault in the answer.
        why: String,
    },
}

/// The reason of a refusal: problem+json (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblemDocument {
    /// A URI reference for the sort of problem.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The same, in words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// Description of this case, in a sentence.
    #[serde(default)]
    pub detail: String,
    /// Every problem found in a submitted job; empty otherwise.
    #[serde(default)]
    pub errors: Vec<Problem>,
}

impl HttpError {
    /// The status of a refusal.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { problem, .. } => Some(problem.status),
            _ => None,
        }
    }

    /// Tells whether a change that was asked for may have been made although nobody said so.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            Self::Unreachable { may_have_arrived, .. } => *may_have_arrived,
            // A proxy says these when it has waited in vain. An orchestrator says 503 before it has done anything, and
            // says it in its own words.
            Self::Refused { problem, .. } => match problem.status {
                502 | 504 => true,
                503 => !problem.kind.starts_with("urn:warrener:"),
                _ => false,
            },
            Self::Address { .. } | Self::Token { .. } | Self::Unreadable { .. } => false,
        }
    }

    /// Tells whether the request was refused with this code.
    pub fn is_refused_as(&self, code: &str) -> bool {
        matches!(self, Self::Refused { problem, .. } if problem.kind.rsplit(':').next() == Some(code))
    }

    /// Tells whether the same request may succeed in a moment: nobody answered, or a server did that is starting,
    /// overloaded or out of reach of its store.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { problem, .. } => matches!(problem.status, 429 | 502..=504),
            Self::Address { .. } | Self::Token { .. } | Self::Unreadable { .. } => false,
        }
    }

    /// Translates an error that came before an answer did, with its causes: the outermost text alone says too little.
    pub(super) fn unreachable(what: &str, url: &str, error: reqwest::Error) -> Self {
        let may_have_arrived = !error.is_connect() && !error.is_builder();
        let error = error.without_url();
        let mut why = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !why.contains(&text) {
                why = format!("{why}: {text}");
            }
            cause = inner.source();
        }
        if let Some(proxy) = super::proxy::of(url) {
            why = format!("{why} (through the proxy {proxy}; NO_PROXY lists what goes without it)");
        }
        Self::Unreachable { what: what.to_owned(), url: redacted(url), why, may_have_arrived }
    }

    /// The refusal in an answer with this status.
    pub(super) fn refused(what: &str, status: u16, body: &str) -> Self {
        let read: Option<ProblemDocument> = serde_json::from_str(body).ok();
        if read.is_none() && matches!(status, 404 | 405) {
            // An orchestrator says what is not there; whoever says nothing does not know the path.
            return Self::Unreadable { what: what.to_owned(), why: format!("HTTP {status} without a reason") };
        }
        let mut problem = read.unwrap_or_default();
        problem.status = status;
        if problem.detail.is_empty() && problem.title.is_empty() {
            problem.detail = body.chars().take(EXCERPT).collect();
        }
        Self::Refused { what: what.to_owned(), problem: Box::new(problem) }
    }
}

impl fmt::Display for ProblemDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.detail.is_empty() { &self.title } else { &self.detail };
        match text.is_empty() {
            true => write!(f, "HTTP {}", self.status),
            false => write!(f, "{text} (HTTP {})", self.status),
        }
    }
}

/// Characters of an answer that isn't ours which are worth showing.
const EXCERPT: usize = 200;
