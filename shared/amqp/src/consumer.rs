//! Receiving, with a bound on what is held.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::time::Instant;

use crate::batch::DeliveryBatch;
use crate::call::{call, short};
use crate::delivery::{Delivery, DeliveryChannel, Incoming};
use crate::{BrokerError, Session};

/// Receives the messages of one queue on a channel of its own.
///
/// Dropped without [`cancel`](Self::cancel), what has arrived but wasn't taken goes back to the queue once the last
/// delivery of this consumer is settled.
pub struct Consumer {
    lane: Arc<DeliveryChannel>,
    queue: String,
    /// `None` while paused.
    stream: Option<lapin::Consumer>,
    /// Arrived and not yet taken; at most the prefetch of this and of earlier subscriptions.
    held: VecDeque<lapin::message::Delivery>,
    /// Prefetch of the latest subscription.
    prefetch: u16,
    /// Time at which the batch that is being collected is due.
    due: Option<Instant>,
    over: Pin<Box<dyn Future<Output = BrokerError> + Send + Sync>>,
    /// Priority among the consumers of the queue; 0 is that of all who say nothing.
    priority: i32,
    /// True if the session goes on when the broker ends this consumer.
    spares_session: bool,
    /// Translation of the deliveries of batches.
    read: fn(lapin::message::Delivery) -> Incoming,
    /// Set once the broker has ended the consumer.
    has_ended: bool,
}

/// Priority of a consumer that goes before others. Nobody is known to use one as high.
const BEFORE_OTHERS: i32 = 1_000_000;

impl Session {
    /// Consumes from a queue, with at most `prefetch` deliveries unsettled.
    ///
    /// # Errors
    /// [`BrokerError::Missing`] if the queue doesn't exist; the session goes on then.
    pub async fn consume(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        // Asked on the connection for questions, where the answer "no" breaks nothing.
        if self.depth(queue).await?.is_none() {
            return Err(BrokerError::Missing { what: "consuming".to_owned(), entity: format!("the queue {queue}") });
        }
        let mut consumer = Consumer::new(self, queue).await?;
        consumer.subscribe(prefetch).await?;
        Ok(consumer)
    }

    /// Consumes from a queue before all others: as long as fewer than `prefetch` deliveries are unsettled, every
    /// message that becomes ready comes to this consumer.
    ///
    /// # Errors
    /// [`BrokerError::Missing`] if the queue doesn't exist; the session goes on then.
    pub async fn consume_before_others(&self, queue: &str, prefetch: u16) -> Result<Consumer, BrokerError> {
        if self.depth(queue).await?.is_none() {
            return Err(BrokerError::Missing { what: "consuming".to_owned(), entity: format!("the queue {queue}") });
        }
        let mut consumer = Consumer { priority: BEFORE_OTHERS, ..Consumer::new(self, queue).await? };
        consumer.subscribe(prefetch).await?;
        Ok(consumer)
    }

    /// Declares a queue that belongs to this session alone and vanishes with it, binds it, and consumes from it. The
    /// name must be new: a queue of an earlier session may still be there for a moment.
    ///
    /// # Errors
    /// [`BrokerError::Missing`] if the exchange doesn't exist; the session goes on then.
    pub async fn consume_exclusive(
        &self,
        queue: &str,
        exchange: &str,
        keys: &[String],
        prefetch: u16,
    ) -> Result<Consumer, BrokerError> {
        if !self.exchange_exists(exchange).await? {
            let entity = format!("the exchange {exchange}");
            return Err(BrokerError::Missing { what: format!("binding {queue}"), entity });
        }
        let mut consumer = Consumer::new(self, queue).await?;
        consumer.declare_exclusive(exchange, keys).await?;
        consumer.subscribe(prefetch).await?;
        Ok(consumer)
    }
}

impl Consumer {
    async fn new(session: &Session, queue: &str) -> Result<Self, BrokerError> {
        short("the name of a queue", queue)?;
        let channel = session.consuming_channel().await?;
        Ok(Self {
            lane: DeliveryChannel::new(channel, session.clone()),
            priority: 0,
            spares_session: false,
            read: Incoming::from_lapin,
            has_ended: false,
            queue: queue.to_owned(),
            stream: None,
            held: VecDeque::new(),
            prefetch: 1,
            due: None,
            over: Box::pin(session.life().over()),
        })
    }

    /// The same, but if the broker ends this consumer, as it does when the queue is deleted, only this consumer is
    /// over: [`BrokerError::ConsumerEnded`] says so, and what it delivered stays settleable.
    #[must_use]
    pub fn sparing_its_session(mut self) -> Self {
        self.spares_session = true;
        self
    }

    /// The same, and batches have the properties of each message exactly as they came.
    #[must_use]
    pub fn keeping_properties(mut self) -> Self {
        self.read = Incoming::with_properties;
        self
    }

