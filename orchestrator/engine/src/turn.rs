//! The turn of an event: the rows that it may touch, the time, and the decision so far.

use warrener_shared::id::{JobNo, TaskNo};
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Timestamp;

use crate::effect::Effect;
use crate::event::Event;
use crate::row::{JobRow, Map, TaskRow};
use crate::slice::{JobEntry, Slice, TaskOf};

/// Decision of a rule, apart from the rows that it changed in the slice.
#[must_use]
#[derive(Clone, Debug, Default)]
pub struct Decision {
    /// Effects to be done once the batch is committed.
    pub effects: Vec<Effect>,
    /// Events to be decided next, in the same batch.
    pub follow: Vec<Event>,
}

/// The decision of one event in the making.
///
/// A rule changes the rows that its event is about, and says everything else by [`Turn::follow`].
///
/// # Panics
/// Every view of a row panics if the row is not loaded: then [`crate::missing`] forgot it.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// The rows.
    pub(crate) slice: &'a mut Slice,
    /// The time of the batch.
    pub(crate) now: Timestamp,
    out: Decision,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(slice: &'a mut Slice, now: Timestamp) -> Self {
        Self { slice, now, out: Decision::default() }
    }

    /// Gives what was decided.
    pub(crate) fn decision(self) -> Decision {
        self.out
    }

    /// Has something done once the batch is committed.
    pub(crate) fn effect(&mut self, effect: Effect) {
        self.out.effects.push(effect);
    }

    /// Has something decided next, in the same batch.
    pub(crate) fn follow(&mut self, event: Event) {
        self.out.follow.push(event);
    }

    /// Has a mapped task looked at once after all of its items that end in this turn, the latest of them last.
    pub(crate) fn follow_item(&mut self, mapped: TaskNo, item: TaskNo) {
        for event in self.out.follow.iter_mut().rev() {
            if let Event::ItemEnded(of, last) = event
                && *of == mapped
            {
                *last = item;
                return;
            }
        }
        self.follow(Event::ItemEnded(mapped, item));
    }

    /// Keeps only these of the events that an act has decided next.
    pub(crate) fn keep_follow(&mut self, act: impl FnOnce(&mut Self), keep: impl Fn(&Event) -> bool) {
        let before = std::mem::take(&mut self.out.follow);
        act(self);
        let said = std::mem::replace(&mut self.out.follow, before);
        self.out.follow.extend(said.into_iter().filter(keep));
    }
}

/// Looking at what is loaded.
impl Turn<'_> {
    /// The job.
    pub(crate) fn job(&self, no: JobNo) -> &JobEntry {
        self.slice.loaded_job(no)
    }

    /// The job of a task or item.
    pub(crate) fn job_of(&self, no: TaskNo) -> &JobEntry {
        self.job(self.task(no).job)
    }

    /// The task or item.
    pub(crate) fn task(&self, no: TaskNo) -> &TaskRow {
        self.slice.loaded_task(no)
    }

    /// The task, or the mapped task of an item, as it was submitted.
    pub(crate) fn spec(&self, no: TaskNo) -> TaskOf {
        self.slice.spec_of(no)
    }

    /// The items of a mapped task.
    pub(crate) fn map(&self, mapped: TaskNo) -> Map {
        self.slice.map_of(mapped)
    }
}

/// Changing what is loaded.
impl Turn<'_> {
    /// The job for changing.
    pub(crate) fn job_mut(&mut self, no: JobNo) -> &mut JobRow {
        self.slice.job_mut(no)
    }

    /// The task or item for changing.
    pub(crate) fn task_mut(&mut self, no: TaskNo) -> &mut TaskRow {
        self.slice.task_mut(no)
    }

    /// Moves a task to a state, keeps the counts and records the event.
    pub(crate) fn enter(&mut self, no: TaskNo, to: TaskState) {
        self.slice.enter(no, to, self.now);
    }

    /// Moves a job to a state and records the event.
    pub(crate) fn enter_job(&mut self, no: JobNo, to: JobState) {
        self.slice.enter_job(no, to, self.now);
    }
}
