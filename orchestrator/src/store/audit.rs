//! Rows of the audit.

use std::borrow::Cow;
use std::sync::Arc;

use warrener_shared::time::Timestamp;

/// Row of the audit: somebody known changed something, or was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Time of the change.
    pub time: Timestamp,
    /// Name of the token, or other words for who it was.
    pub who: Arc<str>,
    /// Address that the request came from; `None` if it did not come over HTTP.
    pub from: Option<String>,
    /// Verb, such as `job.cancel`.
    pub verb: Cow<'static, str>,
    /// Target of the change: an id, an address or a name, cut if it is long.
    pub target: String,
    /// `done`, or `refused` where the state of things did not allow it.
    pub outcome: Cow<'static, str>,
    /// Reason of a refusal.
    pub reason: Option<String>,
}

/// Most rows of the audit that are kept. Beyond them the oldest go before their time.
pub const AUDIT_MAX: i64 = 1_000_000;
