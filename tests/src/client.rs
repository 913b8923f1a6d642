//! Somebody who submits jobs over AMQP with the plain client library and reads the answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
pub use lapin::BasicProperties;
use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions,
};
pub use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind};
use serde_json::Value;
use warrener_shared::wire::topology::{KEY_RESULTS, KEY_SUBMIT, Names};

use crate::broker::unique;
use crate::wait::{SOON, until, within};

/// A client with a queue of its own for answers.
#[derive(Debug)]
pub struct Client {
    connection: Connection,
    channel: Channel,
    // The library gives one publisher the confirm of another on the same channel.
    publishing: tokio::sync::Mutex<()>,
    names: Names,
    queue: String,
    inbox: Arc<Mutex<Vec<Answer>>>,
}

/// A message that came.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Property `type`, empty if it had none.
    pub kind: String,
    /// Property `correlation_id`, empty if it had none.
    pub correlation_id: String,
    /// Routing key.
    pub routing_key: String,
    /// All properties.
    pub properties: BasicProperties,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it isn't.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The `code pointer` pairs of a refusal.
    pub fn problems(&self) -> Vec<(String, String)> {
        let body = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(&error["code"]), text(&error["pointer"]))).collect()
    }
}

impl Client {
    /// A client of the system with these names. The system need not be there yet.
    ///
    /// # Panics
    /// If the broker isn't there.
    pub async fn connect(url: &str, names: &Names) -> Self {
        Self::try_connect(url, names).await.expect("a broker")
    }

    /// A client of the system with these names, if the broker is there.
    ///
    /// # Errors
    /// What the broker or the system says.
    pub async fn try_connect(url: &str, names: &Names) -> lapin::Result<Self> {
        let connection = Connection::connect(url, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let client = Self {
            connection,
            channel,
            publishing: tokio::sync::Mutex::default(),
            names: names.clone(),
            queue: unique("answers"),
            inbox: Arc::default(),
        };
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        client.channel.queue_declare(client.queue.as_str().into(), options, FieldTable::default()).await?;
        client.try_listen(&client.queue).await?;
        Ok(client)
    }

    /// The queue for answers.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// Adds everything that an exchange routes by this key to what came.
    pub async fn bind(&self, exchange: &str, key: &str) {
        let bound = self.channel.queue_bind(
            self.queue.as_str().into(),
            exchange.into(),
            key.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        );
        bound.await.expect("a binding");
    }

    /// Declares a queue that is full and refuses everything, bound to an exchange.
    ///
    /// # Panics
    /// If the broker takes it differently.
    pub async fn full_queue(&self, exchange: &str, key: &str) -> String {
        let queue = unique("client.full");
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.as_str().into(), options, arguments).await.expect("a queue");
        let options = QueueBindOptions::default();
        let bound =
            self.channel.queue_bind(queue.as_str().into(), exchange.into(), key.into(), options, FieldTable::default());
        bound.await.expect("a binding");
        assert!(self.publish("", &queue, BasicProperties::default(), b"{}").await, "the first message has room");
        assert!(!self.publish("", &queue, BasicProperties::default(), b"{}").await, "the second has none");
        queue
    }

    /// Declares a durable queue.
    ///
    /// # Panics
    /// If the broker doesn't let it.
    pub async fn declare(&self, queue: &str, arguments: FieldTable) {
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        self.channel.queue_declare(queue.into(), options, arguments).await.expect("a queue");
    }

    /// Takes a binding away.
    ///
    /// # Panics
    /// If the broker doesn't let it.
    pub async fn unbind(&self, queue: &str, exchange: &str, key: &str) {
        let unbound = self.channel.queue_unbind(queue.into(), exchange.into(), key.into(), FieldTable::default());
        unbound.await.expect("no binding");
    }

    /// Deletes an exchange.
    ///
    /// # Panics
    /// If the broker doesn't let it.
    pub async fn delete_exchange(&self, exchange: &str) {
        let channel = self.connection.create_channel().await.expect("a channel");
        let deleted = channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await;
        deleted.expect("the exchange was deleted");
    }

    /// Tells whether an exchange exists.
    pub async fn has_exchange(&self, exchange: &str) -> bool {
        let Ok(channel) = self.connection.create_channel().await else { return false };
        let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
        let asked = channel.exchange_declare(exchange.into(), ExchangeKind::Direct, options, FieldTable::default());
        asked.await.is_ok()
    }

    /// The queue that submits go to.
    pub fn submit_queue(&self) -> String {
        self.names.submit()
    }

