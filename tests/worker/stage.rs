//! The orchestrator's side: it declares, dispatches, and hears what the worker says.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use warrener_amqp::{Consumer, Published, Publisher, Session, Settings, Topology};
use warrener_runtime::config::{Amqp, Log};
use warrener_runtime::telemetry::Format;
use warrener_shared::id::{JobId, Kind, QueueName, TaskAddress, TaskName, TaskNo, Ticket, Token};
use warrener_shared::time::Millis;
use warrener_shared::wire::Message;
use warrener_shared::wire::dispatch::{Dispatch, MAX_REPORTS};
use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::is_bundle;
use warrener_shared::wire::topology::{Names, control_key};
use warrener_tests::broker::{Broker, unique};
use warrener_worker::{Worker, WorkerError, WorkerSection};

/// One prefix on a broker with everything that an orchestrator declares.
pub(crate) struct Stage {
    pub(crate) names: Names,
    pub(crate) session: Session,
    publisher: Publisher,
    results: Consumer,
    heartbeats: Consumer,
    url: String,
}

/// A worker and how to ask it to end.
pub(crate) struct Running {
    stop: CancellationToken,
    ended: JoinHandle<Result<(), WorkerError>>,
}

/// A report as text: `<ticket> <type> <body>`.
pub(crate) type Said = String;

impl Stage {
    /// With a queue for each of these names.
    pub(crate) async fn set(broker: &Broker, queues: &[&str]) -> Self {
        let names = broker.names();
        let queues: Vec<QueueName> = queues.iter().map(|queue| QueueName::new(queue).unwrap()).collect();
        Self::over(broker.url(), names, &queues).await
    }

    async fn over(url: &str, names: Names, queues: &[QueueName]) -> Self {
        let session = Session::open(&Settings::new(url, "stage")).await.unwrap();
        session.declare(&Topology::orchestrator(&names, queues)).await.unwrap();
        let heard = names.control_queue(&unique("stage"));
        Self {
            publisher: session.publisher(256).await.unwrap(),
            results: session.consume(&names.results(), 256).await.unwrap(),
            heartbeats: session.consume_exclusive(&heard, &names.workers(), &[String::new()], 16).await.unwrap(),
            names,
            session,
            url: url.to_owned(),
        }
    }

    /// The same prefix after the broker was away.
    pub(crate) async fn again(self) -> Self {
        Self::over(&self.url, self.names, &[]).await
    }

    /// Starts a worker with the demo kinds.
    pub(crate) fn worker(&self, change: impl FnOnce(&mut WorkerSection)) -> Running {
        self.worker_at(&self.url, change, |worker| worker)
    }

    /// Starts a worker that signs in at this address and has more handlers.
    pub(crate) fn worker_at(
        &self,
        url: &str,
        change: impl FnOnce(&mut WorkerSection),
        add: impl FnOnce(Worker) -> Worker,
    ) -> Running {
        let mut worker = WorkerSection {
            queues: vec!["default".to_owned()],
            slots: 2,
            demo: true,
            drain: Duration::from_secs(20),
            claim_after: Duration::from_secs(60),
        };
        change(&mut worker);
        let amqp = Amqp {
            url: url.to_owned(),
            username: None,
            password: None,
            prefix: self.names.prefix().to_owned(),
            heartbeat: Duration::from_secs(5),
            reply_to: Vec::new(),
            schedules: None,
            answers_kept: None,
            ca_file: None,
            cert_file: None,
            key_file: None,
        };
        let log = Log { format: Format::Pretty, level: "info".to_owned() };
        let settings =
            warrener_worker::Settings { amqp, log, telemetry: Default::default(), worker, kinds: Default::default() };
        let stop = CancellationToken::new();
        let ended = tokio::spawn(add(Worker::new(settings)).run_until(stop.clone()));
        Running { stop, ended }
    }

    /// Sends a task; tells its ticket.
    pub(crate) async fn dispatch(&self, number: i64, kind: &str, input: &str) -> String {
        self.dispatch_with(number, kind, input, |_| {}).await
    }

    pub(crate) async fn dispatch_with(
        &self,
        number: i64,
        kind: &str,
        input: &str,
        change: impl FnOnce(&mut Dispatch),
    ) -> String {
        let mut dispatch = task(number, kind, input);
        change(&mut dispatch);
        self.send(dispatch, None).await
    }

    /// Sends a task, and says that so many reports may share a message.
    pub(crate) async fn dispatch_reading(&self, number: i64, kind: &str, input: &str, reports: i64) -> String {
        self.send(task(number, kind, input), Some(reports)).await
    }

    async fn send(&self, dispatch: Dispatch, reports: Option<i64>) -> String {
        let (ticket, queue) = (dispatch.ticket.to_string(), dispatch.queue.to_string());
        let mut message = dispatch.into_message(&self.names.results());
        if let Some(reports) = reports {
            message.set_int(MAX_REPORTS, reports);
        }
        assert_eq!(self.publisher.publish(&self.names.tasks(), &queue, message).await, Published::Confirmed);
        ticket
    }

