//! Carrying out what the driver asks for after its commits.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::future::FutureExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use warrener_amqp::Published;
use warrener_shared::id::{QueueName, Ticket};
use warrener_shared::wire::control::Control;
use warrener_shared::wire::dispatch::MAX_REPORTS;
use warrener_shared::wire::result::REPORTS_MAX;
use warrener_shared::wire::topology::{KEY_CONTROL_ALL, control_key};
use warrener_shared::wire::{JSON, Message};

use super::{Context, Link, heal};
use crate::driver::{Input, Outgoing, Output, Parcel, Reply};

/// Unconfirmed publishes of one queue, so that a dead queue leaves room for the others.
const LANE_WINDOW: usize = 1024;
/// How long a queue may confirm nothing before it is asked whether it is dead.
const DEAD_AFTER: Duration = Duration::from_secs(60);
/// How often a queue of somebody else that is missing is tried again.
const MISSING_RETRY: Duration = Duration::from_secs(5);
/// Tickets in one control message.
const STOP_MAX: usize = 500;

type Confirm = Pin<Box<dyn Future<Output = (i64, i64, Published)> + Send>>;
type Answered = Pin<Box<dyn Future<Output = (i64, bool)> + Send>>;

/// Routes outputs to the session of the moment; without one, says at once that nothing was published.
pub(super) async fn route(
    context: Context,
    mut outputs: mpsc::UnboundedReceiver<Output>,
    links: watch::Receiver<Option<Link>>,
) {
    let mut outbox = Outbox {
        context,
        links,
        epoch: 0,
        lanes: BTreeMap::new(),
        confirms: FuturesUnordered::new(),
        replies: FuturesUnordered::new(),
    };
    loop {
        tokio::select! {
            output = outputs.recv() => match output {
                Some(output) => outbox.carry_out(output).await,
                None => return,
            },
            Some(confirm) = outbox.confirms.next(), if !outbox.confirms.is_empty() => outbox.confirmed(confirm).await,
            Some(reply) = outbox.replies.next(), if !outbox.replies.is_empty() => outbox.replied(reply).await,
        }
    }
}

/// What is known of a queue in this session.
#[derive(Default)]
struct LaneState {
    name: Option<QueueName>,
    prepared: bool,
    missing_since: Option<Instant>,
    failing_since: Option<Instant>,
    in_flight: usize,
    waiting: VecDeque<Outgoing>,
}

struct Outbox {
    context: Context,
    links: watch::Receiver<Option<Link>>,
    epoch: u64,
    lanes: BTreeMap<i64, LaneState>,
    confirms: FuturesUnordered<Confirm>,
    /// Answers on their way; nobody waits for a slow client's queue.
    replies: FuturesUnordered<Answered>,
}

impl Outbox {
    async fn carry_out(&mut self, output: Output) {
        match output {
            Output::Publish(outgoing) => self.publish(outgoing).await,
            Output::Reply(replies) => self.reply(replies),
            Output::Stop(tickets) => self.stop(tickets).await,
            Output::Drain(worker) => self.drain(&worker).await,
            Output::Replay(no, parcel) => self.replay(no, *parcel),
            Output::Events => self.context.new_events.notify_one(),
            Output::Declare(no, queue) => self.declare(no, &queue).await,
            Output::Finished(jobs) => {
                for job in jobs {
                    // Nobody may be waiting.
                    self.context.finished.send(job).ok();
                }
            }
        }
    }

    fn link(&mut self) -> Option<Link> {
        let link = self.links.borrow().clone()?;
        if self.epoch != link.session.epoch() {
            self.epoch = link.session.epoch();
            self.lanes.clear();
        }
        Some(link)
    }