    /// The queue.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// A way to ask whether everything that the broker had sent to this consumer has come.
    pub fn pulse(&self) -> Pulse {
        Pulse { lane: Arc::clone(&self.lane), queue: self.queue.clone(), prefetch: self.prefetch }
    }

    /// Takes the messages that have arrived already, up to `max`, without waiting; `None` if there are none.
    ///
    /// # Errors
    /// When the session is over, or the broker ended the consumer, which ends the session.
    pub fn arrived_batch(&mut self, max: usize) -> Result<Option<DeliveryBatch>, BrokerError> {
        self.next_batch(max, Duration::ZERO).now_or_never().transpose()
    }

    /// The next message. Dropped before it is ready, no message is lost.
    ///
    /// # Errors
    /// When the session is over, or the broker ended the consumer, which ends the session.
    pub async fn next(&mut self) -> Result<Delivery, BrokerError> {
        let delivery = self.arrived(1).await?;
        Ok(Delivery::new(delivery, &self.lane))
    }

    /// Waits for a message, then takes what is there: up to `max` messages, or what arrives within `linger`. Dropped
    /// before it is ready, no message is lost, and the next call goes on where it was.
    ///
    /// # Errors
    /// When the session is over, or the broker ended the consumer, which ends the session.
    pub async fn next_batch(&mut self, max: usize, linger: Duration) -> Result<DeliveryBatch, BrokerError> {
        let max = max.max(1);
        std::future::poll_fn(|cx| self.poll_held(cx, 1, max)).await?;
        let due = *self.due.get_or_insert_with(|| Instant::now() + linger);
        if self.held.len() < max && !linger.is_zero() {
            let full = std::future::poll_fn(|cx| self.poll_held(cx, max, max));
            if let Ok(ended) = tokio::time::timeout_at(due, full).await {
                ended?;
            }
        }
        self.due = None;
        let count = self.held.len().min(max);
        Ok(DeliveryBatch::new(self.held.drain(..count), &self.lane, self.read))
    }

    /// Ends the subscription and begins a new one, by which at most `n` more deliveries come, whatever is held
    /// already; what is held stays settleable. 0 pauses. What arrived before is still returned by `next`.
    ///
    /// A prefetch is a promise to work on so many messages: it has to shrink before a slot that is taken for long
    /// gives its delivery back, or the broker would send another one behind it. Once called it must run to its end;
    /// dropped halfway it ends the session.
    ///
    /// # Errors
    /// If the broker doesn't answer; the session is over then.
    pub async fn set_prefetch(&mut self, n: u16) -> Result<(), BrokerError> {
        self.unsubscribe().await?;
        if n == 0 { Ok(()) } else { self.subscribe(n).await }
    }

    /// Ends the subscription for good and hands out what had arrived, to be released or worked on. All deliveries
    /// stay settleable.
    ///
    /// # Errors
    /// If the broker doesn't answer; the session is over then.
    pub async fn cancel(mut self) -> Result<Vec<Delivery>, BrokerError> {
        self.unsubscribe().await?;
        let held = std::mem::take(&mut self.held);
        Ok(held.into_iter().map(|delivery| Delivery::new(delivery, &self.lane)).collect())
    }

