//! Messages of the orchestrator to workers.

use serde::{Deserialize, Serialize};

/// A control message; unknown fields are ignored by workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// Tickets whose attempts are to be stopped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cancel: Vec<String>,
    /// Take no more, finish what is held, leave.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub drain: bool,
}
