//! Requests to look at and declare again what is missing, and the reasons why the broker side is not ready.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;
use warrener_runtime::health::Health;
use warrener_shared::id::QueueName;

/// Requests for a look at what is ours, by whoever finds something missing. An empty list still asks for a look at
/// everything but task queues.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repairs(Arc<WantedRepairs>);

/// Requests that nobody has taken.
#[derive(Debug, Default)]
struct WantedRepairs {
    /// Task queues that seem to be missing.
    queues: Mutex<BTreeSet<QueueName>>,
    /// Notified with each request.
    news: Notify,
}

impl Repairs {
    /// Asks for a look: something of ours seems to be missing.
    pub(super) fn ask(&self) {
        self.0.news.notify_one();
    }

    /// Asks for a look at this task queue, which seems to be missing, or its binding.
    pub(super) fn ask_for(&self, queue: QueueName) {
        self.0.queues.lock().unwrap_or_else(PoisonError::into_inner).insert(queue);
        self.ask();
    }

    /// Returns once somebody asks.
    pub(super) async fn asked(&self) {
        self.0.news.notified().await;
    }

    /// Takes the task queues that were asked for.
    pub(super) fn take(&self) -> BTreeSet<QueueName> {
        std::mem::take(&mut *self.0.queues.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reasons why the broker side is not ready, by the part that found out. Readiness is renewed while there is no reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct Troubles(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Troubles {
    /// Sets the trouble of a part; `None` once there is none.
    pub(super) fn set(&self, part: &'static str, trouble: Option<String>) {
        self.with(|all| match trouble {
            Some(trouble) => all.insert(part, trouble),
            None => all.remove(part),
        });
    }

    /// Forgets all troubles: the session is over, and whatever is wrong with the next is found out anew.
    pub(super) fn clear(&self) {
        self.with(BTreeMap::clear);
    }

    /// Renews readiness, or says why there is none.
    pub(super) fn tell(&self, health: &Health) {
        match self.with(|all| all.values().cloned().collect::<Vec<_>>().join("; ")) {
            reasons if reasons.is_empty() => health.ready("broker"),
            reasons => health.not_ready("broker", reasons),
        }
    }

    /// Looks at all troubles, or changes them.
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<&'static str, String>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
