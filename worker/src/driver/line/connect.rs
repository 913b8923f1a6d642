//! Reaching the broker, for as long as it takes.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use warrener_amqp::{Backoff, BrokerError, Session};
use warrener_shared::wire::topology::{KEY_CONTROL_ALL, control_key};

use super::address::BrokerAddress;
use super::post::Post;
use super::roads::Roads;
use super::{Line, tell_of_silence};

/// Tries to connect until it succeeds.
pub(in crate::driver) struct Connector {
    connecting: Pin<Box<dyn Future<Output = Box<Line>> + Send>>,
}

impl Connector {
    pub(in crate::driver) fn new(address: BrokerAddress) -> Self {
        Self { connecting: Box::pin(connect(Arc::new(address), Duration::ZERO)) }
    }

    /// Connects again after a connection that broke.
    pub(super) fn after(address: Arc<BrokerAddress>, wait: Duration) -> Self {
        Self { connecting: Box::pin(connect(address, wait)) }
    }

    /// Returns once there is a connection. Dropped before, the next call goes on.
    pub(in crate::driver) async fn connected(&mut self) -> Box<Line> {
        self.connecting.as_mut().await
    }
}

async fn connect(address: Arc<BrokerAddress>, wait: Duration) -> Box<Line> {
    tokio::time::sleep(wait).await;
    let (mut backoff, mut tries) = (Backoff::new(), 0);
    loop {
        tries += 1;
        match open(Arc::clone(&address)).await {
            Ok(line) => return line,
            Err(error) => {
                // A broker that answers but lacks our exchanges only waits for the first orchestrator: it costs
                // nothing to ask again soon, and a worker that sleeps would keep the first job waiting.
                let no_orchestrator_yet = matches!(error, BrokerError::Missing { .. }) && tries < QUICK_TRIES;
                let wait = if no_orchestrator_yet { NO_ORCHESTRATOR_YET } else { backoff.next() };
                tracing::warn!(%error, ?wait, "no connection to the broker; trying again");
                tokio::time::sleep(wait).await;
            }
        }
    }
}

/// Opens a session, and asks what this user may publish if there is a reason to.
async fn open(address: Arc<BrokerAddress>) -> Result<Box<Line>, BrokerError> {
    let broker = Session::open(&address.settings).await?;
    let publisher = broker.publisher(WINDOW).await?;
    // A fresh name each time: the queue of a connection that just died may still be there, locked.
    let queue = address.names.control_queue(&format!("{}-{}", address.id, uuid::Uuid::new_v4().simple()));
    let keys = [KEY_CONTROL_ALL.to_owned(), control_key(&address.id)];
    let control = broker.consume_exclusive(&queue, &address.names.control(), &keys, CONTROL).await?;
    // The broker writes a line to its log for each such question, so they are asked with a reason only.
    let in_doubt = address.is_in_doubt();
    let roads = if in_doubt { Roads::ask(&broker, &address).await? } else { Roads::open() };
    tell_of_silence(&roads, None);
    let mut patience = Backoff::new();
    Ok(Box::new(Line {
        address,
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

/// Unconfirmed reports on the way. Twice what reaches the broker's full speed.
const WINDOW: usize = 512;
/// Control messages held at once; they are dealt with at once.
const CONTROL: u16 = 64;
/// Wait between looks for the exchanges that the first orchestrator declares, in the first minute.
const NO_ORCHESTRATOR_YET: Duration = Duration::from_millis(500);
/// Number of such looks before the waits grow: those of a minute.
const QUICK_TRIES: u32 = 120;
