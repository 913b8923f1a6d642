//! Facts that rows tell their readers, be it an event, a page or an expression.

use warrener_shared::error::{ErrorObject, code};
use warrener_shared::id::TaskNo;
use warrener_shared::job::Until;
use warrener_shared::state::{Outcome, TaskState};

use super::{JobRow, Json, Map, TaskRow};

impl JobRow {
    /// Tells whether the job holds its unique key, which it was given until then.
    pub fn holds_key(&self, until: Until) -> bool {
        !self.state.is_final() && (until == Until::Finished || !self.begun)
    }
}

impl TaskRow {
    /// The error that belongs to the state. A success has none, nor an attempt that is offered or at work, whatever
    /// the one before left.
    pub fn shown_error(&self) -> Option<&Json> {
        let is_over = !matches!(self.state, TaskState::Succeeded | TaskState::Ready | TaskState::Dispatched);
        self.error.as_ref().filter(|_| is_over)
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
