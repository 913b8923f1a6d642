//! The worker's connection to the broker: its consumers, its publisher, and the reports that wait for confirms.

mod address;
mod connect;
mod post;
mod roads;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use warrener_amqp::{Backoff, BrokerError, Consumer, Delivery, Incoming, Publisher, Receipt, Session};
use warrener_shared::wire::control::Control;
use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::Report;
use warrener_shared::wire::topology::KEY_RESULTS;
use warrener_shared::wire::{self, Message};

pub(super) use self::address::BrokerAddress;
pub(super) use self::connect::Connector;
use self::post::Post;
use self::roads::Roads;
use crate::report;
use crate::session::{Destination, Offer, Ticket};

/// The connection to the broker, from its opening to its first error.
pub(super) struct Line {
    address: Arc<BrokerAddress>,
    roads: Roads,
    /// Time of the next look at the roads; `patience` gives the wait until the one after it.
    next_look: Instant,
    patience: Backoff,
    /// Questions to the broker that wait for their answers, so that nobody else has to.
    asking: FuturesUnordered<JoinHandle<Result<Told, BrokerError>>>,
    broker: Session,
    publisher: Publisher,
    control: Consumer,
    feeds: Vec<ConsumerFeed>,
    post: Post,
    acks: Vec<Receipt>,
    leftovers: Vec<Offer<Receipt>>,
    unreadable: Vec<Receipt>,
}

/// A consumer as the session knows it.
struct ConsumerFeed {
    lane: usize,
    number: u32,
    prefetch: u16,
    state: FeedState,
}

enum FeedState {
    Consuming(Box<Consumer>),
    /// The queue isn't there yet: an orchestrator declares it once it hears of it from our heartbeats.
    Missing {
        retry: Instant,
    },
}

/// Everything that arrived over the connection in one round.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) offers: Vec<Offer<Receipt>>,
    pub(super) answers: Vec<ReportAnswer>,
    pub(super) controls: Vec<Control>,
    /// Consumers that the broker has ended, with their queues.
    pub(super) ended: Vec<(usize, u32)>,
    pub(super) told: Vec<Told>,
}

/// An answer of the broker.
pub(super) enum Told {
    /// Messages that wait in a queue.
    Waiting { lane: usize, ready: u32 },
    /// The messages that this user may publish.
    Roads(Roads),
}

/// A report that is to be published.
pub(super) struct Sealed {
    pub(super) ticket: Ticket,
    /// Number of the report, repeated in the answer.
    pub(super) serial: u64,
    pub(super) to: Destination,
    pub(super) report: Arc<Report>,
}

/// The broker's answer to a report.
pub(super) struct ReportAnswer {
    pub(super) ticket: Ticket,
    pub(super) serial: u64,
    pub(super) confirmed: bool,
}

impl Line {
    /// Waits until something comes and takes what is there. Dropped before it is ready, nothing is lost.
    pub(super) async fn hear(&mut self) -> Result<Arrivals, BrokerError> {
        poll_fn(|cx| self.poll_hear(cx)).await
    }

    fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrivals, BrokerError>> {
        let mut heard = Arrivals { answers: self.post.poll_answers(cx, MOST_A_ROUND), ..Arrivals::default() };
        while let Poll::Ready(Some(told)) = self.asking.poll_next_unpin(cx) {
            heard.told.push(told.expect("a question does not panic")?);
        }
        for feed in &mut self.feeds {
            let FeedState::Consuming(consumer) = &mut feed.state else { continue };
            if let Poll::Ready(batch) = pin!(consumer.next_batch(MOST_A_ROUND, Duration::ZERO)).poll(cx) {
                let batch = match batch {
                    // The queue was deleted, or a delivery was held for too long. The other queues need not suffer.
                    Err(BrokerError::ConsumerEnded { queue }) => {
                        tracing::info!(queue, "the broker has ended a consumer; another takes its place");
                        heard.ended.push((feed.lane, feed.number));
                        continue;
                    }
                    batch => batch?,
                };
                for delivery in batch.into_deliveries() {
                    match offer(feed.lane, feed.number, delivery) {
                        Ok(offer) => heard.offers.push(offer),
                        Err(receipt) => self.unreadable.push(receipt),
                    }
                }
            }
        }
        if let Poll::Ready(delivery) = pin!(self.control.next()).poll(cx) {
            let delivery = delivery?;
            heard.controls.extend(control(&delivery));
            let (_, receipt) = delivery.into_parts();
            self.acks.push(receipt);
        }
        self.feeds.retain(|feed| !heard.ended.contains(&(feed.lane, feed.number)));
        let silent = heard.answers.is_empty() && heard.offers.is_empty();
        let silent = silent && heard.ended.is_empty() && heard.told.is_empty();
        let busy = !silent || !self.acks.is_empty() || !self.unreadable.is_empty();
        if busy { Poll::Ready(Ok(heard)) } else { Poll::Pending }
    }