    async fn publish(&mut self, outgoing: Vec<Outgoing>) {
        let Some(link) = self.link() else {
            let numbers = outgoing.iter().map(|one| one.dispatch_no).collect();
            return self.context.input(Input::Unpublished(numbers)).await;
        };
        let mut touched = BTreeSet::new();
        for one in outgoing {
            touched.insert(one.queue);
            let lane = self.lanes.entry(one.queue).or_default();
            lane.name.get_or_insert_with(|| one.name.clone());
            lane.waiting.push_back(one);
        }
        for lane in touched {
            self.pump(lane, &link).await;
        }
    }

    /// Sends what waits for a queue, as far as its window allows.
    async fn pump(&mut self, no: i64, link: &Link) {
        if !self.prepare(no, link).await {
            let lane = self.lanes.get_mut(&no).expect("the queue was prepared");
            let numbers = lane.waiting.drain(..).map(|one| one.dispatch_no).collect();
            return self.context.input(Input::Unpublished(numbers)).await;
        }
        let exchange = self.context.shared.names.tasks();
        let lane = self.lanes.get_mut(&no).expect("the queue was prepared");
        while lane.in_flight < LANE_WINDOW
            && let Some(one) = lane.waiting.pop_front()
        {
            let mut message = *one.message;
            message.reply_to = Some(self.context.shared.names.results());
            message.set_int(MAX_REPORTS, i64::from(REPORTS_MAX));
            let pending = link.tasks.enqueue(&exchange, one.name.as_str(), message).await;
            lane.in_flight += 1;
            let dispatch_no = one.dispatch_no;
            self.confirms.push(Box::pin(pending.map(move |published| (no, dispatch_no, published))));
        }
    }

    /// Whether the queue exists at the broker, made or bound if need be.
    async fn prepare(&mut self, no: i64, link: &Link) -> bool {
        let lane = self.lanes.get_mut(&no).expect("an attempt names its queue");
        if lane.prepared {
            return true;
        }
        if lane.missing_since.is_some_and(|since| since.elapsed() < MISSING_RETRY) {
            return false;
        }
        let name = lane.name.clone().expect("an attempt names its queue");
        let prepared = heal::prepare(&self.context, &link.session, &name).await;
        lane.prepared = matches!(prepared, Ok(true));
        lane.missing_since = (!lane.prepared).then(Instant::now);
        match prepared {
            Ok(true) => {}
            Ok(false) => tracing::warn!(queue = %name, "the queue of this address does not exist; trying again"),
            Err(error) => tracing::error!(%error, queue = %name, "the queue cannot be made"),
        }
        lane.prepared
    }

    async fn confirmed(&mut self, first: (i64, i64, Published)) {
        let mut confirms = vec![first];
        while let Some(Some(next)) = self.confirms.next().now_or_never() {
            confirms.push(next);
        }
        let (mut published, mut failed, mut touched) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (no, dispatch_no, outcome) in confirms {
            let Some(lane) = self.lanes.get_mut(&no) else {
                failed.push(dispatch_no);
                continue;
            };
            lane.in_flight = lane.in_flight.saturating_sub(1);
            touched.insert(no);
            if outcome.is_confirmed() {
                lane.failing_since = None;
                published.push(dispatch_no);
            } else {
                lane.failing_since.get_or_insert_with(Instant::now);
                failed.push(dispatch_no);
            }
        }
        if !published.is_empty() {
            self.context.input(Input::Published(published)).await;
        }
        if !failed.is_empty() {
            self.context.input(Input::Unpublished(failed)).await;
        }
        if let Some(link) = self.link() {
            for no in touched {
                self.after_confirms(no, &link).await;
            }
        }
    }

    async fn after_confirms(&mut self, no: i64, link: &Link) {
        let Some(lane) = self.lanes.get_mut(&no) else { return };
        let failing = lane.failing_since.is_some_and(|since| since.elapsed() > DEAD_AFTER);
        let name = lane.name.clone().expect("an attempt names its queue");
        if failing && link.session.is_blocked().is_none() && !self.context.shared.is_external(&name) {
            lane.failing_since = None;
            self.context.suspects.add(name);
        }
        if self.lanes.get(&no).is_some_and(|lane| !lane.waiting.is_empty()) {
            self.pump(no, link).await;
        }
    }