    /// Adds what a queue of somebody else holds to what came; it is acknowledged at once.
    ///
    /// # Panics
    /// If there is no such queue.
    pub async fn listen(&self, queue: &str) {
        self.try_listen(queue).await.expect("a consumer");
    }

    /// Adds what a queue of somebody else holds to what came; it is acknowledged at once.
    ///
    /// # Errors
    /// What the broker says; the client is of no use then.
    pub async fn try_listen(&self, queue: &str) -> lapin::Result<()> {
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let tag = unique("c");
        let consuming = self.channel.basic_consume(queue.into(), tag.as_str().into(), options, FieldTable::default());
        let mut consumer = consuming.await?;
        let inbox = Arc::clone(&self.inbox);
        tokio::spawn(async move {
            while let Some(Ok(delivery)) = consumer.next().await {
                let text = |text: &Option<lapin::types::ShortString>| {
                    text.as_ref().map(ToString::to_string).unwrap_or_default()
                };
                let answer = Answer {
                    kind: text(delivery.properties.kind()),
                    correlation_id: text(delivery.properties.correlation_id()),
                    routing_key: delivery.routing_key.to_string(),
                    properties: delivery.properties.clone(),
                    body: delivery.data,
                };
                inbox.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
            }
        });
        Ok(())
    }

    /// The properties of a submit that wants all answers; the second is how they will be marked.
    pub fn asking(&self) -> (BasicProperties, String) {
        let mark = unique("q");
        (self.asking_for("both", &mark), mark)
    }

    /// The properties of a submit with this header `reply` and this mark.
    pub fn asking_for(&self, mode: &str, mark: &str) -> BasicProperties {
        let mut headers = FieldTable::default();
        headers.insert("reply".into(), AMQPValue::LongString(mode.into()));
        let properties = BasicProperties::default().with_reply_to(self.queue.as_str().into());
        properties.with_correlation_id(mark.into()).with_headers(headers).with_delivery_mode(2)
    }

    /// Publishes anything anywhere and waits for the confirm; false if the broker didn't take it.
    pub async fn publish(&self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) -> bool {
        let _one = self.publishing.lock().await;
        let options = BasicPublishOptions::default();
        let sent = self.channel.basic_publish(exchange.into(), key.into(), options, body, properties).await;
        let Ok(confirm) = sent else { return false };
        matches!(tokio::time::timeout(SOON, confirm).await, Ok(Ok(Confirmation::Ack(_))))
    }

    /// Publishes to the submit exchange.
    ///
    /// # Panics
    /// If the broker doesn't take it.
    pub async fn send(&self, properties: BasicProperties, body: &[u8]) {
        assert!(self.publish(&self.names.submit(), KEY_SUBMIT, properties, body).await, "the broker took no submit");
    }

    /// Publishes to the results exchange.
    ///
    /// # Panics
    /// If the broker doesn't take it.
    pub async fn report(&self, properties: BasicProperties, body: &[u8]) {
        assert!(self.publish(&self.names.results(), KEY_RESULTS, properties, body).await, "the broker took no result");
    }

    /// Submits a job that wants all answers; returns how they will be marked.
    pub async fn submit(&self, job: &Value) -> String {
        self.submit_text(&job.to_string()).await
    }

    /// Submits the text of a job as it is.
    pub async fn submit_text(&self, job: &str) -> String {
        let (properties, mark) = self.asking();
        self.send(properties, job.as_bytes()).await;
        mark
    }

    /// Submits a job under an id of its own, and waits until it is accepted. Without an id a submit whose
    /// acknowledgement a dying broker forgets would be two jobs.
    ///
    /// # Panics
    /// If it was refused, or if nothing comes.
    pub async fn accept(&self, job: &Value) -> String {
        let (properties, mark) = self.asking();
        let properties = properties.with_message_id(unique("job").into());
        self.send(properties, job.to_string().as_bytes()).await;
        self.accepted(&mark).await
    }

    /// The id that a submit was accepted with.
    ///
    /// # Panics
    /// If it was refused, or if nothing comes.
    pub async fn accepted(&self, mark: &str) -> String {
        let answer = self.answer(mark, &["job.accepted", "job.rejected"]).await;
        assert_eq!(answer.kind, "job.accepted", "{}", answer.text());
        answer.json()["job_id"].as_str().expect("an id").to_owned()
    }

