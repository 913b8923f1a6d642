//! The open attempts: whether they are published, whether they started, whether their workers are silent.
//!
//! There are as many as the windows allow. What is not known to be with the broker is published again. All times are on
//! the monotonic clock, and all of it is made anew from the rows by `recollect`, silences from the start on.

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

/// Time that a publish may take before it is tried again. Longer than the publisher's own limit, so that its answer
/// comes first.
const REPUBLISH_AFTER: Duration = Duration::from_secs(45);
/// Wait before a task that fell out of its queue is published again. With a policy that drops everything a shorter time
/// would be a hot loop.
const SEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Time within which a live worker names its attempts: one heartbeat, and what a new session needs.
const NAMING: Duration = Duration::from_secs(7);

/// An open attempt, as far as its message and its worker go. Its row is the truth of everything else.
#[derive(Debug)]
pub(super) struct Open {
    /// Ticket of the attempt. Reports with another ticket are not about it.
    pub(super) ticket: Ticket,
    /// Number of the queue that it was dispatched to.
    pub(super) queue: i64,
    /// Knowledge about the broker's having its message.
    pub(super) published: Published,
    /// True once a worker was seen at it, or its message must have left the queue.
    pub(super) started: bool,
    /// True once a worker claimed it: it works under a lease, and has acknowledged the message.
    pub(super) claimed: bool,
    /// True once the orchestrator's own session with the broker ended since the dispatch. Its message may then be there
    /// twice, so that a second worker at it accuses nobody.
    pub(super) interrupted: bool,
    /// Id of the worker that was seen at it last; `None` as long as none was.
    pub(super) worker: Option<Arc<str>>,
    /// True once a heartbeat of that worker named it.
    pub(super) named: bool,
    /// Longest silence of its worker, from the first sign of life on; `None` if silence ends nothing.
    silence: Option<Duration>,
    /// Time of the latest sign of life, or from which silence is counted anew; `None` before the first.
    seen: Option<Duration>,
    /// Time at which a worker last said something about it. Unlike `seen`, no reconnect renews it.
    heard: Option<Duration>,
    /// True once its log says that some of its progress can't be used.
    told_unusable: bool,
    /// Bytes of its message on the way to the broker; 0 once that is confirmed, or not sent.
    pub(super) bytes: usize,
}

/// Knowledge about the broker's having the message of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// The broker confirmed the message.
    Yes,
    /// The message was sent at this time, and is not confirmed.
    Sent(Duration),
    /// The message is to be sent.
    No,
    /// The message fell out of its queue at this time, and is to be sent again after [`SEND_AGAIN_AFTER`].
    Lost(Duration),
}

/// All open attempts, in the order of their dispatch. An attempt is in it from the commit that opens it to the one that
/// closes it.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    /// Open attempts by their dispatch numbers.
    open: BTreeMap<i64, Open>,
    /// Dispatch number of the open attempt of each task or item. No task has two.
    by_task: HashMap<TaskNo, i64>,
    /// Number below which every open dispatch is with the broker. Nobody looks there again until it is set back.
    settled_below: i64,
    /// Queues that lost messages of waiting tasks, with the reason. The log says each pair once.
    losses: BTreeSet<(i64, DeathReason)>,
    /// Time at which reports were lost with their queue, and the latest dispatch that one may have been about; `None`
    /// if none were, or it is made good.
    lost_reports: Option<(Duration, i64)>,
    /// Bytes of all messages on their way to the broker.
    bytes: usize,
    /// Number below which every dispatch was published, as the rows say. A start publishes again from there on.
    kept_below: DispatchNo,
}

impl Delivery {
    /// The open attempts as the rows have them. Those below `published_below` count as published, the others are
    /// published again. Silences of started ones begin at `now`.
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

    /// Takes over the longest silence that the task itself allows its worker; `None` changes nothing.
    pub(super) fn bear(&mut self, ticket: &Ticket, silence: Option<Millis>) {
        if let (Some(open), Some(silence)) = (self.get_mut(ticket), silence) {
            open.silence = Some(silence.to_std());
        }
    }

    /// Adds an attempt that was opened and is not published yet.
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

