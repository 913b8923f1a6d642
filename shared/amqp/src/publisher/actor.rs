//! The one task that publishes on a confirm channel.
//!
//! A destination that never confirms must delay nobody else. Some only leave their own messages unconfirmed; others
//! make the whole channel stand still, because the broker handles a channel's messages one after the other. The
//! first sort is put aside alone. For the second the channel is replaced, and every destination that had messages on
//! it is tried on a connection beside the road: whoever answers goes on at once, whoever does not is late.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::Channel;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::aside::{self, Aside, Side, TrialOutcome};
use super::road::Road;
use super::standing::{Board, PublishTarget, Treatment};
use super::{OutgoingMessage, PublishRequest, Published, answer};
use crate::life::Life;
use crate::{BrokerError, Session};

type TrialFuture = Pin<Box<dyn Future<Output = (PublishTarget, TrialOutcome)> + Send>>;
type Opening = Pin<Box<dyn Future<Output = Result<Side, BrokerError>> + Send>>;
type Sending = Pin<Box<dyn Future<Output = (u64, Published)> + Send>>;

/// Treatment of messages that are on their way to a destination when it turns out late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LatePolicy {
    /// Wait for the confirm, up to the publish timeout.
    Wait,
    /// Say at once that the outcome is unknown.
    GiveUp,
}

/// A message whose confirm is awaited.
struct Unconfirmed {
    envelope: Arc<OutgoingMessage>,
    /// The place in the window; `None` for a message that was left and goes out again.
    place: Option<OwnedSemaphorePermit>,
    /// `None` once its owner was told that the outcome is unknown.
    reply: Option<oneshot::Sender<Published>>,
    sent: Instant,
}

/// A message to a late destination, still on its way on a channel that moves.
struct Left {
    envelope: Arc<OutgoingMessage>,
    destination: PublishTarget,
    reply: Option<oneshot::Sender<Published>>,
    sent: Instant,
}

/// Owns no session: that lives as long as somebody uses it, and the actor lives as long as the publishers do.
struct Actor {
    life: Arc<Life>,
    aside: Arc<Aside>,
    lateness: LatePolicy,
    publish_timeout: Duration,
    road: Road,
    /// Messages by their number on the road, oldest first.
    entries: BTreeMap<u64, Unconfirmed>,
    next: u64,
    bytes: usize,
    sends: FuturesUnordered<Sending>,
    left: HashMap<u64, Left>,
    standings: HashMap<PublishTarget, Treatment>,
    trials: FuturesUnordered<TrialFuture>,
    opening: Option<Opening>,
    /// Given up on the session's connection, and kept until it ends.
    retired: Vec<Channel>,
    /// Ages of messages count from here at the earliest: the end of the latest blocking.
    calm_since: Instant,
    last_answer: Instant,
    /// Time at which the youngest of the confirmed messages was sent.
    newest_confirmed: Option<Instant>,
    /// Time that the channel may owe an answer: from `PATIENCE` to `PATIENCE_MAX`, grown by each channel that brought
    /// nothing.
    patience: Duration,
    board: Arc<Board>,
}

pub(super) fn spawn(
    session: &Session,
    road: Road,
    lateness: LatePolicy,
    board: Arc<Board>,
    inbox: mpsc::UnboundedReceiver<PublishRequest>,
) {
    let now = Instant::now();
    let actor = Actor {
        life: Arc::clone(session.life()),
        aside: Arc::clone(session.aside()),
        lateness,
        publish_timeout: session.settings().publish_timeout,
        road,
        entries: BTreeMap::new(),
        next: 0,
        bytes: 0,
        sends: FuturesUnordered::new(),
        left: HashMap::new(),
        standings: HashMap::new(),
        trials: FuturesUnordered::new(),
        opening: None,
        retired: Vec::new(),
        calm_since: now,
        last_answer: now,
        newest_confirmed: None,
        patience: PATIENCE,
        board,
    };
    tokio::spawn(actor.run(inbox));
}

