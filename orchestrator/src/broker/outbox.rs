//! The outbox: carrying out what the driver asks for after its commits.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use warrener_amqp::{BrokerError, Published};
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::wire::control::Control;
use warrener_shared::wire::dispatch::MAX_REPORTS;
use warrener_shared::wire::result::REPORTS_MAX;
use warrener_shared::wire::topology::{KEY_CONTROL_ALL, control_key};
use warrener_shared::wire::{JSON, Message, Parcel};

use super::lane::{LaneState, QueueLane};
use super::sending::Sendings;
use super::{Context, Link, heal};
use crate::driver::{Input, Outgoing, Output, Reply};
use crate::traces::Traces;

/// Time for which a queue may confirm nothing before it is asked whether it is dead.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// Time between two looks at the waiting tasks.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest time for which a queue of ours is left alone that takes nothing. It is made anew meanwhile.
const PAUSE_OURS: Duration = Duration::from_secs(2);
/// Longest time for which a queue of somebody else is left alone that takes nothing.
const PAUSE_OTHERS: Duration = Duration::from_secs(600);
/// Longest time for which a queue is left alone that is missing.
const PAUSE_MISSING: Duration = Duration::from_secs(5);
/// Most tickets in one control message.
const STOP_MAX: usize = 500;

/// Outcome of a publish, with the queue and the dispatch.
type Confirm = Pin<Box<dyn Future<Output = (i64, i64, Published)> + Send>>;
/// Outcome of an answer, with its number.
type ReplyConfirm = Pin<Box<dyn Future<Output = (i64, Published)> + Send>>;
/// Outcome of a look at a queue: the session, the queue, and true if it is there.
type Prepared = Pin<Box<dyn Future<Output = (u64, i64, Result<bool, BrokerError>)> + Send>>;
/// Message on its way that nobody waits for.
type Errand = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Carries out outputs with the session of the moment. Without one it says at once that nothing was published.
pub(super) async fn route(
    context: Context,
    mut outputs: mpsc::UnboundedReceiver<Output>,
    links: watch::Receiver<Option<Link>>,
    sendings: mpsc::UnboundedSender<Sendings>,
) {
    let mut outbox = Outbox {
        context,
        links,
        sendings,
        epoch: 0,
        lanes: BTreeMap::new(),
        confirms: FuturesUnordered::new(),
        replies: FuturesUnordered::new(),
        prepared: FuturesUnordered::new(),
        errands: FuturesUnordered::new(),
    };
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            output = outputs.recv() => match output {
                Some(output) => outbox.carry_out(output).await,
                None => return,
            },
            Some(confirm) = outbox.confirms.next(), if !outbox.confirms.is_empty() => outbox.confirmed(confirm).await,
            Some(reply) = outbox.replies.next(), if !outbox.replies.is_empty() => outbox.replied(reply).await,
            Some(prepared) = outbox.prepared.next(), if !outbox.prepared.is_empty() => outbox.prepared(prepared).await,
            Some(()) = outbox.errands.next(), if !outbox.errands.is_empty() => {}
            _ = look.tick(), if !outbox.lanes.is_empty() => outbox.look().await,
        }
    }
}

/// State of the outbox. Nothing in it waits for the broker: a queue that takes nothing must not hold back the others.
struct Outbox {
    context: Context,
    /// Session of the moment; `None` between two.
    links: watch::Receiver<Option<Link>>,
    /// Way to the sender of what tasks send.
    sendings: mpsc::UnboundedSender<Sendings>,
    /// Number of the session that the lanes are of.
    epoch: u64,
    /// Lanes by the numbers of their queues.
    lanes: BTreeMap<i64, QueueLane>,
    /// Tasks on their way.
    confirms: FuturesUnordered<Confirm>,
    /// Answers on their way. Nobody waits for a slow client's queue.
    replies: FuturesUnordered<ReplyConfirm>,
    /// Queues that are being looked at, and made or bound if need be.
    prepared: FuturesUnordered<Prepared>,
    /// Other messages on their way, which nobody waits for.
    errands: FuturesUnordered<Errand>,
}