    async fn declare_exclusive(&self, exchange: &str, keys: &[String]) -> Result<(), BrokerError> {
        let (queue, exchange) =
            (short("the name of a queue", &self.queue)?, short("the name of an exchange", exchange)?);
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let mut arguments = FieldTable::default();
        // Spelt out, since a virtual host may have another default type.
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
        let channel = &self.lane.channel;
        self.ask("declaring a queue", channel.queue_declare(queue.clone(), options, arguments)).await?;
        for key in keys {
            let key = short("a routing key", key)?;
            let options = QueueBindOptions::default();
            let binding = channel.queue_bind(queue.clone(), exchange.clone(), key, options, FieldTable::default());
            self.ask("binding a queue", binding).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, prefetch: u16) -> Result<(), BrokerError> {
        let abandoned = EndIfAbandoned::new(&self.lane.session);
        let channel = &self.lane.channel;
        // Zero means "without limit" in AMQP.
        let prefetch = prefetch.max(1);
        self.prefetch = prefetch;
        self.ask("setting the prefetch", channel.basic_qos(prefetch, BasicQosOptions::default())).await?;
        let (queue, tag) = (short("the name of a queue", &self.queue)?, "".into());
        let mut arguments = FieldTable::default();
        if self.priority != 0 {
            arguments.insert("x-priority".into(), AMQPValue::LongInt(self.priority));
        }
        let consuming = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), arguments);
        let stream = self.ask("consuming", consuming).await?;
        self.lane.subscribed(Some(stream.tag()));
        self.stream = Some(stream);
        abandoned.disarm();
        Ok(())
    }

    /// Deliveries that were on their way when the broker confirmed the end stand in the stream before its end.
    async fn unsubscribe(&mut self) -> Result<(), BrokerError> {
        let Some(mut stream) = self.stream.take() else { return self.lane.session.life().check() };
        let abandoned = EndIfAbandoned::new(&self.lane.session);
        let cancelling = self.lane.channel.basic_cancel(stream.tag(), BasicCancelOptions::default());
        self.ask("cancelling a consumer", cancelling).await?;
        self.lane.subscribed(None);
        let (held, queue) = (&mut self.held, &self.queue);
        let rest = async {
            while let Some(delivery) = stream.next().await {
                held.push_back(delivery?);
            }
            Ok(())
        };
        let limit = self.lane.session.settings().call_timeout;
        call(&format!("cancelling the consumer of {queue}"), limit, rest).await?;
        abandoned.disarm();
        Ok(())
    }

    /// A call on the channel of this consumer. If it fails the session is over.
    async fn ask<T>(&self, what: &str, answer: impl Future<Output = lapin::Result<T>>) -> Result<T, BrokerError> {
        let session = &self.lane.session;
        let answer = call(&format!("{what}: {}", self.queue), session.settings().call_timeout, answer).await;
        answer.inspect_err(|error| session.break_with(error.clone()))
    }

    async fn arrived(&mut self, count: usize) -> Result<lapin::message::Delivery, BrokerError> {
        std::future::poll_fn(|cx| self.poll_held(cx, count, count)).await?;
        Ok(self.held.pop_front().expect("ready means that something is held"))
    }

    /// Takes what has arrived, up to `most`; ready once at least `least` is held.
    fn poll_held(&mut self, cx: &mut Context<'_>, least: usize, most: usize) -> Poll<Result<(), BrokerError>> {
        self.lane.session.life().check()?;
        while self.held.len() < most {
            match self.poll_stream(cx) {
                Poll::Ready(delivery) => self.held.push_back(delivery?),
                Poll::Pending => break,
            }
        }
        if self.held.len() >= least {
            return Poll::Ready(Ok(()));
        }
        // What arrived before the end was handed out first.
        if self.has_ended {
            return Poll::Ready(Err(BrokerError::ConsumerEnded { queue: self.queue.clone() }));
        }
        // Ready means over: the check above keeps it from being polled again.
        self.over.as_mut().poll(cx).map(Err)
    }

    fn poll_stream(&mut self, cx: &mut Context<'_>) -> Poll<Result<lapin::message::Delivery, BrokerError>> {
        let Some(stream) = &mut self.stream else { return Poll::Pending };
        let why = match std::task::ready!(stream.poll_next_unpin(cx)) {
            Some(Ok(delivery)) => return Poll::Ready(Ok(delivery)),
            Some(Err(error)) => BrokerError::from_lapin("consuming", &error),
            None if self.spares_session => {
                (self.stream, self.has_ended) = (None, true);
                self.lane.subscribed(None);
                return Poll::Pending;
            }
            None => BrokerError::ConsumerEnded { queue: self.queue.clone() },
        };
        self.stream = None;
        self.lane.session.break_with(why.clone());
        Poll::Ready(Err(why))
    }
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("queue", &self.queue)
            .field("paused", &self.stream.is_none())
            .field("held", &self.held.len())
            .finish_non_exhaustive()
    }
}

/// Asks the broker on the channel of a consumer, behind all that it has sent there.
#[derive(Clone, Debug)]
pub struct Pulse {
    lane: Arc<DeliveryChannel>,
    queue: String,
    prefetch: u16,
}

impl Pulse {
    /// Waits until everything that the broker had sent to the consumer by now has come.
    ///
    /// # Errors
    /// If the broker doesn't answer in time. That ends nothing.
    pub async fn round_trip(&self, limit: Duration) -> Result<(), BrokerError> {
        // What it was; it counts for later subscriptions only.
        let asking = self.lane.channel.basic_qos(self.prefetch, BasicQosOptions::default());
        call("asking a consumer's channel", limit, asking).await
    }

    /// Binds the consumer's queue, which only its own connection may do if it is exclusive.
    ///
    /// # Errors
    /// If the exchange is missing, which ends the session, or the broker doesn't answer in time.
    pub async fn bind(&self, exchange: &str, key: &str, limit: Duration) -> Result<(), BrokerError> {
        let queue = short("the name of a queue", &self.queue)?;
        let (exchange, key) = (short("the name of an exchange", exchange)?, short("a routing key", key)?);
        let options = QueueBindOptions::default();
        let binding = self.lane.channel.queue_bind(queue, exchange, key, options, FieldTable::default());
        call(&format!("binding {}", self.queue), limit, binding).await
    }
}

/// Guard of a change of subscription. Abandoned midway the consumer would be deaf, so the session ends instead.
struct EndIfAbandoned<'a>(Option<&'a Session>);

impl<'a> EndIfAbandoned<'a> {
    fn new(session: &'a Session) -> Self {
        Self(Some(session))
    }

    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for EndIfAbandoned<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.0 {
            let (what, why) = ("changing a subscription".to_owned(), "it was abandoned halfway".to_owned());
            session.break_with(BrokerError::Broken { what, why });
        }
    }
}
