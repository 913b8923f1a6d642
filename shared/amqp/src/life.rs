//! The life of one session: it ends once, for one reason, and everybody hears of it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::BrokerError;

/// Shared by all parts of one session.
#[derive(Debug)]
pub(crate) struct Life {
    epoch: u64,
    end: watch::Sender<Option<BrokerError>>,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self { epoch: NEXT_EPOCH.fetch_add(1, Ordering::Relaxed), end: watch::Sender::new(None) }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Ends the life. The first reason stays, since later ones are its consequences.
    pub(crate) fn end(&self, why: BrokerError) {
        let first = self.end.send_if_modified(|end| {
            let first = end.is_none();
            if first {
                *end = Some(why.clone());
            }
            first
        });
        if first && why != BrokerError::Closed {
            tracing::warn!(epoch = self.epoch, reason = %why, "the session with the broker is over");
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Gives the reason of the end as an error, if the session has ended.
    pub(crate) fn check(&self) -> Result<(), BrokerError> {
        self.end.borrow().clone().map_or(Ok(()), Err)
    }

    /// Waits for the end.
    pub(crate) fn over(&self) -> impl Future<Output = BrokerError> + Send + Sync + 'static + use<> {
        let mut end = self.end.subscribe();
        async move {
            match end.wait_for(Option::is_some).await {
                Ok(end) => end.clone().unwrap_or(BrokerError::Closed),
                Err(_) => BrokerError::Closed,
            }
        }
    }
}

static NEXT_EPOCH: AtomicU64 = AtomicU64::new(1);
