//! Load: messages sent, answers awaited.

use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use futures_util::stream::FuturesOrdered;
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::BasicProperties;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicPublishOptions};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{self, UnboundedReceiver};

use super::wire::{Wire, confirmed, consume, next_answer};
use crate::exit::Exit;
use crate::failure::Failure;

/// Messages to send, and the queue of their answers.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) exchange: String,
    pub(super) key: String,
    /// `type` of the messages; empty for none.
    pub(super) kind: &'static str,
    /// Empty if nobody wants an answer.
    pub(super) answers: String,
    pub(super) body: Arc<[u8]>,
    /// Body of the message of a number, from 0, in place of the one for all.
    pub(super) body_of: Option<fn(usize) -> String>,
    pub(super) count: usize,
    /// Messages without an answer at any time.
    pub(super) window: usize,
    /// Text that every answer has to hold.
    pub(super) expected: &'static [u8],
    /// Messages in a second, sent when it is their time whether answers come or not; else each as soon as it may.
    pub(super) pace: Option<f64>,
    /// Longest time without an answer.
    pub(super) patience: Duration,
}

/// Durations of a load.
#[derive(Clone, Debug)]
pub(super) struct Took {
    pub(super) whole: Duration,
    /// Time from each send to its answer, in the order of the answers; with a pace, from when it was to be sent.
    pub(super) each: Vec<Duration>,
    /// Numbers of the messages in the same order, from 0.
    pub(super) order: Vec<usize>,
}

/// Times at which each message was sent, or was to be.
type Sent = Arc<Vec<OnceLock<Instant>>>;

impl Load {
    /// Sends everything and waits for every answer.
    pub(super) async fn run(self, wire: &Wire) -> Result<Took, Failure> {
        let (sending, receiving) = (wire.confirming().await?, wire.channel().await?);
        let sent: Sent = Arc::new((0..self.count).map(|_| OnceLock::new()).collect());
        let room = Arc::new(Semaphore::new(self.window));
        let start = Instant::now();
        let collector = tokio::spawn(self.clone().collect(receiving.clone(), Arc::clone(&sent), Arc::clone(&room)));
        let collected = async { collector.await.expect("collecting doesn't panic") };
        // The first to fail ends both: a sender without room would wait for ever.
        let ((), answers) = tokio::try_join!(self.send(&sending, &sent, &room), collected)?;
        let whole = start.elapsed();
        sending.close(200, "done".into()).await?;
        receiving.close(200, "done".into()).await?;
        let (order, each) = answers.into_iter().unzip();
        Ok(Took { whole, each, order })
    }

    /// Sends everything, asks for no answer, and waits until the broker has it.
    pub(super) async fn tell(self, wire: &Wire) -> Result<(), Failure> {
        let channel = wire.confirming().await?;
        let sent: Sent = Arc::new((0..self.count).map(|_| OnceLock::new()).collect());
        let silent = Self { answers: String::new(), ..self };
        silent.send(&channel, &sent, &Semaphore::new(silent.count)).await?;
        channel.close(200, "done".into()).await?;
        Ok(())
    }

    async fn send(&self, channel: &Channel, sent: &Sent, room: &Semaphore) -> Result<(), Failure> {
        let mut confirms = FuturesOrdered::new();
        let mut due = self.pace.map(|pace| schedule(pace, self.count));
        for (number, at) in sent.iter().enumerate() {
            room.acquire().await.expect("it is never closed").forget();
            let scheduled = match &mut due {
                Some(due) => due.recv().await,
                None => None,
            };
            at.get_or_init(|| scheduled.unwrap_or_else(Instant::now));
            let (exchange, key) = (self.exchange.as_str().into(), self.key.as_str().into());
            let options = BasicPublishOptions::default();
            let own = self.body_of.map(|of| of(number).into_bytes());
            let body = own.as_deref().unwrap_or(&self.body);
            confirms.push_back(channel.basic_publish(exchange, key, options, body, self.marked(number)).await?);
            while let Some(Some(confirm)) = confirms.next().now_or_never() {
                confirmed(confirm)?;
            }
            if confirms.len() >= UNCONFIRMED {
                confirmed(confirms.next().await.expect("there are some"))?;
            }
        }
        while let Some(confirm) = confirms.next().await {
            confirmed(confirm)?;
        }
        Ok(())
    }

    fn marked(&self, number: usize) -> BasicProperties {
        let properties = BasicProperties::default().with_delivery_mode(2).with_content_type("application/json".into());
        let properties = if self.kind.is_empty() { properties } else { properties.with_type(self.kind.into()) };
        if self.answers.is_empty() {
            return properties;
        }
        properties.with_reply_to(self.answers.as_str().into()).with_correlation_id(number.to_string().into())
    }

    async fn collect(
        self,
        channel: Channel,
        sent: Sent,
        room: Arc<Semaphore>,
    ) -> Result<Vec<(usize, Duration)>, Failure> {
        let mut consumer = consume(&channel, &self.answers, PREFETCH).await?;
        let mut each = Vec::with_capacity(self.count);
        while each.len() < self.count {
            let answer = next_answer(&mut consumer, self.patience).await?;
            let mark = answer.properties.correlation_id().as_ref();
            let number = mark.and_then(|mark| mark.as_str().parse::<usize>().ok());
            let at = number.and_then(|number| sent.get(number)?.get());
            self.check(&answer.data)?;
            each.extend(number.zip(at.map(Instant::elapsed)));
            room.add_permits(1);
            if each.len() % ACK_EVERY == 0 || self.window < ACK_EVERY || each.len() == self.count {
                answer.acker.ack(BasicAckOptions { multiple: true }).await?;
            }
        }
        Ok(each)
    }

    fn check(&self, answer: &[u8]) -> Result<(), Failure> {
        if answer.windows(self.expected.len().max(1)).any(|part| part == self.expected) || self.expected.is_empty() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&answer[..answer.len().min(SHOWN)]).into_owned();
        Err(Failure::new(Exit::Error, format!("measuring: an answer other than expected: {text}")))
    }
}

/// The times at which so many messages are due, each given out when it has come.
///
/// By a thread that sleeps: the timers of the runtime are a millisecond coarse, which would be measured too.
fn schedule(pace: f64, count: usize) -> UnboundedReceiver<Instant> {
    let (due, times) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let start = Instant::now();
        for number in 0..count {
            let time = start + Duration::from_secs_f64(number as f64 / pace);
            std::thread::sleep(time.saturating_duration_since(Instant::now()));
            if due.send(time).is_err() {
                return;
            }
        }
    });
    times
}

/// Publishes that wait for their confirm.
pub(super) const UNCONFIRMED: usize = 1024;
/// Unsettled messages of a consumer.
pub(super) const PREFETCH: u16 = 1024;
/// Answers settled at once; well under what a consumer may hold.
const ACK_EVERY: usize = 64;
/// Bytes of an unexpected answer that are shown.
const SHOWN: usize = 400;