    /// Takes an attempt out that was closed. Does nothing if the task has another open attempt, or none.
    pub(super) fn remove(&mut self, ticket: &Ticket) {
        let Some(no) = self.by_task.get(&ticket.task).copied() else { return };
        if self.open.get(&no).is_some_and(|open| open.ticket == *ticket) {
            self.by_task.remove(&ticket.task);
            let open = self.open.remove(&no).expect("just seen");
            self.bytes -= open.bytes;
        }
    }

    /// Bytes of messages on their way to the broker, which bounds what is dispatched.
    pub(super) const fn bytes_underway(&self) -> usize {
        self.bytes
    }

    /// Number of open attempts.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// The open attempt with this ticket; `None` for any other ticket.
    pub(super) fn get(&self, ticket: &Ticket) -> Option<&Open> {
        self.by_task.get(&ticket.task).and_then(|no| self.open.get(no)).filter(|open| open.ticket == *ticket)
    }

    /// Tells whether this is the first unusable progress of an open attempt, and notes it. The log complains once.
    pub(super) fn first_unusable(&mut self, ticket: &Ticket) -> bool {
        self.get_mut(ticket).is_some_and(|open| !std::mem::replace(&mut open.told_unusable, true))
    }

    /// The open attempt with this ticket, to be changed.
    fn get_mut(&mut self, ticket: &Ticket) -> Option<&mut Open> {
        let no = self.by_task.get(&ticket.task)?;
        self.open.get_mut(no).filter(|open| open.ticket == *ticket)
    }

    /// Notes that the message of an attempt, of so many bytes, is on its way to the broker.
    pub(super) fn sent(&mut self, no: i64, bytes: usize, now: Duration) {
        if let Some(open) = self.open.get_mut(&no) {
            self.bytes = self.bytes - open.bytes + bytes;
            open.bytes = bytes;
            open.published = Published::Sent(now);
        }
    }

    /// Notes the broker's answer to a publish: it has the message (`yes`), or may not have it.
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

    /// Notes that the broker lost its data: all but claimed attempts are to be published again. Gives the number below
    /// which all are published, for the rows.
    pub(super) fn wiped(&mut self) -> DispatchNo {
        self.settled_below = 0;
        for open in self.open.values_mut().filter(|open| !open.claimed && !mutant::is(Mutant::WipedKeeps)) {
            open.published = Published::No;
        }
        self.kept_below = DispatchNo(0);
        self.kept_below
    }

    /// Notes that the queue at the broker lost its messages. Gives the first dispatch that is to be published again;
    /// `None` if there is none. Claimed attempts have no message any more.
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

    /// Marks attempts that may have ended unheard as to be published again, once a worker had [`NAMING`] to name them.
    /// Such an attempt started, is not claimed, and no worker said anything of it since reports were lost. Gives the
    /// first of their dispatches; `None` if there is none, or it is too early.
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

    /// Notes that the message of the attempt found no queue. Gives its dispatch, which is to be published again; `None`
    /// if the attempt is closed.
    pub(super) fn unrouted(&mut self, ticket: &Ticket) -> Option<i64> {
        self.settled_below = 0;
        self.get_mut(ticket)?.published = Published::No;
        self.by_task.get(&ticket.task).copied()
    }

    /// Tells whether the queue had lost no message for this reason before, and notes it.
    pub(super) fn is_first_loss(&mut self, queue: i64, reason: DeathReason) -> bool {
        self.losses.insert((queue, reason))
    }

    /// Notes that the message of the attempt fell out of its queue. Gives its dispatch, which is to be published again
    /// a moment later. `None` if it is claimed or closed: then it was another copy.
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

    /// Notes that a session began: what was on its way in the last one may not have arrived, and silences start anew.
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

    /// Counts all silences from `now` on: nobody could be heard for a while.
    pub(super) fn hear_anew(&mut self, now: Duration) {
        self.open.values_mut().filter(|open| open.seen.is_some()).for_each(|open| open.seen = Some(now));
    }

    /// Tells whether an attempt of the task is open at a worker.
    pub(super) fn is_open(&self, task: TaskNo) -> bool {
        self.by_task.contains_key(&task)
    }

    /// Tickets of attempts that are to be published again, oldest dispatch first, at most `most`.
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

    /// Tells whether more is published than the rows say. `next` is the number of the next dispatch.
    pub(super) fn is_ahead(&mut self, next: DispatchNo) -> bool {
        self.published_below(next) > self.kept_below
    }