impl Actor {
    /// Publishes what comes in and waits for all confirms at once. When the last publisher is gone it finishes what
    /// is in flight; when the session is over it drops everything, which is unknown then.
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<PublishRequest>) {
        let mut over = pin!(self.life.over());
        let mut jobs = Vec::with_capacity(MOST_A_TURN);
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        while open || self.is_busy() {
            tokio::select! {
                biased;
                _ = &mut over => break,
                // Before the confirms, so that everything waiting goes out in one write. The window bounds it.
                count = inbox.recv_many(&mut jobs, MOST_A_TURN), if open => {
                    open = count > 0;
                    jobs.drain(..).for_each(|job| self.take(job));
                }
                Some((no, outcome)) = self.sends.next(), if !self.sends.is_empty() => self.answered(no, outcome),
                Some((destination, verdict)) = self.trials.next(), if !self.trials.is_empty() => {
                    self.judged(destination, verdict);
                }
                () = self.road.answer(), if self.road.is_asked() => {}
                opened = opened(&mut self.opening), if self.opening.is_some() => {
                    self.opening = None;
                    self.opened(opened);
                }
                _ = look.tick(), if self.is_busy() || !self.left.is_empty() => self.look(),
            }
        }
        self.road.close().await;
    }

    fn is_busy(&self) -> bool {
        !self.entries.is_empty() || !self.trials.is_empty()
    }

    /// A message goes out, unless its destination is late or on trial.
    fn take(&mut self, job: PublishRequest) {
        if self.standings.is_empty() {
            return self.send(job);
        }
        let destination = job.envelope.destination();
        match self.standings.get_mut(&destination) {
            None => self.send(job),
            Some(Treatment::OnTrial { waiting, .. }) => waiting.push_back(job),
            Some(Treatment::Late { tried, .. }) if tried.elapsed() < TRIAL_EVERY => answer(job.reply, Published::Late),
            Some(Treatment::Late { since, .. }) => {
                let since = Some(*since);
                self.put_on_trial(destination, VecDeque::from([job]), since);
            }
        }
    }

    fn send(&mut self, job: PublishRequest) {
        let PublishRequest { envelope, place, reply } = job;
        let no = self.next;
        self.next += 1;
        self.bytes += envelope.size();
        let (channel, sending) = (self.road.channel.clone(), Arc::clone(&envelope));
        self.sends.push(Box::pin(async move { (no, sending.send(&channel).await) }));
        self.entries.insert(no, Unconfirmed { envelope, place, reply: Some(reply), sent: Instant::now() });
    }

    fn answered(&mut self, no: u64, outcome: Published) {
        if let Some(entry) = self.entries.remove(&no) {
            self.bytes -= entry.envelope.size();
            drop(entry.place);
            if outcome != Published::Unknown {
                self.last_answer = Instant::now();
                self.newest_confirmed = self.newest_confirmed.max(Some(entry.sent));
                self.patience = PATIENCE;
            }
            if let Some(reply) = entry.reply {
                answer(reply, outcome);
            }
            if self.entries.is_empty() {
                self.board.waits_since(None);
            }
        } else if let Some(left) = self.left.remove(&no) {
            if let Some(reply) = left.reply {
                answer(reply, outcome);
            }
            if outcome != Published::Unknown
                && matches!(self.standings.get(&left.destination), Some(Treatment::Late { .. }))
            {
                self.clear(&left.destination);
            }
        }
    }

    /// Looks at what is unconfirmed for too long.
    fn look(&mut self) {
        let now = Instant::now();
        self.time_out(now);
        self.try_left_ones(now);
        self.board.waits_since(self.entries.values().next().map(|entry| entry.sent));
        if self.road.blocked.reason().is_some() {
            // A blocked broker answers nobody, and says so by itself.
            self.calm_since = now;
            return;
        }
        let Some(oldest) = self.entries.values().next().map(|entry| entry.sent.max(self.calm_since)) else { return };
        if now - oldest < NOTICE {
            return;
        }
        self.road.ask(now);
        let patience = self.patience + TRANSFER_PER_MIB.mul_f64(self.bytes as f64 / MIB);
        if self.road.silence(now) > patience && now - self.last_answer > patience {
            if self.opening.is_none() {
                let aside = Arc::clone(&self.aside);
                self.opening = Some(Box::pin(async move { aside.open("publishing again").await }));
            }
        } else {
            self.leave_late_ones(now);
        }
    }

    /// Tells the senders of messages that wait for longer than the publish timeout. Such a message may still be in our
    /// buffers: it keeps its place until the broker has answered.
    fn time_out(&mut self, now: Instant) {
        let overdue = |sent: Instant| now - sent > self.publish_timeout;
        let waiting = self.entries.values_mut().take_while(|entry| overdue(entry.sent)).map(|entry| &mut entry.reply);
        let left = self.left.values_mut().filter(|left| overdue(left.sent)).map(|left| &mut left.reply);
        for reply in waiting.chain(left) {
            if let Some(reply) = reply.take() {
                answer(reply, Published::Unknown);
            }
        }
    }

    /// Destinations that confirm nothing on a channel that moves, while others do.
    fn leave_late_ones(&mut self, now: Instant) {
        let mut late: Vec<PublishTarget> = Vec::new();
        for entry in self.entries.values() {
            let age = now - entry.sent.max(self.calm_since);
            if age < LATE {
                break;
            }
            let is_overtaken = self.newest_confirmed.is_some_and(|sent| sent > entry.sent);
            if (is_overtaken || age > LATE_ALONE) && self.road.has_passed(entry.sent) {
                let destination = entry.envelope.destination();
                if !late.contains(&destination) {
                    late.push(destination);
                }
            }
        }
        for destination in late {
            self.leave(destination, now);
        }
    }

    /// Puts a destination aside: what is on its way to it no longer takes the places of others.
    fn leave(&mut self, destination: PublishTarget, now: Instant) {
        let (exchange, key) = &destination;
        tracing::warn!(%exchange, %key, "a destination confirms nothing; it is put aside");
        let is_its = |entry: &Unconfirmed| entry.envelope.is_to(&destination);
        let numbers: Vec<u64> = self.entries.iter().filter(|(_, entry)| is_its(entry)).map(|(no, _)| *no).collect();
        for no in numbers {
            let Some(mut entry) = self.entries.remove(&no) else { continue };
            self.bytes -= entry.envelope.size();
            if self.lateness == LatePolicy::GiveUp
                && let Some(reply) = entry.reply.take()
            {
                answer(reply, Published::Unknown);
            }
            let Unconfirmed { envelope, reply, sent, .. } = entry;
            let left = Left { envelope, destination: destination.clone(), reply, sent };
            self.left.insert(no, left);
        }
        self.note(destination, Treatment::Late { since: now, tried: now });
    }

    /// A queue that was deleted and declared again may take nothing more from this channel, and everything from any
    /// other: what was left there goes out again, if the first of it is taken.
    fn try_left_ones(&mut self, now: Instant) {
        let is_overdue = |left: &Left| left.reply.is_some() && now - left.sent.max(self.calm_since) > LATE_ALONE;
        let is_late = |to: &PublishTarget| match self.standings.get(to) {
            Some(Treatment::Late { tried, .. }) => tried.elapsed() > LATE_ALONE,
            _ => false,
        };
        let mut overdue: Vec<u64> = self.left.iter().filter(|(_, left)| is_overdue(left)).map(|(no, _)| *no).collect();
        overdue.retain(|no| is_late(&self.left[no].destination));
        overdue.sort_unstable();
        let mut again: Vec<(PublishTarget, VecDeque<PublishRequest>)> = Vec::new();
        for no in overdue {
            let Some(left) = self.left.get_mut(&no) else { continue };
            let Some(reply) = left.reply.take() else { continue };
            let job = PublishRequest { envelope: Arc::clone(&left.envelope), place: None, reply };
            match again.iter_mut().find(|(destination, _)| *destination == left.destination) {
                Some((_, jobs)) => jobs.push_back(job),
                None => again.push((left.destination.clone(), VecDeque::from([job]))),
            }
        }
        for (destination, jobs) in again {
            let since = match self.standings.get(&destination) {
                Some(Treatment::Late { since, .. }) => Some(*since),
                _ => None,
            };
            self.put_on_trial(destination, jobs, since);
        }
    }

    /// The channel stood still, and a new connection is there: everything unconfirmed goes out again, each
    /// destination after a trial, since one of them may be what the old channel stands still for.
    fn opened(&mut self, opened: Result<Side, BrokerError>) {
        let side = match opened {
            Ok(side) => side,
            // Nothing answers, so it is not this channel alone; whoever watches the session sees to that.
            Err(error) => return tracing::debug!(%error, "no other connection to publish on"),
        };
        if self.road.silence(Instant::now()) < self.patience {
            tokio::spawn(async move { side.link.close().await });
            return;
        }
        tracing::warn!(unconfirmed = self.entries.len(), "a channel stands still; publishing on another one");
        let watcher = side.link.watch(&self.life);
        let old = std::mem::replace(&mut self.road, Road::apart(side, watcher));
        self.retired.extend(old.give_up());
        self.sends = FuturesUnordered::new();
        for (_, left) in self.left.drain() {
            if let Some(reply) = left.reply {
                answer(reply, Published::Unknown);
            }
        }
        self.patience = (self.patience * 2).min(PATIENCE_MAX);
        self.bytes = 0;
        let mut suspects: Vec<(PublishTarget, VecDeque<PublishRequest>)> = Vec::new();
        for (_, Unconfirmed { envelope, place, reply, .. }) in std::mem::take(&mut self.entries) {
            let Some(reply) = reply else { continue };
            let job = PublishRequest { envelope, place, reply };
            match suspects.iter_mut().find(|(destination, _)| job.envelope.is_to(destination)) {
                Some((_, jobs)) => jobs.push_back(job),
                None => suspects.push((job.envelope.destination(), VecDeque::from([job]))),
            }
        }
        // What was sent first most likely stopped the channel: it is tried last.
        for (destination, jobs) in suspects.into_iter().rev() {
            self.put_on_trial(destination, jobs, None);
        }
    }

    fn put_on_trial(
        &mut self,
        destination: PublishTarget,
        jobs: VecDeque<PublishRequest>,
        late_since: Option<Instant>,
    ) {
        let Some(first) = jobs.front() else { return };
        let trial = aside::attempt(Arc::clone(&self.aside), Arc::clone(&first.envelope), TRIAL);
        let tried = destination.clone();
        self.trials.push(Box::pin(async move { (tried, trial.await) }));
        self.note(destination, Treatment::OnTrial { waiting: jobs, late_since });
    }

    fn judged(&mut self, destination: PublishTarget, verdict: TrialOutcome) {
        let Some(Treatment::OnTrial { mut waiting, late_since }) = self.clear(&destination) else { return };
        if let TrialOutcome::Answered(outcome) = verdict {
            if let Some(first) = waiting.pop_front() {
                answer(first.reply, outcome);
            }
            return waiting.into_iter().for_each(|job| self.send(job));
        }
        let now = Instant::now();
        let is_late = late_since.is_some() || (verdict == TrialOutcome::Silent && self.road.blocked.reason().is_none());
        if is_late {
            tracing::warn!(exchange = %destination.0, key = %destination.1, "a destination confirms nothing");
            self.note(destination, Treatment::Late { since: late_since.unwrap_or(now), tried: now });
        }
        // After the note, so that whoever hears of it can look.
        waiting.into_iter().for_each(|job| answer(job.reply, Published::Unknown));
    }

    fn note(&mut self, destination: PublishTarget, standing: Treatment) {
        if self.standings.len() >= STANDINGS_MAX {
            self.standings.retain(|_, standing| !standing.is_stale());
        }
        self.standings.insert(destination, standing);
        self.board.show(&self.standings);
    }

    fn clear(&mut self, destination: &PublishTarget) -> Option<Treatment> {
        let standing = self.standings.remove(destination);
        self.board.show(&self.standings);
        standing
    }
}

