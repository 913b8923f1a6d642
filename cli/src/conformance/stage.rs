//! The place of an orchestrator: what it declares, what it hears, what it sends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use tokio::sync::Notify;
use tokio::time::Instant;
use warrener_amqp::{BrokerError, Consumer, Incoming, Published, Publisher, Session, Settings, Topology};
use warrener_client::ClientError;
use warrener_client::amqp::Names;
use warrener_shared::id::QueueName;
use warrener_shared::wire::Message;
use warrener_shared::wire::topology::KEY_RESULTS;

use crate::exit::Exit;
use crate::failure::Failure;

/// Queue that a message was heard on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ear {
    Results,
    Beats,
    Dead,
    Unrouted,
}

/// A message that was heard.
#[derive(Clone, Debug)]
pub(super) struct HeardMessage {
    pub(super) ear: Ear,
    pub(super) incoming: Incoming,
}

/// The orchestrator's connections, and everything that was heard.
pub(super) struct Stage {
    settings: Settings,
    names: Names,
    session: Session,
    publisher: Publisher,
    results: Option<Session>,
    heard: Arc<Heardbook>,
    /// Keeps others away as long as it is there.
    _mark: Consumer,
    /// The queue at the broker that the worker reads.
    pub(super) address: String,
    /// True if the queue is somebody else's, and was not declared by us.
    is_foreign: bool,
}

#[derive(Debug, Default)]
struct Heardbook {
    all: Mutex<Vec<HeardMessage>>,
    news: Notify,
}

impl Stage {
    /// Takes the place of the orchestrator, unless there is one.
    pub(super) async fn set(settings: Settings, names: Names, queue: &str, is_foreign: bool) -> Result<Self, Failure> {
        let session = Session::open(&settings).await.map_err(failed)?;
        let mark = mark_the_place(&session, &names).await?;
        refuse_company(&session, &names).await?;
        let lane = QueueName::new(queue).map_err(|error| Failure::new(Exit::Usage, error.to_string()))?;
        let lanes = if is_foreign { Vec::new() } else { vec![lane.clone()] };
        session.declare(&Topology::orchestrator(&names, &lanes)).await.map_err(failed)?;
        let address = if is_foreign { queue.to_owned() } else { names.task_queue(&lane) };
        let publisher = session.publisher(16).await.map_err(failed)?;
        let heard = Arc::<Heardbook>::default();
        let mut stage =
            Self { settings, names, session, publisher, results: None, heard, _mark: mark, address, is_foreign };
        stage.listen_to_results().await?;
        for (ear, queue) in [(Ear::Dead, stage.names.dead()), (Ear::Unrouted, stage.names.unrouted())] {
            let consumer = stage.session.consume(&queue, PREFETCH).await.map_err(failed)?;
            stage.hear(ear, consumer);
        }
        let own = format!("{}.conformance-{}", stage.names.prefix(), std::process::id());
        let beats = stage.session.consume_exclusive(&own, &stage.names.workers(), &[String::new()], PREFETCH).await;
        stage.hear(Ear::Beats, beats.map_err(failed)?);
        Ok(stage)
    }

    async fn listen_to_results(&mut self) -> Result<(), Failure> {
        let session = Session::open(&self.settings).await.map_err(failed)?;
        let consumer = session.consume(&self.names.results(), PREFETCH).await.map_err(failed)?;
        self.hear(Ear::Results, consumer);
        self.results = Some(session);
        Ok(())
    }

    fn hear(&self, ear: Ear, mut consumer: Consumer) {
        let book = Arc::clone(&self.heard);
        tokio::spawn(async move {
            while let Ok(delivery) = consumer.next().await {
                let (incoming, receipt) = delivery.into_parts();
                book.all.lock().unwrap_or_else(PoisonError::into_inner).push(HeardMessage { ear, incoming });
                book.news.notify_waiters();
                if receipt.ack().await.is_err() {
                    return;
                }
            }
        });
    }

