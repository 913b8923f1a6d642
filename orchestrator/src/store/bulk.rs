//! Bulk operations: one action on a set of things that was fixed when it began.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use warrener_shared::time::Timestamp;

use super::StoreError;

/// Most members of the set of one operation.
pub const BULK_MAX: usize = 1_000_000;
/// Operations that are kept; beyond them the oldest that are over go.
pub(crate) const BULKS_KEPT: i64 = 10_000;
/// Members in one part of a set.
pub(crate) const PART: usize = 1_000;
/// Refusals that an operation names.
pub const ERRORS_MAX: usize = 100;

/// Action of an operation on each member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// Cancels jobs.
    Cancel,
    /// Retries jobs that ended without success, or tasks.
    Retry,
    /// Pauses jobs.
    Pause,
    /// Resumes jobs.
    Resume,
    /// Removes final jobs.
    Delete,
    /// Skips tasks.
    Skip,
    /// Publishes the messages of dead letters again.
    Replay,
    /// Forgets dead letters.
    Discard,
}

impl BulkAction {
    /// Word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Delete => "delete",
            Self::Skip => "skip",
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }

    /// Sorts of members that it can act on, the usual one first.
    pub const fn targets(self) -> &'static [BulkTarget] {
        match self {
            Self::Cancel | Self::Pause | Self::Resume | Self::Delete => &[BulkTarget::Jobs],
            Self::Retry => &[BulkTarget::Jobs, BulkTarget::Tasks],
            Self::Skip => &[BulkTarget::Tasks],
            Self::Replay | Self::Discard => &[BulkTarget::Dead],
        }
    }
}

impl BulkTarget {
    /// Word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jobs => "jobs",
            Self::Tasks => "tasks",
            Self::Dead => "dead",
        }
    }
}

impl BulkState {
    /// Word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// Sort of the members of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkTarget {
    /// Jobs, by their numbers.
    Jobs,
    /// Tasks and items, by their numbers.
    Tasks,
    /// Dead letters, by their numbers.
    Dead,
}

/// State of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkState {
    /// Members are left.
    Running,
    /// Every member had its turn.
    Succeeded,
    /// Somebody stopped it.
    Cancelled,
    /// The set cannot be read any more.
    Failed,
}

/// Refusal of one member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkError {
    /// The member, as its id or address.
    pub id: String,
    /// A stable word for programs.
    pub code: String,
    /// Reason, in a sentence.
    pub detail: String,
}

/// An operation, without its set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BulkRow {
    /// Action on each member.
    pub action: BulkAction,
    /// Sort of the members.
    pub target: BulkTarget,
    /// Filter that the set was made by, as it was written.
    pub filter: String,
    /// States in which a member still matches in its turn: a bit for each place in the list of states.
    pub states: u32,
    /// Members a second at most; `None` for as fast as others allow.
    pub rate: Option<f64>,
    /// The rate as it was written.
    pub rate_text: Option<String>,
    /// Purpose, in words of whoever began it.
    pub reason: Option<String>,
    /// Name of whoever began it.
    pub who: Arc<str>,
    /// State of the operation.
    pub state: BulkState,
    /// Members of the set.
    pub matched: u64,
    /// Members that were acted on.
    pub done: u64,
    /// Members that no longer matched in their turn.
    pub skipped: u64,
    /// Members whose state did not allow the action.
    pub failed: u64,
    /// The first refusals, at most [`ERRORS_MAX`].
    pub errors: Vec<BulkError>,
    /// Time at which it began, in milliseconds since 1970.
    pub created_at: i64,
    /// Time at which it was over.
    pub finished_at: Option<i64>,
}

/// An operation with its number; and its set, where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkChange {
    /// Number of the operation, from 1.
    pub no: i64,
    /// The operation as it is from now on.
    pub row: BulkRow,
    /// Numbers of the members; `None` unless it begins.
    pub set: Option<Arc<[i64]>>,
}

impl BulkRow {
    /// The operation in a line, such as `retry jobs state:failed`.
    pub(crate) fn shown(&self) -> String {
        format!("{} {} {}", self.action.as_str(), self.target.as_str(), self.filter)
    }

    /// Members that had their turn.
    pub const fn position(&self) -> u64 {
        self.done + self.skipped + self.failed
    }

    /// Notes the end.
    pub const fn end(&mut self, state: BulkState, now: Timestamp) {
        self.state = state;
        self.finished_at = Some(now.0);
    }

    /// Text for the database.
    pub(crate) fn encode(&self) -> String {
        serde_json::to_string(self).expect("an operation has text keys only")
    }

    /// Reads what [`Self::encode`] wrote.
    pub(crate) fn decode(text: &str) -> Result<Self, StoreError> {
        serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("a bulk operation: {error}")))
    }
}

impl BulkChange {
    /// The parts of the set, numbered from 0.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (i64, Vec<u8>)> {
        let parts = self.set.iter().flat_map(|set| set.chunks(PART));
        (0..).zip(parts.map(|part| part.iter().flat_map(|no| no.to_le_bytes()).collect()))
    }
}

/// Members of a part of a set.
pub(crate) fn decode_part(bytes: &[u8]) -> Vec<i64> {
    bytes.chunks_exact(8).map(|eight| i64::from_le_bytes(eight.try_into().expect("eight bytes"))).collect()
}