    /// The next report, in a message of its own.
    pub(crate) async fn hear(&mut self) -> Said {
        let mut said = self.hear_all().await;
        assert_eq!(said.len(), 1, "nobody said that reports may share a message");
        said.remove(0)
    }

    /// The next report, if one comes within this time.
    pub(crate) async fn hear_within(&mut self, time: Duration) -> Option<Said> {
        let delivery = tokio::time::timeout(time, self.results.next()).await.ok()?.unwrap();
        let (ticket, kind) = (delivery.message.correlation_id.clone().unwrap(), delivery.message.kind.clone().unwrap());
        let said = format!("{ticket} {kind} {}", String::from_utf8_lossy(&delivery.message.body));
        delivery.ack().await.unwrap();
        Some(said)
    }

    /// The reports of the next message.
    pub(crate) async fn hear_all(&mut self) -> Vec<Said> {
        let delivery = tokio::time::timeout(PATIENCE, self.results.next()).await.expect("no report").unwrap();
        let message = &delivery.message;
        let said = if is_bundle(message) {
            let parts: Vec<Part<'_>> = serde_json::from_slice(&message.body).unwrap();
            parts.iter().map(|part| format!("{} {} {}", part.ticket, part.kind, part.body)).collect()
        } else {
            let (ticket, kind) = (message.correlation_id.as_deref().unwrap(), message.kind.as_deref().unwrap());
            vec![format!("{ticket} {kind} {}", String::from_utf8_lossy(&message.body))]
        };
        delivery.ack().await.unwrap();
        said
    }

    /// The next heartbeat that is as wanted.
    pub(crate) async fn heartbeat(&mut self, wanted: impl Fn(&Heartbeat) -> bool) -> Heartbeat {
        let waiting = async {
            loop {
                let delivery = self.heartbeats.next().await.unwrap();
                let beat: Heartbeat = serde_json::from_slice(&delivery.message.body).unwrap();
                delivery.ack().await.unwrap();
                if wanted(&beat) {
                    return beat;
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("no such heartbeat")
    }

    /// Sends a control message to one worker.
    pub(crate) async fn control(&self, worker: &str, body: Value) {
        let message = Message { persistent: false, ..Message::json("control", body.to_string().into_bytes()) };
        let outcome = self.publisher.publish(&self.names.control(), &control_key(worker), message).await;
        assert_eq!(outcome, Published::Confirmed);
    }

    /// How often the broker says that the next task of a queue was handed out before.
    pub(crate) async fn deliveries_of_next(&self, queue: &str) -> u32 {
        let queue = self.names.task_queue(&QueueName::new(queue).unwrap());
        let mut consumer = self.session.consume(&queue, 1).await.unwrap();
        let delivery = tokio::time::timeout(PATIENCE, consumer.next()).await.expect("nothing waits").unwrap();
        let count = delivery.delivery_count.unwrap_or(0);
        for rest in consumer.cancel().await.unwrap() {
            rest.release().await.unwrap();
        }
        delivery.release().await.unwrap();
        count
    }

    /// How many tasks nobody has settled, once the worker has gone.
    pub(crate) async fn left(&self, queue: &str) -> u32 {
        let queue = self.names.task_queue(&QueueName::new(queue).unwrap());
        self.session.depth(&queue).await.unwrap().unwrap().ready
    }
}

/// One of the reports in a message.
#[derive(serde::Deserialize)]
struct Part<'m> {
    ticket: &'m str,
    #[serde(rename = "type")]
    kind: &'m str,
    body: &'m RawValue,
}

fn task(number: i64, kind: &str, input: &str) -> Dispatch {
    Dispatch {
        ticket: Ticket { task: TaskNo(number), attempt: 1, token: Token(7) },
        job: JobId::new("j").unwrap(),
        task: TaskAddress { task: TaskName::new("task").unwrap(), index: None },
        attempt: 1,
        max_attempts: 5,
        kind: Kind::new(kind).unwrap(),
        queue: QueueName::default_queue(),
        priority: 4,
        timeout: Millis::from_secs(1800),
        heartbeat: None,
        deliveries: None,
        traceparent: None,
        input: input.as_bytes().to_vec(),
    }
}

impl Running {
    /// Asks it to end and waits until it has.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.ended().await;
    }

    /// Waits until it has ended by itself.
    pub(crate) async fn ended(self) {
        tokio::time::timeout(PATIENCE, self.ended).await.expect("it goes on").unwrap().unwrap();
    }
}

/// Longer than anything takes here, reconnecting to a broker that starts included.
const PATIENCE: Duration = Duration::from_secs(60);