    /// Publishes a task.
    pub(super) async fn send(&self, message: Message) -> Result<(), Failure> {
        let published = match self.is_foreign {
            true => self.publisher.publish("", &self.address, message).await,
            false => {
                let lane = self.address.rsplit_once(&format!("{}.", self.names.tasks()));
                self.publisher.publish(&self.names.tasks(), lane.map_or("", |(_, lane)| lane), message).await
            }
        };
        let why = match published {
            Published::Confirmed => return Ok(()),
            Published::Nacked => "the broker refused the task: the queue is full",
            Published::Returned => "the queue is not bound any more: somebody changed it meanwhile",
            Published::Impossible => "AMQP cannot carry it: a name is too long, or the message too large",
            Published::Unknown | Published::Late => "the broker did not confirm it, or the connection broke",
        };
        Err(Failure::new(Exit::Error, format!("publishing to {}: {why}", self.address)))
    }

    /// Tells a worker something. Whether it listens.
    pub(super) async fn control(&self, worker: &str, body: &serde_json::Value) -> bool {
        let message = Message { persistent: false, ..Message::json("control", body.to_string().into_bytes()) };
        let key = warrener_shared::wire::topology::control_key(worker);
        let published = self.session.pool().publish_mandatory(&self.names.control(), &key, message).await;
        published != Published::Returned
    }

    /// The queue that reports are addressed to.
    pub(super) fn reply_to(&self) -> String {
        self.names.results()
    }

    /// Number of messages heard so far.
    pub(super) fn mark(&self) -> usize {
        self.heard.all.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Messages heard since a mark.
    pub(super) fn since(&self, mark: usize) -> Vec<HeardMessage> {
        self.heard.all.lock().unwrap_or_else(PoisonError::into_inner)[mark..].to_vec()
    }

    /// Waits until what was heard since a mark holds something.
    pub(super) async fn wait<T>(
        &self,
        mark: usize,
        limit: Duration,
        find: impl Fn(&HeardMessage) -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        loop {
            let news = self.heard.news.notified();
            if let Some(found) = self.since(mark).iter().find_map(&find) {
                return Some(found);
            }
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                return self.since(mark).iter().find_map(&find);
            }
        }
    }

    /// Messages and consumers of the worker's queue; `None` if it isn't there.
    pub(super) async fn depth(&self) -> Result<Option<warrener_amqp::QueueDepth>, Failure> {
        self.session.depth(&self.address).await.map_err(failed)
    }

    /// Takes as many messages as the worker's queue has, and gives them back: each was delivered once more then.
    pub(super) async fn bounce(&self, count: u16) -> Result<(), Failure> {
        let session = Session::open(&self.settings).await.map_err(failed)?;
        let mut consumer = session.consume(&self.address, count).await.map_err(failed)?;
        let mut taken = Vec::new();
        for _ in 0..count {
            taken.push(consumer.next().await.map_err(failed)?);
        }
        // What is given back must not come to us again.
        taken.extend(consumer.cancel().await.map_err(failed)?);
        for delivery in taken {
            // Since RabbitMQ 4.3 a nack is counted no more.
            delivery.accuse().await.map_err(failed)?;
        }
        session.close().await;
        Ok(())
    }

    /// Takes what is in the worker's queue, for good. Nobody else may read it.
    pub(super) async fn take(&self) -> Result<Vec<Message>, Failure> {
        let session = Session::open(&self.settings).await.map_err(failed)?;
        let ready = self.depth().await?.map_or(0, |depth| depth.ready as usize);
        let mut consumer = session.consume(&self.address, PREFETCH).await.map_err(failed)?;
        let mut taken = Vec::new();
        // What is known to be there may take its time on a busy machine.
        let patience = |taken: usize| if taken < ready { DELIVERED_AFTER } else { EMPTY_AFTER };
        while let Ok(delivery) = tokio::time::timeout(patience(taken.len()), consumer.next()).await {
            let (incoming, receipt) = delivery.map_err(failed)?.into_parts();
            taken.push(incoming.message);
            receipt.ack().await.map_err(failed)?;
        }
        consumer.cancel().await.map_err(failed)?;
        session.close().await;
        Ok(taken)
    }