    /// Notes a report to be published, in order, as soon as there is room.
    pub(super) fn queue(&mut self, sealed: Sealed) {
        self.post.add(sealed);
    }

    /// Publishes what is queued while there is room, so that it never waits for the broker.
    pub(super) async fn publish_queued(&mut self) {
        self.post.send(&self.publisher, &self.address, self.roads.answers).await;
    }

    /// The reason why reports are refused at present, `None` if they are taken. While it is set none may be sent, since
    /// a refused one ends the connection.
    pub(super) fn refused(&self) -> Option<&str> {
        self.roads.refused.as_deref()
    }

    /// Takes in what the broker said of the roads.
    pub(super) fn learn(&mut self, roads: Roads) {
        tell_of_silence(&roads, self.roads.silent.as_deref());
        self.roads = roads;
        self.next_look = Instant::now() + self.patience.next();
    }

    /// Asks about the roads again if some are closed and it is time.
    pub(super) fn look_at_roads(&mut self) {
        let closed = self.roads.refused.is_some() || self.roads.silent.is_some();
        if !closed || Instant::now() < self.next_look {
            return;
        }
        // Until it is answered nobody asks again.
        self.next_look += UNANSWERED;
        let (broker, address) = (self.broker.clone(), Arc::clone(&self.address));
        self.asking.push(tokio::spawn(async move { Roads::ask(&broker, &address).await.map(Told::Roads) }));
    }

    /// Asks how many messages wait in a queue.
    pub(super) fn look_at_queue(&mut self, lane: usize) {
        let (broker, queue) = (self.broker.clone(), self.address.lanes[lane].clone());
        self.asking.push(tokio::spawn(async move {
            let depth = broker.depth(&queue).await?;
            Ok(Told::Waiting { lane, ready: depth.map_or(0, |depth| depth.ready) })
        }));
    }

    /// The name of a queue at the broker.
    pub(super) fn queue_name(&self, lane: usize) -> &str {
        &self.address.lanes[lane]
    }

    pub(super) async fn send_progress(&self, ticket: &Ticket, report: &Report) {
        let message = Message { persistent: false, ..report::message(ticket, report, &self.address.id) };
        self.send(&self.address.results, KEY_RESULTS, message).await;
    }

    pub(super) async fn send_heartbeat(&self, message: Message) {
        if self.roads.silent.is_none() {
            self.send(&self.address.workers, "", message).await;
        }
    }

    async fn send(&self, exchange: &str, key: &str, message: Message) {
        if !self.publisher.send_unconfirmed(exchange, key, message).await {
            tracing::debug!(exchange, "a message that the next one replaces was not sent");
        }
    }

    pub(super) async fn consume(&mut self, lane: usize, number: u32, prefetch: u32) -> Result<(), BrokerError> {
        let prefetch = u16::try_from(prefetch).unwrap_or(u16::MAX);
        self.settle().await?;
        let state = self.subscribe(lane, prefetch).await?;
        self.feeds.push(ConsumerFeed { lane, number, prefetch, state });
        Ok(())
    }

    async fn subscribe(&self, lane: usize, prefetch: u16) -> Result<FeedState, BrokerError> {
        match self.broker.consume(&self.address.lanes[lane], prefetch).await {
            Ok(consumer) => Ok(FeedState::Consuming(Box::new(consumer.sparing_its_session()))),
            Err(BrokerError::Missing { .. }) => {
                tracing::debug!(queue = self.address.lanes[lane], "the queue isn't there yet");
                Ok(FeedState::Missing { retry: Instant::now() + MISSING })
            }
            Err(error) => Err(error),
        }
    }