    /// The number below which all is published, if it is higher than the rows say. It must be in the next commit.
    /// `next` is the number of the next dispatch.
    pub(super) fn advance(&mut self, next: DispatchNo) -> Option<DispatchNo> {
        let below = self.published_below(next);
        (below > self.kept_below).then(|| {
            self.kept_below = below;
            below
        })
    }

    /// Notes that a dispatch is to be published again, after a crash too. Gives the number that the rows are to be set
    /// back to; `None` if they say no more.
    pub(super) fn fall_back(&mut self, first: i64) -> Option<DispatchNo> {
        let below = DispatchNo(first);
        (below < self.kept_below).then(|| {
            self.kept_below = below;
            below
        })
    }

    /// Number below which every dispatch is with the broker or closed; `next` if all are.
    fn published_below(&mut self, next: DispatchNo) -> DispatchNo {
        let mut above = self.open.range(self.settled_below..);
        let first = above.find(|(_, open)| open.published != Published::Yes).map_or(next.0, |(no, _)| *no);
        self.settled_below = first;
        DispatchNo(first)
    }

    /// The highest confirmed dispatch of each queue that has published attempts nobody was seen at, by the queue's
    /// number. Such queues are polled.
    pub(super) fn unstarted(&self) -> BTreeMap<i64, i64> {
        let mut queues = BTreeMap::new();
        let waiting = |open: &&Open| !open.started && open.published == Published::Yes;
        for (no, open) in self.open.iter().filter(|(_, open)| waiting(open)) {
            queues.insert(open.queue, *no);
        }
        queues
    }

    /// Attempts of a queue whose messages must have left it, since no more messages are ready than were dispatched
    /// after them. `upto` is the highest dispatch that was confirmed before the queue was asked.
    pub(super) fn must_have_left(&self, queue: i64, ready: u32, upto: i64) -> Vec<Ticket> {
        let of_queue = |open: &&Open| open.queue == queue && open.published == Published::Yes;
        let dispatched = self.open.range(..=upto).rev().map(|(_, open)| open).filter(of_queue);
        // A started attempt's message has left the queue unless its worker died, so only the others can be the
        // ones that are ready.
        dispatched.filter(|open| !open.started).skip(ready as usize).map(|open| open.ticket).collect()
    }

    /// Number of open attempts of a queue that the broker has not confirmed.
    pub(super) fn unconfirmed(&self, queue: i64) -> usize {
        self.open.values().filter(|open| open.queue == queue && open.published != Published::Yes).count()
    }

    /// Notes that a worker was seen at the attempt, by a report; `worker` is `None` for one that gives no id. True if
    /// it starts the attempt, or another worker has it now.
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

    /// Notes that a heartbeat of the worker named the attempt. A heartbeat names all that its worker works on. True as
    /// for [`seen`](Self::seen).
    pub(super) fn named(&mut self, ticket: &Ticket, worker: &Arc<str>, now: Duration) -> bool {
        let news = self.seen(ticket, Some(worker), now);
        if let Some(open) = self.get_mut(ticket) {
            open.named = true;
        }
        news
    }

    /// Notes that the message must have left the queue: the attempt started, though nobody was seen at it.
    pub(super) fn started(&mut self, ticket: &Ticket) {
        if let Some(open) = self.get_mut(ticket) {
            open.started = true;
        }
    }

    /// Notes that the worker goes on under a lease. The lease is its longest silence, unless the task itself says one.
    pub(super) fn claimed(&mut self, ticket: &Ticket, lease: Duration, now: Duration) {
        if let Some(open) = self.get_mut(ticket) {
            open.claimed = true;
            open.silence = open.silence.or(Some(lease));
            open.seen = Some(now);
        }
    }

    /// Attempts whose workers were silent for too long at `upto`, a time up to which everything was heard.
    pub(super) fn silent(&self, upto: Duration) -> Vec<Ticket> {
        let is_silent = |open: &&Open| match (open.silence, open.seen) {
            (Some(limit), Some(seen)) if !mutant::is(Mutant::NoSilence) => upto.saturating_sub(seen) > limit,
            _ => false,
        };
        self.open.values().filter(is_silent).map(|open| open.ticket).collect()
    }
}