    /// Waits for the end of a job.
    ///
    /// # Panics
    /// If it was refused, or doesn't end soon.
    pub async fn finished(&self, mark: &str) -> Answer {
        self.finished_within(mark, SOON * 2).await
    }

    /// Waits for the end of a job, for at most so long.
    ///
    /// # Panics
    /// If it was refused, or doesn't end in time.
    pub async fn finished_within(&self, mark: &str, limit: Duration) -> Answer {
        let answer = self.answer_within(mark, &["job.finished", "job.rejected"], limit).await;
        assert_eq!(answer.kind, "job.finished", "{}", answer.text());
        answer
    }

    /// Submits a job and waits for its end.
    pub async fn run(&self, job: &Value) -> Value {
        let mark = self.submit(job).await;
        self.finished(&mark).await.json()
    }

    /// The refusal of a submit.
    ///
    /// # Panics
    /// If it was accepted, or if nothing comes.
    pub async fn rejected(&self, mark: &str) -> Answer {
        let answer = self.answer(mark, &["job.accepted", "job.rejected"]).await;
        assert_eq!(answer.kind, "job.rejected", "{}", answer.text());
        answer
    }

    /// The first answer with this mark and one of these types.
    ///
    /// # Panics
    /// If it doesn't come soon.
    pub async fn answer(&self, mark: &str, kinds: &[&str]) -> Answer {
        self.answer_within(mark, kinds, SOON).await
    }

    async fn answer_within(&self, mark: &str, kinds: &[&str], limit: Duration) -> Answer {
        until(&format!("{kinds:?} of {mark}"), limit, async || self.find(mark, kinds)).await
    }

    /// The first answer with this mark and one of these types, if it has come.
    pub fn find(&self, mark: &str, kinds: &[&str]) -> Option<Answer> {
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |answer: &&Answer| answer.correlation_id == mark && kinds.contains(&answer.kind.as_str());
        inbox.iter().find(fits).cloned()
    }

    /// Tells whether the connection is there.
    pub fn is_connected(&self) -> bool {
        self.connection.status().connected()
    }

    /// Tells whether a queue exists.
    pub async fn has_queue(&self, queue: &str) -> bool {
        // A missing queue closes the channel that asks.
        let Ok(channel) = self.connection.create_channel().await else { return false };
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        channel.queue_declare(queue.into(), options, FieldTable::default()).await.is_ok()
    }

    /// Number of messages that are ready in a queue; `None` if it doesn't exist.
    pub async fn depth(&self, queue: &str) -> Option<u32> {
        let channel = self.connection.create_channel().await.ok()?;
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        found.ok().map(|queue| queue.message_count())
    }

    /// Deletes a queue with what it holds; tells how many messages that were.
    pub async fn delete_queue(&self, queue: &str) -> u32 {
        let channel = self.connection.create_channel().await.expect("a channel");
        let deleted = channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await;
        deleted.expect("the queue was deleted")
    }

    /// Asks a queue for a message and gives it back. A queue without a leader doesn't answer.
    pub async fn peek(&self, queue: &str) -> bool {
        let Ok(channel) = self.connection.create_channel().await else { return false };
        let asked = channel.basic_get(queue.into(), BasicGetOptions::default()).await;
        asked.is_ok_and(|message| message.is_some())
    }

    /// Everything that came so far.
    pub fn came(&self) -> Vec<Answer> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Removes everything with these names from a broker that others use too. Best effort: what stays harms nobody.
pub fn forget(url: &str, names: &Names, queues: &[String]) {
    let (url, names, queues) = (url.to_owned(), names.clone(), queues.to_vec());
    let cleaning = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let done = within("removing the entities of a test", SOON, remove(&url, &names, &queues));
        runtime.block_on(done).ok();
    });
    if cleaning.join().is_err() {
        eprintln!("the entities of a test could not be removed");
    }
}

async fn remove(url: &str, names: &Names, queues: &[String]) -> lapin::Result<()> {
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let ours = [names.submit(), names.results(), names.dead(), names.unrouted()];
    let lanes = queues.iter().map(|queue| format!("{}.{queue}", names.tasks()));
    for queue in ours.into_iter().chain(lanes) {
        channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await?;
    }
    let exchanges = [names.submit(), names.tasks(), names.results(), names.events(), names.control(), names.workers()];
    for exchange in exchanges.into_iter().chain([names.dlx(), names.unrouted(), names.owner()]) {
        channel.exchange_delete(exchange.into(), ExchangeDeleteOptions::default()).await?;
    }
    connection.close(200, "done".into()).await
}
