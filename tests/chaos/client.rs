//! Clients of the load: each submits at a steady pace, again and again until accepted, over whatever still works.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use warrener_shared::wire::topology::{KEY_SUBMIT, Names};
use warrener_tests::cluster::http;

use crate::dice::Dice;
use crate::record::Record;

/// Submits over AMQP and reads the answers. It ends once it is asked to leave and all that it began is accepted.
pub(crate) struct AmqpClient {
    pub(crate) url: String,
    /// A durable queue of its own for answers.
    pub(crate) queue: String,
    pub(crate) pace: Duration,
    pub(crate) dice: Dice,
    pub(crate) record: Record,
    /// Submit no more.
    pub(crate) stop: CancellationToken,
    pub(crate) leave: CancellationToken,
    /// Submits that are not accepted: the documents, and when each was sent last.
    pub(crate) waiting: BTreeMap<String, (String, Option<Instant>)>,
}

impl AmqpClient {
    pub(crate) async fn run(mut self) {
        while !self.is_done() {
            // The next connection may do better.
            self.session().await.ok();
            // What was sent may have got lost with it.
            self.waiting.values_mut().for_each(|(_, sent)| *sent = None);
            sleep(Duration::from_millis(200)).await;
        }
    }

    fn is_done(&self) -> bool {
        self.leave.is_cancelled() && self.waiting.is_empty()
    }

    async fn session(&mut self) -> anyhow::Result<()> {
        let connecting = Connection::connect(&self.url, ConnectionProperties::default());
        let connection = timeout(ANSWER, connecting).await??;
        let channel = timeout(ANSWER, connection.create_channel()).await??;
        let mut consumer = timeout(ANSWER, self.listen(&channel)).await??;
        let mut tick = interval(self.pace);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while !self.is_done() {
            tokio::select! {
                delivery = consumer.next() => {
                    let delivery = delivery.context("the broker ended the consumer")??;
                    timeout(ANSWER, self.hear(&delivery)).await??;
                }
                _ = tick.tick() => self.submit(&connection, &channel).await?,
            }
        }
        Ok(())
    }

    async fn listen(&self, channel: &Channel) -> anyhow::Result<Consumer> {
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let queue = self.queue.as_str();
        channel.queue_declare(queue.into(), durable, FieldTable::default()).await?;
        let options = BasicConsumeOptions::default();
        Ok(channel.basic_consume(queue.into(), "answers".into(), options, FieldTable::default()).await?)
    }

    async fn submit(&mut self, connection: &Connection, channel: &Channel) -> anyhow::Result<()> {
        if !connection.status().connected() {
            bail!("the connection is gone");
        }
        if !self.stop.is_cancelled() && self.waiting.len() < MOST_WAITING {
            let (id, document) = self.record.send(&mut self.dice, true);
            self.waiting.insert(id, (document, None));
        }
        let is_due = |sent: &Option<Instant>| sent.is_none_or(|at| at.elapsed() > AGAIN);
        let due = self.waiting.iter_mut().filter(|(_, (_, sent))| is_due(sent)).take(AT_ONCE);
        for (id, (document, sent)) in due {
            *sent = Some(Instant::now());
            let mut headers = FieldTable::default();
            headers.insert("reply".into(), AMQPValue::LongString("both".into()));
            let properties = BasicProperties::default().with_reply_to(self.queue.as_str().into()).with_headers(headers);
            let properties = properties.with_correlation_id(id.as_str().into()).with_delivery_mode(2);
            let options = BasicPublishOptions::default();
            let exchange = Names::default().submit();
            let publishing =
                channel.basic_publish(exchange.into(), KEY_SUBMIT.into(), options, document.as_bytes(), properties);
            match timeout(ANSWER, timeout(ANSWER, publishing).await??).await?? {
                Confirmation::Ack(None) => {}
                refused => bail!("the broker took no submit: {refused:?}"),
            }
        }
        Ok(())
    }

    async fn hear(&mut self, delivery: &Delivery) -> anyhow::Result<()> {
        let id = delivery.properties.correlation_id().as_ref().map(ToString::to_string).unwrap_or_default();
        match delivery.properties.kind().as_ref().map(ToString::to_string).as_deref() {
            Some("job.accepted") => self.record.accept(&id),
            Some("job.finished") => {
                let body: Value = serde_json::from_slice(&delivery.data)?;
                self.record.finish(&id, body["state"].as_str().unwrap_or_default());
            }
            // A submit that expired in its queue is refused; it is sent again. Anything else is seen as never accepted.
            _ => {
                if let Some((_, sent)) = self.waiting.get_mut(&id) {
                    *sent = None;
                }
                delivery.acker.ack(BasicAckOptions::default()).await?;
                return Ok(());
            }
        }
        self.waiting.remove(&id);
        delivery.acker.ack(BasicAckOptions::default()).await?;
        Ok(())
    }
}

/// Submits over HTTP until it is asked to end and the last one is accepted.
pub(crate) async fn over_http(port: u16, pace: Duration, mut dice: Dice, record: Record, stop: CancellationToken) {
    let mut tick = interval(pace);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while !stop.is_cancelled() {
        tick.tick().await;
        let (id, document) = record.send(&mut dice, false);
        let headers = [("Content-Type", "application/json")];
        while !matches!(http::call(port, "POST", "/api/v1/jobs", &headers, document.as_bytes()).await.0, 200 | 202) {
            sleep(Duration::from_millis(200)).await;
        }
        record.accept(&id);
    }
}

/// Longest wait for the broker.
const ANSWER: Duration = Duration::from_secs(6);
/// A submit that nothing was heard of is sent again.
const AGAIN: Duration = Duration::from_secs(5);
/// Submits of one client that may be open; a client that gets no answers submits no more.
const MOST_WAITING: usize = 40;
/// Submits sent one after the other before answers are read again.
const AT_ONCE: usize = 4;
