//! The open attempts: whether they are published, whether they started, whether their workers are silent.
//!
//! There are as many as the windows allow. What is not known to be with the broker is published again.

mod republish;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use warrener_engine::event::DeathReason;
use warrener_engine::row::TaskRow;
use warrener_shared::id::{TaskNo, Ticket};
use warrener_shared::mutant::{self, Mutant};
use warrener_shared::time::Millis;

use crate::store::DispatchNo;

/// Time that a publish may take before it is tried again; longer than the publisher's own limit.
const REPUBLISH_AFTER: Duration = Duration::from_secs(45);
/// Wait before a task that fell out of its queue is published again: with a policy that drops everything a shorter time
/// would be a hot loop.
const SEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Time that a worker may take to name its attempts: a heartbeat, and what a new session needs.
const NAMING: Duration = Duration::from_secs(7);

/// An open attempt.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) ticket: Ticket,
    pub(super) queue: i64,
    pub(super) published: Published,
    pub(super) started: bool,
    pub(super) claimed: bool,
    /// Set once our own session with the broker ended since it was dispatched.
    pub(super) interrupted: bool,
    pub(super) worker: Option<Arc<str>>,
    /// Set once a heartbeat of that worker named it.
    pub(super) named: bool,
    /// Longest silence, from the first sign of life on.
    silence: Option<Duration>,
    seen: Option<Duration>,
    /// Latest moment at which a worker said something about it; nothing renews it.
    heard: Option<Duration>,
    /// Set once its log says that some of its progress can't be used.
    told_unusable: bool,
    /// Bytes on their way to the broker.
    pub(super) bytes: usize,
}

/// Knowledge about the broker's having the message of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// The broker confirmed the message.
    Yes,
    /// The message was sent at this time.
    Sent(Duration),
    /// The message is to be sent.
    No,
    /// The message fell out of its queue at this time, and is to be sent again.
    Lost(Duration),
}

/// All open attempts, in the order of their dispatch.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    open: BTreeMap<i64, Open>,
    by_task: HashMap<TaskNo, i64>,
    /// Every open dispatch below this number is with the broker, so that nobody looks there again.
    settled_below: i64,
    /// Queues that lost messages of waiting tasks, and why: each is said once.
    losses: BTreeSet<(i64, DeathReason)>,
    /// Moment at which reports were lost with their queue, and the latest dispatch that one may have been about.
    lost_reports: Option<(Duration, i64)>,
    /// Bytes on their way to the broker.
    bytes: usize,
    /// Every dispatch below this number was published, as the rows have it.
    kept_below: DispatchNo,
}

impl Delivery {
    pub(super) fn from_rows(rows: &[TaskRow], published_below: DispatchNo, now: Duration) -> Self {
        let mut watch = Self { kept_below: published_below, ..Self::default() };
        for row in rows {
            let Some(no) = row.dispatch_no else { continue };
            watch.insert(no, row.ticket(), row.queue, None);
            let open = watch.open.get_mut(&no).expect("just inserted");
            let is_published = no < published_below.0 || mutant::is(Mutant::RestartTrusts);
            open.published = if is_published { Published::Yes } else { Published::No };
            open.started = row.started_at.is_some();
            open.worker.clone_from(&row.worker);
            open.claimed = row.lease.is_some();
            open.interrupted = true;
            open.silence = row.lease.map(Millis::to_std);
            // After a start of the orchestrator leases start anew.
            open.seen = open.started.then_some(now);
        }
        watch
    }

    /// The task itself says how long its worker may be silent.
    pub(super) fn bear(&mut self, ticket: &Ticket, silence: Option<Millis>) {
        if let (Some(open), Some(silence)) = (self.get_mut(ticket), silence) {
            open.silence = Some(silence.to_std());
        }
    }

