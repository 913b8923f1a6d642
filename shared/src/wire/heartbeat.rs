//! Heartbeats: facts that a worker tells about itself every five seconds.

use serde::{Deserialize, Serialize};

/// A heartbeat: transient, one message per worker process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Random id of the process, new at each start.
    pub worker: String,
    /// Version of the worker.
    #[serde(default)]
    pub version: String,
    /// Queues that it serves, in order of preference.
    #[serde(default)]
    pub queues: Vec<String>,
    /// Kinds that it knows.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// Attempts that it can work on at once.
    #[serde(default)]
    pub slots: u32,
    /// Tickets of the attempts that it works on now.
    #[serde(default)]
    pub tickets: Vec<String>,
    /// True if the worker takes no more tasks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub draining: bool,
    /// The reason why the broker refuses its reports, in words for people. Absent while they are taken. A worker takes
    /// no tasks meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}
