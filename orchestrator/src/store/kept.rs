//! Answers that are kept for tasks which begin to wait later.

use warrener_engine::row::Json;
use warrener_shared::id::TaskNo;
use warrener_shared::time::Timestamp;

/// Answer that is kept, by what its finding depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Number of the answer. A later one has a higher number.
    pub no: i64,
    /// Event and key, as the column `waits_for` has them.
    pub event: String,
    /// Time until which it is given to tasks that begin to wait.
    pub until: Timestamp,
}

/// Changes of the answers that are kept.
#[derive(Debug, Default)]
pub struct KeptChanges {
    /// Answers to be kept from now on, each with its payload.
    pub new: Vec<(KeptAnswer, Json)>,
    /// Tasks that were given an answer, by the number of the answer. None is given the same one again.
    pub given: Vec<(TaskNo, i64)>,
    /// Numbers of answers that are kept no longer.
    pub gone: Vec<i64>,
}

impl KeptChanges {
    /// Tells whether nothing changes.
    pub const fn is_empty(&self) -> bool {
        self.new.is_empty() && self.given.is_empty() && self.gone.is_empty()
    }
}
