//! One batch: the working set, what is to be committed, and what is to be done afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use warrener_engine::{Effect, Slice};
use warrener_shared::id::{JobId, JobNo, Ticket};
use warrener_shared::time::Timestamp;

use super::held::PendingStop;
use super::input::Answer;
use crate::store::{Commit, Found};

/// See the module.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) slice: Slice,
    pub(super) now: Timestamp,
    pub(super) commit: Commit,
    pub(super) effects: Vec<Effect>,
    /// Attempts that are being stopped from its commit on.
    pub(super) stops: Vec<(Ticket, PendingStop)>,
    /// Attempts opened less attempts closed, by queue.
    pub(super) opened: BTreeMap<i64, i64>,
    /// Built-in attempts that began in it.
    pub(super) begun: usize,
    /// Bytes of the messages that this batch publishes.
    pub(super) bytes: usize,
    /// Jobs that are known by their ids: those that this batch adds too.
    pub(super) ids: BTreeMap<JobId, Found>,
    /// Ids that were looked for and not found.
    pub(super) new_ids: BTreeSet<JobId>,
    /// By position of the input.
    pub(super) answers: Vec<(usize, Answer)>,
    pub(super) after: After,
    pub(super) must_commit: bool,
}

/// What is to be done after the commit, apart from the effects of the rules.
#[derive(Debug, Default)]
pub(super) struct After {
    pub(super) stop: Vec<(Ticket, Option<Arc<str>>)>,
    pub(super) reply: Vec<JobNo>,
    pub(super) reply_all: bool,
    /// Jobs to remove, with the position of the input that asks for it.
    pub(super) remove: Vec<(usize, JobNo)>,
}

impl Batch {
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
            must_commit: false,
        }
    }

    pub(super) fn take(&mut self, effect: Effect) {
        match &effect {
            Effect::Opened { queue, .. } => *self.opened.entry(*queue).or_default() += 1,
            Effect::Closed { queue, .. } => *self.opened.entry(*queue).or_default() -= 1,
            Effect::Publish { dispatch, .. } => self.bytes += dispatch.input.len(),
            _ => {}
        }
        self.effects.push(effect);
    }

    /// Attempts that were opened and closed again in this very batch: nobody needs to hear of them.
    pub(super) fn stillborn(&self) -> BTreeSet<Ticket> {
        let closed = |effect: &Effect| if let Effect::Closed { ticket, .. } = effect { Some(*ticket) } else { None };
        let closed: BTreeSet<Ticket> = self.effects.iter().filter_map(closed).collect();
        let opened = |effect: &Effect| if let Effect::Opened { ticket, .. } = effect { Some(*ticket) } else { None };
        self.effects.iter().filter_map(opened).filter(|ticket| closed.contains(ticket)).collect()
    }
}