async fn opened(opening: &mut Option<Opening>) -> Result<Side, BrokerError> {
    match opening {
        Some(opening) => opening.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Messages taken from the inbox in one go: more than one write to the network can carry brings nothing.
const MOST_A_TURN: usize = 64;
/// Time between two looks at unconfirmed messages.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Age of a message at which the channel is asked whether it moves.
const NOTICE: Duration = Duration::from_millis(250);
/// Time that the channel may owe that answer at first; doubled each time that a new channel brought nothing.
const PATIENCE: Duration = Duration::from_millis(400);
/// The longest such time.
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Time that a slow network may take for a MiB. The answer to a question waits behind what was published before.
const TRANSFER_PER_MIB: Duration = Duration::from_millis(100);
const MIB: f64 = 1_048_576.0;
/// Age of a message that others overtook, at which its destination is late.
const LATE: Duration = Duration::from_secs(1);
/// The same if nothing overtook it: all destinations may be slow, as on a slow disk.
const LATE_ALONE: Duration = Duration::from_secs(5);
/// Longest wait of a trial for its confirm.
const TRIAL: Duration = Duration::from_secs(2);
/// Shortest time between two trials of a late destination.
const TRIAL_EVERY: Duration = Duration::from_secs(1);
/// Destinations that are remembered as late before those are forgotten that nobody has published to for long.
const STANDINGS_MAX: usize = 10_000;
