//! Dead letters as they are read.

use warrener_shared::time::Timestamp;

/// A dead letter as lists show it, without its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadHead {
    /// Number of the dead letter. Later ones have higher numbers.
    pub no: i64,
    /// Place where it was found: `submit`, `task`, `result`, `unrouted`, `delayed` or `answer`.
    pub from: String,
    /// Stable word of the reason, for programs.
    pub code: String,
    /// Description of the reason for people, in a sentence.
    pub message: String,
    /// Id of the job, if it is known.
    pub job: Option<String>,
    /// Address of the task, if it is known.
    pub task: Option<String>,
    /// Time at which it was found.
    pub received_at: Timestamp,
    /// Number of bytes of the whole body.
    pub size: u64,
}

/// A dead letter with its contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRow {
    /// Facts that lists show of it.
    pub head: DeadHead,
    /// Bytes of the body that were kept.
    pub body: Vec<u8>,
    /// Properties and headers as a JSON object.
    pub headers: String,
    /// Further facts as JSON; `None` if there are none.
    pub evidence: Option<String>,
}