    /// Tries the queues again that were not there.
    pub(super) async fn retry_missing(&mut self) -> Result<(), BrokerError> {
        for number in 0..self.feeds.len() {
            let feed = &self.feeds[number];
            let due = matches!(feed.state, FeedState::Missing { retry } if Instant::now() >= retry);
            if due {
                self.feeds[number].state = self.subscribe(feed.lane, feed.prefetch).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn cancel(&mut self, lane: usize, number: u32) -> Result<(), BrokerError> {
        self.settle().await?;
        let Some(position) = self.feeds.iter().position(|feed| feed.number == number) else { return Ok(()) };
        if let FeedState::Consuming(consumer) = self.feeds.remove(position).state {
            for delivery in consumer.cancel().await? {
                match offer(lane, number, delivery) {
                    Ok(offer) => self.leftovers.push(offer),
                    Err(receipt) => self.unreadable.push(receipt),
                }
            }
        }
        Ok(())
    }

    pub(super) fn take_leftovers(&mut self) -> Vec<Offer<Receipt>> {
        std::mem::take(&mut self.leftovers)
    }

    /// Notes an acknowledgement; many go out in one write.
    pub(super) fn ack(&mut self, receipt: Receipt) {
        self.acks.push(receipt);
    }

    /// Sends the acknowledgements noted so far, and refuses what no attempt could be made of: that becomes a dead
    /// letter. What comes too late belongs to an earlier connection.
    pub(super) async fn settle(&mut self) -> Result<(), BrokerError> {
        for receipt in self.unreadable.drain(..) {
            receipt.reject().await?;
        }
        Receipt::ack_all(std::mem::take(&mut self.acks)).await
    }

    /// Makes the connector for the next connection, which opens after `wait`. If no report got through on this
    /// connection, or it ended by a refusal, the next one begins with the question what may be published.
    pub(super) fn reconnect(&self, wait: Duration, error: &BrokerError, was_useful: bool) -> Connector {
        let refusal = matches!(error, BrokerError::Refused { .. } | BrokerError::Missing { .. });
        // A road that is known to be closed is asked about again.
        let has_closed = self.roads.silent.is_some() || !self.roads.answers;
        self.address.doubt(refusal || has_closed || !was_useful);
        Connector::after(Arc::clone(&self.address), wait)
    }

    pub(super) async fn close(self) {
        self.broker.close().await;
    }
}

/// A task; or, of a message that is none, the right to refuse it.
fn offer(lane: usize, feed: u32, delivery: Delivery) -> Result<Offer<Receipt>, Receipt> {
    // A queue that counts deliveries says how many; of any other we only know that this is not the first.
    let earlier = if delivery.redelivered { delivery.delivery_count.unwrap_or(1) } else { 0 };
    let (Incoming { message, .. }, delivery) = delivery.into_parts();
    let id = message.message_id.clone();
    match Assignment::from_message(message) {
        Ok(assignment) => Ok(Offer { lane, feed, assignment, earlier, delivery }),
        Err(error) => {
            tracing::warn!(%error, id, "refusing a message on a task queue");
            Err(delivery)
        }
    }
}

/// A control message that can't be read is nobody's loss: heartbeats repeat what matters.
fn control(delivery: &Delivery) -> Option<Control> {
    let body = &delivery.message.body;
    serde_json::from_slice(body)
        .inspect_err(|error| tracing::warn!(%error, body = wire::excerpt(body, 200), "unreadable control message"))
        .ok()
}

/// Says once that nobody hears of this worker, or that they do again.
fn tell_of_silence(roads: &Roads, before: Option<&str>) {
    match (&roads.silent, before) {
        (Some(why), None) => tracing::warn!(why, "no heartbeats are sent: they are refused"),
        (None, Some(_)) => tracing::info!("heartbeats are taken again"),
        _ => {}
    }
}

/// Most deliveries, answers or requests taken in one round, each sort for itself, so that every sort gets its turn.
const MOST_A_ROUND: usize = 256;
/// Longer than the broker takes to answer, or the session is over.
const UNANSWERED: Duration = Duration::from_secs(120);
/// A queue that isn't there is declared within a heartbeat or two; a passive declare costs next to nothing.
const MISSING: Duration = Duration::from_secs(1);
