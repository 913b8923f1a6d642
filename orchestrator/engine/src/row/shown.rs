//! Facts that rows tell their readers, be it an event, a page or an expression.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::job::{AllowFailure, RunOn, TaskSpec, Until};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::state::{Outcome, TaskState};
use warrener_shared::time::Timestamp;

use super::{JobRow, Json, Map, Skip, TaskRow};

impl JobRow {
    /// Tells whether the job holds its unique key now, which it was given until then.
    pub fn holds_key(&self, until: Until, now: Timestamp) -> bool {
        match until {
            Until::Started => !self.state.is_final() && !self.begun,
            Until::Finished => !self.state.is_final(),
            Until::For(span) => now < self.created_at + span,
        }
    }
}

impl TaskRow {
    /// The error that belongs to the state. A success has none, nor an attempt that is offered or at work, whatever
    /// the one before left.
    pub fn shown_error(&self) -> Option<&Json> {
        let is_over = !matches!(self.state, TaskState::Succeeded | TaskState::Ready | TaskState::Dispatched);
        self.error.as_ref().filter(|_| is_over)
    }

    /// Tells if the failure of the task is one that is allowed.
    pub fn is_allowed(&self, allowed: &AllowFailure) -> bool {
        match allowed {
            AllowFailure::None => false,
            AllowFailure::All => true,
            AllowFailure::Codes(_) => {
                let error = self.error.as_deref().and_then(ErrorObject::from_json);
                error.is_some_and(|error| allowed.covers(&error.code) || mutant::is(Mutant::AllowsAnyCode))
            }
        }
    }

    /// Judges `run_on` by how the needs of the task ended.
    ///
    /// # Errors
    /// [`Skip::Upstream`] because of a need that failed, [`Skip::Rule`] because of its `run_on`.
    pub fn judge_needs(&self, spec: &TaskSpec) -> Result<(), Skip> {
        let failed = self.needs_failed > 0;
        match spec.run_on {
            RunOn::Done => Ok(()),
            RunOn::Failure if failed || mutant::is(Mutant::RunOnFailure) => Ok(()),
            RunOn::Failure => Err(Skip::Rule),
            RunOn::Success | RunOn::UnlessFailed if failed => Err(Skip::Upstream),
            RunOn::UnlessFailed if !mutant::is(Mutant::UnlessFailedIsSuccess) => Ok(()),
            RunOn::Success | RunOn::UnlessFailed if spec.needs.is_empty() || self.needs_ok > 0 => Ok(()),
            RunOn::Success | RunOn::UnlessFailed => Err(Skip::Rule),
        }
    }

    /// Outcome of the latest attempt, told from the state of the task; `None` while the task is not final.
    pub fn latest_outcome(&self) -> Option<Outcome> {
        let code_is = |word: &str| {
            let error = self.error.as_deref().and_then(ErrorObject::from_json);
            error.is_some_and(|error| error.code == word)
        };
        match self.state {
            TaskState::Succeeded => Some(Outcome::Succeeded),
            TaskState::Failed if code_is(code::LOST) => Some(Outcome::Lost),
            TaskState::Failed => Some(Outcome::Failed),
            TaskState::TimedOut => Some(Outcome::TimedOut),
            TaskState::Cancelled | TaskState::Skipped => Some(Outcome::Cancelled),
            _ => None,
        }
    }

    /// An item of this mapped task as it would be if it had a row; `None` if there is no such item.
    pub fn counted_item(&self, index: u32, max_parallel: Option<u32>) -> Option<Self> {
        let map = self.map.filter(|map| index < map.total)?;
        let mut row = Self::new(map.item_no(index), self.job, self.position, self.queue, 0);
        row.index = Some(index);
        row.state = self.counted_state(index, max_parallel);
        row.parked = self.parked.filter(|_| row.state == TaskState::Ready);
        row.line = self.line.clone().filter(|_| row.parked.is_some());
        row.ready_at = self.ready_at.filter(|_| row.state == TaskState::Ready && max_parallel.is_none());
        row.finished_at = self.finished_at.filter(|_| row.state.is_final());
        Some(row)
    }

    /// The state of an item of this mapped task that has no row yet. Those that never got one were cancelled with it.
    pub fn counted_state(&self, index: u32, max_parallel: Option<u32>) -> TaskState {
        let (Some(map), false) = (self.map, self.state.is_final()) else { return TaskState::Cancelled };
        let may_go = map.next + map.available(max_parallel);
        if index < may_go { TaskState::Ready } else { TaskState::Waiting }
    }
}

impl Map {
    /// The number of the item at this index.
    pub fn item_no(&self, index: u32) -> TaskNo {
        TaskNo(self.first_item.0 + i64::from(index))
    }
}