    /// Puts a queue in place of the results that refuses every message.
    pub(super) async fn refuse_results(&mut self) -> Result<(), Failure> {
        if let Some(session) = self.results.take() {
            session.close().await;
        }
        let name = self.names.results();
        self.session.delete_queue(&name).await.map_err(failed)?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
        let declared = async {
            let properties = lapin::ConnectionProperties::default();
            let connection = lapin::Connection::connect(&self.settings.url, properties).await?;
            let channel = connection.create_channel().await?;
            channel.queue_declare(name.clone().into(), options, arguments).await?;
            connection.close(200, "OK".into()).await
        };
        declared.await.map_err(|error| Failure::new(Exit::Error, format!("declaring {name}: {error}")))?;
        self.session.bind(&name, &self.names.results(), KEY_RESULTS).await.map_err(failed)?;
        // One that fills it, as late as a report can be.
        let mut late = Message::json("conformance.fill", b"null".to_vec());
        late.correlation_id = Some(format!("0.1.{:032x}", 0));
        self.publisher.publish("", &name, late.clone()).await;
        match self.publisher.publish(&self.names.results(), KEY_RESULTS, late).await {
            Published::Nacked => Ok(()),
            other => Err(Failure::new(Exit::Error, format!("making {name} refuse reports: it does not: {other:?}"))),
        }
    }

    /// Takes what the refusing queue holds, and with it whatever comes.
    pub(super) async fn take_results(&mut self) -> Result<(), Failure> {
        self.listen_to_results().await
    }

    /// Puts the queue of results back in its place. Nobody must be reporting.
    pub(super) async fn restore_results(&mut self) -> Result<(), Failure> {
        if let Some(session) = self.results.take() {
            session.close().await;
        }
        self.session.delete_queue(&self.names.results()).await.map_err(failed)?;
        self.session.declare(&Topology::orchestrator(&self.names, &[])).await.map_err(failed)?;
        self.listen_to_results().await
    }

    /// Leaves nothing behind at the broker.
    pub(super) async fn strike(self) -> Result<(), Failure> {
        let names = &self.names;
        let mut queues = vec![names.submit(), names.results(), names.dead(), names.unrouted()];
        if !self.is_foreign {
            queues.push(self.address.clone());
        }
        if let Some(session) = self.results {
            session.close().await;
        }
        // Deleting what a session reads would end it.
        self.session.close().await;
        let session = Session::open(&self.settings).await.map_err(failed)?;
        for queue in queues {
            session.delete_queue(&queue).await.map_err(failed)?;
        }
        for exchange in Topology::orchestrator(names, &[]).exchanges.iter().rev() {
            session.delete_exchange(&exchange.name).await.map_err(failed)?;
        }
        session.close().await;
        Ok(())
    }
}

/// A queue that is ours alone keeps a second run away.
async fn mark_the_place(session: &Session, names: &Names) -> Result<Consumer, Failure> {
    let queue = format!("{}.conformance", names.prefix());
    let consumer = session.consume_exclusive(&queue, "amq.fanout", &[], PREFETCH).await;
    consumer.map_err(|error| match error.to_string() {
        text if text.contains("RESOURCE_LOCKED") => {
            let what =
                format!("taking the orchestrator's place under {:?}: conformance runs there already", names.prefix());
            Failure::new(Exit::Refused, what).hint(ELSEWHERE)
        }
        _ => failed(error),
    })
}

/// An orchestrator would take the reports that we wait for, and its jobs would go to the worker under test.
async fn refuse_company(session: &Session, names: &Names) -> Result<(), Failure> {
    let consumers = session.depth(&names.results()).await.map_err(failed)?.map_or(0, |depth| depth.consumers);
    if consumers == 0 && !session.exchange_exists(&names.owner()).await.map_err(failed)? {
        return Ok(());
    }
    let what = format!("taking the orchestrator's place under {:?}: there is one already", names.prefix());
    Err(Failure::new(Exit::Refused, what).hint(ELSEWHERE))
}

fn failed(error: BrokerError) -> Failure {
    Failure::from(ClientError::Broker(error))
}

const ELSEWHERE: &str = "use another broker, or set WARRENER_AMQP__PREFIX, which the worker is told too; without \
                         WARRENER_AMQP__URL a private RabbitMQ is started";
const PREFETCH: u16 = 64;
/// Longest wait for messages that the broker counts as ready.
const DELIVERED_AFTER: Duration = Duration::from_secs(20);
/// A queue that gives nothing for so long is empty.
const EMPTY_AFTER: Duration = Duration::from_millis(500);