    pub(super) fn insert(&mut self, no: i64, ticket: Ticket, queue: i64, silence: Option<Duration>) {
        let open = Open {
            ticket,
            queue,
            published: Published::No,
            started: false,
            claimed: false,
            interrupted: false,
            worker: None,
            named: false,
            silence,
            seen: None,
            heard: None,
            told_unusable: false,
            bytes: 0,
        };
        self.settled_below = self.settled_below.min(no);
        self.open.insert(no, open);
        self.by_task.insert(ticket.task, no);
    }

    pub(super) fn remove(&mut self, ticket: &Ticket) {
        let Some(no) = self.by_task.get(&ticket.task).copied() else { return };
        if self.open.get(&no).is_some_and(|open| open.ticket == *ticket) {
            self.by_task.remove(&ticket.task);
            let open = self.open.remove(&no).expect("just seen");
            self.bytes -= open.bytes;
        }
    }

    /// Bytes on their way to the broker.
    pub(super) const fn bytes_underway(&self) -> usize {
        self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn get(&self, ticket: &Ticket) -> Option<&Open> {
        self.by_task.get(&ticket.task).and_then(|no| self.open.get(no)).filter(|open| open.ticket == *ticket)
    }

    /// Tells whether this is the first progress of an open attempt that can't be used.
    pub(super) fn first_unusable(&mut self, ticket: &Ticket) -> bool {
        self.get_mut(ticket).is_some_and(|open| !std::mem::replace(&mut open.told_unusable, true))
    }

    fn get_mut(&mut self, ticket: &Ticket) -> Option<&mut Open> {
        let no = self.by_task.get(&ticket.task)?;
        self.open.get_mut(no).filter(|open| open.ticket == *ticket)
    }

    /// The attempt is on its way to the broker.
    pub(super) fn sent(&mut self, no: i64, bytes: usize, now: Duration) {
        if let Some(open) = self.open.get_mut(&no) {
            self.bytes = self.bytes - open.bytes + bytes;
            open.bytes = bytes;
            open.published = Published::Sent(now);
        }
    }

    /// The broker has the attempt, or may not have it.
    pub(super) fn confirmed(&mut self, no: i64, yes: bool) {
        if let Some(open) = self.open.get_mut(&no) {
            self.bytes -= std::mem::take(&mut open.bytes);
            // A confirm that was on its way when the queue was lost says nothing of what is there now.
            // Nor does one of a message that has already fallen out of its queue.
            if let Published::Sent(_) | Published::Yes = open.published {
                open.published = if yes { Published::Yes } else { Published::No };
            }
        }
        if !yes {
            self.settled_below = self.settled_below.min(no);
        }
    }

    /// The broker lost its data: all but claimed attempts are to be published again. Gives the number below which all
    /// are published.
    pub(super) fn wiped(&mut self) -> DispatchNo {
        self.settled_below = 0;
        for open in self.open.values_mut().filter(|open| !open.claimed && !mutant::is(Mutant::WipedKeeps)) {
            open.published = Published::No;
        }
        self.kept_below = DispatchNo(0);
        self.kept_below
    }

    /// The queue at the broker lost what it held. Gives the first dispatch that is to be published again.
    pub(super) fn lane_lost(&mut self, queue: i64) -> Option<i64> {
        self.settled_below = 0;
        let lost = |open: &Open| open.queue == queue && !open.claimed && !mutant::is(Mutant::LosesLane);
        let mut first = None;
        for (no, open) in self.open.iter_mut().filter(|(_, open)| lost(open)) {
            open.published = Published::No;
            first = first.or(Some(*no));
        }
        first
    }

    /// Notes that the queue of reports is gone with its messages.
    pub(super) fn reports_lost(&mut self, now: Duration) {
        self.lost_reports = self.open.last_key_value().map(|(last, _)| (now, *last));
    }

    /// Attempts that may have ended unheard are to be published again: they left their queues, and since reports were
    /// lost no worker has named them, for as long as it may take one. Gives the first of their dispatches.
    pub(super) fn ended_unheard(&mut self, now: Duration) -> Option<i64> {
        let (lost, last) = self.lost_reports.filter(|(lost, _)| now.saturating_sub(*lost) >= NAMING)?;
        self.lost_reports = None;
        let is_unheard = |open: &Open| open.started && !open.claimed && open.heard.is_none_or(|heard| heard <= lost);
        let mut first = None;
        for (no, open) in self.open.range_mut(..=last).filter(|(_, open)| is_unheard(open)) {
            open.published = Published::No;
            first = first.or(Some(*no));
        }
        self.settled_below = first.map_or(self.settled_below, |first| first.min(self.settled_below));
        first
    }

    /// The message of the attempt found no queue. Gives its dispatch, which is to be published again.
    pub(super) fn unrouted(&mut self, ticket: &Ticket) -> Option<i64> {
        self.settled_below = 0;
        self.get_mut(ticket)?.published = Published::No;
        self.by_task.get(&ticket.task).copied()
    }

    /// Tells whether the queue had lost no message for this reason before.
    pub(super) fn is_first_loss(&mut self, queue: i64, reason: DeathReason) -> bool {
        self.losses.insert((queue, reason))
    }

    /// The message of the attempt fell out of its queue. Gives its dispatch, which is to be published again a moment
    /// later; none if it is claimed, since then it was another copy.
    pub(super) fn fell_out(&mut self, ticket: &Ticket, now: Duration) -> Option<i64> {
        let open = self.get_mut(ticket).filter(|open| !open.claimed)?;
        open.published = Published::Lost(now);
        if open.worker.is_none() {
            // It was taken for a start that the message had left its queue.
            open.started = false;
            open.seen = None;
        }
        self.settled_below = 0;
        self.by_task.get(&ticket.task).copied()
    }

    /// The session ended: what was on its way may not have arrived; silences start anew.
    pub(super) fn reconnected(&mut self, now: Duration) {
        self.settled_below = 0;
        if let Some((lost, _)) = &mut self.lost_reports {
            // Meanwhile nobody could be heard.
            *lost = now;
        }
        for open in self.open.values_mut() {
            open.interrupted = true;
            if matches!(open.published, Published::Sent(_)) {
                open.published = Published::No;
                self.bytes -= std::mem::take(&mut open.bytes);
            }
        }
        self.hear_anew(now);
    }

    /// Nobody could be heard for a while: silences start anew.
    pub(super) fn hear_anew(&mut self, now: Duration) {
        self.open.values_mut().filter(|open| open.seen.is_some()).for_each(|open| open.seen = Some(now));
    }

    /// Tells whether an attempt of the task is open at a worker.
    pub(super) fn is_open(&self, task: TaskNo) -> bool {
        self.by_task.contains_key(&task)
    }

    /// Attempts that are to be published again, oldest first.
    pub(super) fn unpublished(&self, most: usize, now: Duration) -> Vec<Ticket> {
        let overdue = |open: &&Open| match open.published {
            Published::Yes => false,
            Published::No => true,
            Published::Lost(at) => now.saturating_sub(at) >= SEND_AGAIN_AFTER,
            Published::Sent(at) => now.saturating_sub(at) > REPUBLISH_AFTER,
        };
        self.open
            .range(self.settled_below..)
            .map(|(_, open)| open)
            .filter(overdue)
            .take(most)
            .map(|open| open.ticket)
            .collect()
    }

    /// Tells whether more is published than the rows say; `next` is the number of the next dispatch.
    pub(super) fn is_ahead(&mut self, next: DispatchNo) -> bool {
        self.published_below(next) > self.kept_below
    }

    /// The number below which all is published now, if the rows are to say so with the next commit.
    pub(super) fn advance(&mut self, next: DispatchNo) -> Option<DispatchNo> {
        let below = self.published_below(next);
        (below > self.kept_below).then(|| {
            self.kept_below = below;
            below
        })
    }

    /// Notes that a dispatch is to be published again, after a crash too. Gives the number that the rows are to say, if
    /// they say more.
    pub(super) fn fall_back(&mut self, first: i64) -> Option<DispatchNo> {
        let below = DispatchNo(first);
        (below < self.kept_below).then(|| {
            self.kept_below = below;
            below
        })
    }

    /// Every dispatch below this number is with the broker or closed; `next` if all are.
    fn published_below(&mut self, next: DispatchNo) -> DispatchNo {
        let mut above = self.open.range(self.settled_below..);
        let first = above.find(|(_, open)| open.published != Published::Yes).map_or(next.0, |(no, _)| *no);
        self.settled_below = first;
        DispatchNo(first)
    }

    /// The highest confirmed dispatch of each queue that has attempts nobody was seen at.
    pub(super) fn unstarted(&self) -> BTreeMap<i64, i64> {
        let mut queues = BTreeMap::new();
        let waiting = |open: &&Open| !open.started && open.published == Published::Yes;
        for (no, open) in self.open.iter().filter(|(_, open)| waiting(open)) {
            queues.insert(open.queue, *no);
        }
        queues
    }

    /// Attempts of a queue whose messages must have left it: no more messages are ready than were dispatched
    /// after them.
    pub(super) fn must_have_left(&self, queue: i64, ready: u32, upto: i64) -> Vec<Ticket> {
        let of_queue = |open: &&Open| open.queue == queue && open.published == Published::Yes;
        let dispatched = self.open.range(..=upto).rev().map(|(_, open)| open).filter(of_queue);
        // A started attempt's message has left the queue unless its worker died, so only the others can be the
        // ones that are ready.
        dispatched.filter(|open| !open.started).skip(ready as usize).map(|open| open.ticket).collect()
    }

    /// A worker was seen at the attempt. Tells whether that is news.
    pub(super) fn seen(&mut self, ticket: &Ticket, worker: Option<&Arc<str>>, now: Duration) -> bool {
        let Some(open) = self.get_mut(ticket) else { return false };
        open.seen = Some(now);
        open.heard = Some(now);
        let news = !open.started || (worker.is_some() && open.worker.as_ref() != worker);
        open.started = true;
        if let Some(worker) = worker.filter(|worker| open.worker.as_ref() != Some(worker)) {
            open.worker = Some(worker.clone());
            open.named = false;
        }
        news
    }

    /// The same by a heartbeat, which names all that its worker works on.
    pub(super) fn named(&mut self, ticket: &Ticket, worker: &Arc<str>, now: Duration) -> bool {
        let news = self.seen(ticket, Some(worker), now);
        if let Some(open) = self.get_mut(ticket) {
            open.named = true;
        }
        news
    }

    /// The message left the queue: the attempt started, but nobody was seen.
    pub(super) fn started(&mut self, ticket: &Ticket) {
        if let Some(open) = self.get_mut(ticket) {
            open.started = true;
        }
    }

    /// The worker goes on under a lease, unless the task itself says how long it may be silent.
    pub(super) fn claimed(&mut self, ticket: &Ticket, lease: Duration, now: Duration) {
        if let Some(open) = self.get_mut(ticket) {
            open.claimed = true;
            open.silence = open.silence.or(Some(lease));
            open.seen = Some(now);
        }
    }

    /// Attempts whose workers were silent for too long at a time up to which everything was heard.
    pub(super) fn silent(&self, upto: Duration) -> Vec<Ticket> {
        let is_silent = |open: &&Open| match (open.silence, open.seen) {
            (Some(limit), Some(seen)) if !mutant::is(Mutant::NoSilence) => upto.saturating_sub(seen) > limit,
            _ => false,
        };
        self.open.values().filter(is_silent).map(|open| open.ticket).collect()
    }
}