impl Outbox {
    /// Carries out one output.
    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::Publish(outgoing) => self.publish(outgoing).await,
            Output::Reply(replies) => self.reply(replies),
            // The sender is gone only when the process ends.
            Output::Send(sendings) => drop(self.sendings.send(sendings)),
            Output::Stop(tickets) => self.stop(tickets),
            Output::Drain(worker) => self.drain(&worker),
            Output::Replay(no, parcel) => self.replay(no, *parcel),
            Output::Declare(no, queue) => self.declare(no, &queue),
        }
    }

    /// Session of the moment. Forgets the lanes of an earlier one.
    fn link(&mut self) -> Option<Link> {
        let link = self.links.borrow().clone()?;
        if self.epoch != link.session.epoch() {
            self.epoch = link.session.epoch();
            self.lanes.clear();
        }
        Some(link)
    }

    /// Puts attempts into their lanes, and sends what may go.
    async fn publish(&mut self, outgoing: Vec<Outgoing>) {
        let Some(link) = self.link() else {
            let numbers = outgoing.iter().map(|one| one.dispatch_no).collect();
            return self.context.input(Input::Unpublished(numbers)).await;
        };
        let mut touched = BTreeSet::new();
        for one in outgoing {
            touched.insert(one.queue);
            let name = one.name.clone();
            self.lanes.entry(one.queue).or_insert_with(|| QueueLane::new(name)).push(one);
        }
        for lane in touched {
            self.pump(lane, &link).await;
        }
    }

    /// Sends what waits in a lane, as far as its window allows. A queue that nobody has looked at is prepared first.
    async fn pump(&mut self, no: i64, link: &Link) {
        let Some(lane) = self.lanes.get_mut(&no) else { return };
        match lane.state {
            LaneState::Unknown if !lane.is_paused() => return self.prepare(no, link),
            LaneState::Unknown | LaneState::Preparing => return,
            LaneState::Ready => {}
        }
        let exchange = self.context.shared.names.tasks();
        while let Some(one) = lane.next() {
            let mut message = *one.message;
            message.reply_to = Some(self.context.shared.names.results());
            message.set_int(MAX_REPORTS, i64::from(REPORTS_MAX));
            if self.context.shared.traces.is_some() {
                Traces::mark(&mut message);
            }
            let pending = link.tasks.enqueue(&exchange, one.name.as_str(), message).await;
            lane.in_flight += 1;
            let dispatch_no = one.dispatch_no;
            self.confirms.push(Box::pin(pending.map(move |published| (no, dispatch_no, published))));
        }
    }

    /// Has somebody look whether the queue exists at the broker, and make or bind it if need be.
    fn prepare(&mut self, no: i64, link: &Link) {
        let Some(lane) = self.lanes.get_mut(&no) else { return };
        lane.state = LaneState::Preparing;
        let (context, link, name) = (self.context.clone(), link.clone(), lane.name.clone());
        self.prepared.push(Box::pin(async move {
            let prepared = heal::prepare(&context, &link, &name).await;
            (link.session.epoch(), no, prepared)
        }));
    }

    /// Goes on with a lane after its queue was looked at.
    async fn prepared(&mut self, (epoch, no, prepared): (u64, i64, Result<bool, BrokerError>)) {
        let Some(link) = self.link().filter(|link| link.session.epoch() == epoch) else { return };
        let Some(lane) = self.lanes.get_mut(&no) else { return };
        match prepared {
            Ok(true) => {
                lane.state = LaneState::Ready;
                lane.go_on();
                return self.pump(no, &link).await;
            }
            Ok(false) => tracing::warn!(queue = %lane.name, "the queue of this address does not exist; trying again"),
            Err(error) => tracing::error!(%error, queue = %lane.name, "the queue cannot be made"),
        }
        lane.state = LaneState::Unknown;
        lane.put_off(PAUSE_MISSING);
    }

    /// Goes on with lanes that were left alone, and tells the driver of tasks that wait for too long.
    async fn look(&mut self) {
        let Some(link) = self.link() else { return };
        let busy: Vec<i64> =
            self.lanes.iter().filter(|(_, lane)| !lane.waiting.is_empty()).map(|(no, _)| *no).collect();
        let mut overdue = Vec::new();
        for no in busy {
            self.pump(no, &link).await;
            if let Some(lane) = self.lanes.get_mut(&no) {
                overdue.extend(lane.take_overdue());
            }
        }
        if !overdue.is_empty() {
            self.context.input(Input::Unpublished(overdue)).await;
        }
    }

    /// Tells the driver of this confirm and all others that have come, and sends what may go now.
    async fn confirmed(&mut self, first: (i64, i64, Published)) {
        let mut confirms = vec![first];
        while let Some(Some(next)) = self.confirms.next().now_or_never() {
            confirms.push(next);
        }
        let (mut published, mut failed, mut touched) = (Vec::new(), Vec::new(), BTreeMap::new());
        for (no, dispatch_no, outcome) in confirms {
            let Some(lane) = self.lanes.get_mut(&no) else {
                failed.push(dispatch_no);
                continue;
            };
            lane.in_flight = lane.in_flight.saturating_sub(1);
            if outcome.is_confirmed() {
                lane.go_on();
                published.push(dispatch_no);
            } else {
                lane.failing_since.get_or_insert_with(Instant::now);
                failed.push(dispatch_no);
            }
            touched.insert(no, outcome);
        }
        if !published.is_empty() {
            self.context.input(Input::Published(published)).await;
        }
        if !failed.is_empty() {
            self.context.input(Input::Unpublished(failed)).await;
        }
        if let Some(link) = self.link() {
            for (no, outcome) in touched {
                self.after_confirms(no, outcome, &link).await;
            }
        }
    }

    /// Judges a lane by its latest confirm: a queue of ours that confirms nothing for long is suspected.
    async fn after_confirms(&mut self, no: i64, latest: Published, link: &Link) {
        let Some(lane) = self.lanes.get_mut(&no) else { return };
        let is_ours = self.context.shared.external(&lane.name).is_none();
        let is_failing = lane.failing_since.is_some_and(|since| since.elapsed() > DEAD_AFTER);
        if (is_failing || latest == Published::Late) && is_ours && link.session.is_blocked().is_none() {
            lane.failing_since = None;
            self.context.suspects.add(lane.name.clone());
        }
        if !latest.is_confirmed() {
            lane.put_off(if is_ours { PAUSE_OURS } else { PAUSE_OTHERS });
        }
        self.pump(no, link).await;
    }

    /// Sends answers. Without a session they count as failed.
    fn reply(&mut self, replies: Vec<Reply>) {
        let link = self.link();
        for Reply { no, reply_to, message } in replies {
            let link = link.clone();
            self.replies.push(Box::pin(async move {
                let published = match link {
                    Some(link) => link.replies.publish("", &reply_to, message).await,
                    None => Published::Unknown,
                };
                (no, published)
            }));
        }
    }

    /// Tells the driver of this answer's fate, and of all others that are known.
    async fn replied(&mut self, first: (i64, Published)) {
        let mut replies = vec![first];
        while let Some(Some(next)) = self.replies.next().now_or_never() {
            replies.push(next);
        }
        let (mut given, mut failed) = (Vec::new(), Vec::new());
        for (no, published) in replies {
            match published {
                Published::Confirmed => given.push(no),
                Published::Impossible => self.context.input(Input::Unanswerable(no)).await,
                _ => failed.push(no),
            }
        }
        if !given.is_empty() {
            self.context.input(Input::Replied(given)).await;
        }
        if !failed.is_empty() {
            self.context.input(Input::NotReplied(failed)).await;
        }
    }

    /// Publishes a dead letter again. The driver forgets it once the broker has it.
    fn replay(&mut self, no: i64, parcel: Parcel) {
        let context = self.context.clone();
        let Some(link) = self.link() else {
            let why = "the broker is away";
            return self.errands.push(Box::pin(async move { context.input(Input::NotReplayed(no, why)).await }));
        };
        self.errands.push(Box::pin(async move {
            let sent = link.replies.publish_mandatory(&parcel.exchange, &parcel.key, parcel.message).await;
            if sent.is_confirmed() {
                context.input(Input::Replayed(no)).await;
            } else {
                tracing::warn!(dead_letter = no, ?sent, "a dead letter could not be published again; it is kept");
                let why = match sent {
                    Published::Returned => "no queue is bound for its routing key",
                    Published::Nacked => "a queue is full, or takes nothing",
                    Published::Impossible => "it is larger than the broker takes, or has too long a name",
                    _ => "the broker did not confirm it; it may be there all the same",
                };
                context.input(Input::NotReplayed(no, why)).await;
            }
        }));
    }

    /// Tells a worker to take no more and leave.
    fn drain(&mut self, worker: &str) {
        self.control(control_key(worker), &Control { cancel: Vec::new(), drain: true });
    }

    /// Tells workers to stop attempts: each worker its own, so that tickets are not shown around.
    fn stop(&mut self, tickets: Vec<(Ticket, Option<Arc<str>>)>) {
        let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (ticket, worker) in tickets {
            let key = worker.map_or_else(|| KEY_CONTROL_ALL.to_owned(), |worker| control_key(&worker));
            by_key.entry(key).or_default().push(ticket.to_string());
        }
        for (key, tickets) in by_key {
            for chunk in tickets.chunks(STOP_MAX) {
                self.control(key.clone(), &Control { cancel: chunk.to_vec(), drain: false });
            }
        }
    }

    /// Sends a control message. A lost one is repaired by the answer to the next heartbeat.
    fn control(&mut self, key: String, control: &Control) {
        let Some(link) = self.link() else { return };
        let exchange = self.context.shared.names.control();
        let body = serde_json::to_vec(control).expect("plain data");
        let message = Message { content_type: Some(JSON.to_owned()), body, ..Message::default() };
        self.errands.push(Box::pin(async move {
            link.replies.send_unconfirmed(&exchange, &key, message).await;
        }));
    }

    /// Declares a queue that is new to the database. It held nothing of ours, so nobody asks whether it was lost: the
    /// attempts that are about to go out would go out twice.
    fn declare(&mut self, no: i64, queue: &QueueName) {
        let Some(link) = self.link() else { return };
        let lane = self.lanes.entry(no).or_insert_with(|| QueueLane::new(queue.clone()));
        lane.state = LaneState::Preparing;
        let (context, queue) = (self.context.clone(), queue.clone());
        let is_ours = context.shared.external(&queue).is_none();
        self.prepared.push(Box::pin(async move {
            let prepared = if is_ours {
                heal::make(&context, &link.session, &queue).await.map(|()| true)
            } else {
                heal::prepare(&context, &link, &queue).await
            };
            if let (Ok(found), false) = (&prepared, is_ours) {
                context.input(Input::LaneFound(no, *found)).await;
            }
            (link.session.epoch(), no, prepared)
        }));
    }
}