    fn reply(&mut self, replies: Vec<Reply>) {
        let link = self.link();
        for Reply { no, reply_to, message } in replies {
            let link = link.clone();
            self.replies.push(Box::pin(async move {
                let published = match link {
                    Some(link) => link.replies.publish("", &reply_to, message).await,
                    None => Published::Unknown,
                };
                (no, published.is_confirmed())
            }));
        }
    }

    async fn replied(&mut self, first: (i64, bool)) {
        let mut replies = vec![first];
        while let Some(Some(next)) = self.replies.next().now_or_never() {
            replies.push(next);
        }
        let (given, failed): (Vec<_>, Vec<_>) = replies.into_iter().partition(|(_, given)| *given);
        let numbers = |replies: Vec<(i64, bool)>| replies.into_iter().map(|(no, _)| no).collect::<Vec<_>>();
        if !given.is_empty() {
            self.context.input(Input::Replied(numbers(given))).await;
        }
        if !failed.is_empty() {
            self.context.input(Input::NotReplied(numbers(failed))).await;
        }
    }

    /// A dead letter goes out again; it is forgotten once the broker has it.
    fn replay(&mut self, no: i64, parcel: Parcel) {
        let context = self.context.clone();
        let Some(link) = self.link() else { return };
        tokio::spawn(async move {
            let sent = link.replies.publish_mandatory(&parcel.exchange, &parcel.key, parcel.message).await;
            if sent.is_confirmed() {
                context.input(Input::Replayed(no)).await;
            } else {
                tracing::warn!(dead_letter = no, ?sent, "a dead letter could not be published again; it is kept");
            }
        });
    }

    async fn drain(&mut self, worker: &str) {
        let Some(link) = self.link() else { return };
        let control = Control { cancel: Vec::new(), drain: true };
        let body = serde_json::to_vec(&control).expect("plain data");
        let message = Message { content_type: Some(JSON.to_owned()), body, ..Message::default() };
        link.replies.send_unconfirmed(&self.context.shared.names.control(), &control_key(worker), message).await;
    }

    /// Tells workers to stop attempts: each worker its own, so that tickets are not shown around.
    async fn stop(&mut self, tickets: Vec<(Ticket, Option<std::sync::Arc<str>>)>) {
        let Some(link) = self.link() else { return };
        let mut by_key: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (ticket, worker) in tickets {
            let key = worker.map_or_else(|| KEY_CONTROL_ALL.to_owned(), |worker| control_key(&worker));
            by_key.entry(key).or_default().push(ticket.to_string());
        }
        for (key, tickets) in by_key {
            for chunk in tickets.chunks(STOP_MAX) {
                let control = Control { cancel: chunk.to_vec(), drain: false };
                let body = serde_json::to_vec(&control).expect("plain data");
                let message = Message { content_type: Some(JSON.to_owned()), body, ..Message::default() };
                // A lost message is repaired by the answer to the next heartbeat.
                link.replies.send_unconfirmed(&self.context.shared.names.control(), &key, message).await;
            }
        }
    }

    /// A queue that the database did not know held nothing of ours, so that nobody asks whether it was lost: the
    /// attempts that are about to go out would go out twice.
    async fn declare(&mut self, no: i64, queue: &QueueName) {
        let Some(link) = self.link() else { return };
        let result = if self.context.shared.is_external(queue) {
            let found = heal::prepare(&self.context, &link.session, queue).await;
            if let Ok(found) = found {
                self.context.input(Input::LaneFound(no, found)).await;
            }
            found.map(drop)
        } else {
            let made = heal::make(&self.context, &link.session, queue).await;
            made.map(|()| self.lanes.entry(no).or_default().prepared = true)
        };
        if let Err(error) = result {
            tracing::error!(%error, %queue, "the queue cannot be made");
        }
    }
}
