//! The connections of a session, and their common end.

use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use tokio::sync::{Mutex, OnceCell};

use crate::delivery::DeliveryChannel;
use crate::link::WatchedConnection;
use crate::probe::Probe;
use crate::publisher::Aside;

/// Connections of a session. The publishing and the consuming one are apart because a broker short of memory stops
/// reading from connections that publish: acknowledgements must still get through.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) publishing: WatchedConnection,
    pub(crate) consuming: WatchedConnection,
    pub(crate) probe: Probe,
    pub(crate) aside: Arc<Aside>,
    /// Channels for questions whether the two connections answer, one question after the other.
    pub(crate) pings: Mutex<Option<(Channel, Channel)>>,
    /// Channels that deliveries came on; what they hold is handed back at the end.
    lanes: std::sync::Mutex<Vec<Weak<DeliveryChannel>>>,
    closed: OnceCell<()>,
}

impl Links {
    pub(crate) fn new(
        publishing: WatchedConnection,
        consuming: WatchedConnection,
        probe: Probe,
        aside: Arc<Aside>,
    ) -> Self {
        let (pings, lanes, closed) = (Mutex::default(), std::sync::Mutex::default(), OnceCell::new());
        Self { publishing, consuming, probe, aside, pings, lanes, closed }
    }

    /// Notes a channel whose deliveries are handed back at the end.
    pub(crate) fn note(&self, lane: &Arc<DeliveryChannel>) {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|lane| lane.strong_count() > 0);
        lanes.push(Arc::downgrade(lane));
    }

    /// Gives back what is unsettled, so that the end of this session is not taken for the death of a process: from
    /// RabbitMQ 4.3 on a lost connection counts against a message and a nack does not.
    async fn hand_back(&self) {
        let lanes = std::mem::take(&mut *self.lanes.lock().unwrap_or_else(PoisonError::into_inner));
        let lanes: Vec<Arc<DeliveryChannel>> = lanes.iter().filter_map(Weak::upgrade).collect();
        let all = join_all(lanes.iter().map(|lane| lane.hand_back()));
        if tokio::time::timeout(HAND_BACK_TIMEOUT, all).await.is_err() {
            tracing::debug!("the broker did not take deliveries back in time");
        }
    }

    /// Closes everything; whoever comes second waits for the first.
    pub(crate) async fn close(&self) {
        let closing = || async {
            self.hand_back().await;
            tokio::join!(self.consuming.close(), self.publishing.close(), self.probe.close(), self.aside.close());
        };
        self.closed.get_or_init(closing).await;
    }
}

/// Handing back is a courtesy to the messages; a broker that does not answer gets the end of the connection instead.
const HAND_BACK_TIMEOUT: Duration = Duration::from_secs(1);
