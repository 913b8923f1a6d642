//! Reaching the broker, for as long as it takes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use warrener_amqp::{Backoff, BrokerError, Session, Settings};
use warrener_runtime::config::Amqp;
use warrener_shared::wire::topology::{KEY_CONTROL_ALL, Names, control_key};

use super::post::Post;
use super::roads::Roads;
use super::{Line, tell_of_silence};

/// The broker's address, and the names that the worker uses there.
pub(in crate::driver) struct Address {
    pub(in crate::driver) id: String,
    /// Task queues, in order of preference.
    pub(in crate::driver) lanes: Vec<String>,
    pub(in crate::driver) results: String,
    pub(in crate::driver) workers: String,
    names: Names,
    settings: Settings,
    /// Set once a task asked for an answer in another queue than our own results.
    answers_others: AtomicBool,
    /// Set if the next connection begins with the question what this user may publish.
    in_doubt: AtomicBool,
}

impl Address {
    pub(in crate::driver) fn new(amqp: &Amqp, names: Names, id: String, lanes: Vec<String>) -> Self {
        let mut settings = Settings::new(amqp.address(), format!("warrener worker {id}"));
        settings.heartbeat = amqp.heartbeat;
        Self {
            id,
            lanes,
            results: names.results(),
            workers: names.workers(),
            names,
            settings,
            answers_others: AtomicBool::new(false),
            in_doubt: AtomicBool::new(true),
        }
    }

    /// Tells whether a task asked for an answer in another queue than our own results.
    pub(super) fn answers_others(&self) -> bool {
        self.answers_others.load(Ordering::Relaxed)
    }

    /// Notes whether the last connection gives reason to ask what this user may publish.
    pub(super) fn doubt(&self, in_doubt: bool) {
        self.in_doubt.store(in_doubt, Ordering::Relaxed);
    }

    /// Notes that a task asks for an answer elsewhere.
    pub(super) fn will_answer_others(&self) {
        self.answers_others.store(true, Ordering::Relaxed);
    }

    /// The broker's address without its password.
    pub(in crate::driver) fn shown(&self) -> String {
        self.settings.redacted_url()
    }

    async fn connect(self: Arc<Self>) -> Result<Box<Line>, BrokerError> {
        let broker = Session::open(&self.settings).await?;
        let publisher = broker.publisher(WINDOW).await?;
        // A fresh name each time: the queue of a connection that just died may still be there, locked.
        let queue = self.names.control_queue(&format!("{}-{}", self.id, uuid::Uuid::new_v4().simple()));
        let keys = [KEY_CONTROL_ALL.to_owned(), control_key(&self.id)];
        let control = broker.consume_exclusive(&queue, &self.names.control(), &keys, CONTROL).await?;
        // The broker writes a line to its log for each such question, so they are asked with a reason only.
        let in_doubt = self.in_doubt.load(Ordering::Relaxed);
        let roads = if in_doubt { Roads::ask(&broker, &self).await? } else { Roads::open() };
        tell_of_silence(&roads, None);
        let mut patience = Backoff::new();
        Ok(Box::new(Line {
            address: self,
            roads,
            next_look: Instant::now() + patience.next(),
            patience,
            asking: Default::default(),
            broker,
            publisher,
            control,
            feeds: Vec::new(),
            post: Post::default(),
            acks: Vec::new(),
            leftovers: Vec::new(),
            unreadable: Vec::new(),
        }))
    }
}

/// Tries to connect until it succeeds.
pub(in crate::driver) struct Connector {
    connecting: Pin<Box<dyn Future<Output = Box<Line>> + Send>>,
}

impl Connector {
    pub(in crate::driver) fn new(address: Address) -> Self {
        Self { connecting: Box::pin(connect(Arc::new(address), Duration::ZERO)) }
    }

    /// After a connection that broke.
    pub(super) fn after(address: Arc<Address>, wait: Duration) -> Self {
        Self { connecting: Box::pin(connect(address, wait)) }
    }

    /// Returns once there is a connection. Dropped before, the next call goes on.
    pub(in crate::driver) async fn connected(&mut self) -> Box<Line> {
        self.connecting.as_mut().await
    }
}

async fn connect(address: Arc<Address>, wait: Duration) -> Box<Line> {
    tokio::time::sleep(wait).await;
    let (mut backoff, mut tries) = (Backoff::new(), 0);
    loop {
        tries += 1;
        match Arc::clone(&address).connect().await {
            Ok(line) => return line,
            Err(error) => {
                // A broker that answers but lacks our exchanges only waits for the first orchestrator: it costs
                // nothing to ask again soon, and a worker that sleeps would keep the first job waiting.
                let no_orchestrator_yet = matches!(error, BrokerError::Missing { .. }) && tries < SOON;
                let wait = if no_orchestrator_yet { NO_ORCHESTRATOR_YET } else { backoff.next() };
                tracing::warn!(%error, ?wait, "no connection to the broker; trying again");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Unconfirmed reports on the way. Twice what reaches the broker's full speed.
const WINDOW: usize = 512;
/// Control messages held at once; they are dealt with at once.
const CONTROL: u16 = 64;
/// Wait between looks for the exchanges that the first orchestrator declares, in the first minute.
const NO_ORCHESTRATOR_YET: Duration = Duration::from_millis(500);
/// Number of such looks before the waits grow: those of a minute.
const SOON: u32 = 120;
