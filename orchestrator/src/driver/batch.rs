//! Batches: the working set of one, its commit, and its acts after the commit.
//!
//! A batch lives from its first input to its commit. One that fails is dropped whole: nothing of it was done in the
//! world, so its inputs can be handled again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use warrener_engine::event::SendAttempt;
use warrener_engine::schedule::ScheduleState;
use warrener_engine::{Effect, Slice};
use warrener_shared::id::{JobId, JobNo, Ticket};
use warrener_shared::time::Timestamp;
use warrener_shared::wire::Parcel;

use super::held::PendingStop;
use super::input::Answer;
use crate::store::{Commit, Found};

/// Working set of a batch, and everything that collects in it until the commit.
#[derive(Debug)]
pub(super) struct Batch {
    /// Rows that the events touch, with their uncommitted changes.
    pub(super) slice: Slice,
    /// Time of day of the whole batch: all its rows carry the same.
    pub(super) now: Timestamp,
    /// Everything to be written in one transaction.
    pub(super) commit: Commit,
    /// Effects of the rules, in order, to be carried out after the commit.
    pub(super) effects: Vec<Effect>,
    /// Attempts that this batch closes and whose workers are asked to stop.
    pub(super) stops: Vec<(Ticket, PendingStop)>,
    /// Attempts opened less attempts closed in this batch, by the number of the queue.
    pub(super) opened: BTreeMap<i64, i64>,
    /// Built-in attempts that began in this batch.
    pub(super) begun: usize,
    /// Bytes of the inputs that this batch publishes.
    pub(super) bytes: usize,
    /// Jobs by their ids: those that were looked for and found, and those that this batch adds.
    pub(super) ids: BTreeMap<JobId, Found>,
    /// Ids that were looked for and not found.
    pub(super) new_ids: BTreeSet<JobId>,
    /// Answers to inputs, each with the position of its input in the batch.
    pub(super) answers: Vec<(usize, Answer)>,
    /// Acts after the commit that no rule asked for.
    pub(super) after: After,
    /// Schedules that it touches; `None` for those that it removes.
    pub(super) schedules: BTreeMap<i64, Option<ScheduleState>>,
    /// True if the batch is to be committed although no row changed, since a counter or a mark has to be kept.
    pub(super) must_commit: bool,
}

/// Acts after the commit, apart from the effects of the rules.
#[derive(Debug, Default)]
pub(super) struct After {
    /// Attempts to be stopped, each with its worker; `None` tells all workers.
    pub(super) stop: Vec<(Ticket, Option<Arc<str>>)>,
    /// Jobs, or numbers of refusals, whose owed answers are to be looked for.
    pub(super) reply: Vec<JobNo>,
    /// True if all answers that are owed, and all unpublished attempts, are to be looked for: a session began.
    pub(super) reply_all: bool,
    /// True if limits were made, changed or removed.
    pub(super) limits: bool,
    /// Messages of tasks to publish.
    pub(super) send: Vec<(SendAttempt, Box<Parcel>)>,
    /// Dead letters to publish again, by number.
    pub(super) replay: Vec<(i64, Box<Parcel>)>,
    /// Jobs to remove, each with the position of the input that asks for it.
    pub(super) remove: Vec<(usize, JobNo)>,
}

impl Batch {
    /// An empty batch over this slice.
    pub(super) fn new(slice: Slice, now: Timestamp) -> Self {
        Self {
            slice,
            now,
            commit: Commit::default(),
            effects: Vec::new(),
            stops: Vec::new(),
            opened: BTreeMap::new(),
            begun: 0,
            bytes: 0,
            ids: BTreeMap::new(),
            new_ids: BTreeSet::new(),
            answers: Vec::new(),
            after: After::default(),
            schedules: BTreeMap::new(),
            must_commit: false,
        }
    }

    /// Collects an effect, and counts what it does to the windows.
    pub(super) fn take(&mut self, effect: Effect) {
        match &effect {
            Effect::Opened { queue, .. } => *self.opened.entry(*queue).or_default() += 1,
            Effect::Closed { queue, .. } => *self.opened.entry(*queue).or_default() -= 1,
            Effect::Publish { dispatch, .. } => self.bytes += dispatch.input.len(),
            Effect::Send(_, parcel) => self.bytes += parcel.message.body.len(),
            _ => {}
        }
        self.effects.push(effect);
    }

    /// Attempts that were opened and closed again in this very batch. Nobody needs to hear of them: they are neither
    /// published nor stopped.
    pub(super) fn stillborn(&self) -> BTreeSet<Ticket> {
        let closed = |effect: &Effect| if let Effect::Closed { ticket, .. } = effect { Some(*ticket) } else { None };
        let closed: BTreeSet<Ticket> = self.effects.iter().filter_map(closed).collect();
        let opened = |effect: &Effect| if let Effect::Opened { ticket, .. } = effect { Some(*ticket) } else { None };
        self.effects.iter().filter_map(opened).filter(|ticket| closed.contains(ticket)).collect()
    }
}
