//! The queues as the driver last showed them, for whoever asks.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use warrener_shared::id::QueueName;

/// A queue as it was when the driver last looked.
#[derive(Clone, Debug)]
pub struct QueueSnapshot {
    /// Number of the queue in this database.
    pub no: i64,
    /// Name of the queue.
    pub name: QueueName,
    /// True while a person has it paused.
    pub paused: bool,
    /// Open attempts.
    pub dispatched: usize,
    /// Number of attempts that may be open.
    pub window: usize,
    /// True if the queue at the broker is there; only one of somebody else can be missing.
    pub found: bool,
}

/// All queues. The driver writes it, everybody else reads it; nobody holds it for longer than a look takes.
#[derive(Debug, Default)]
pub struct QueueDirectory(Mutex<Shown>);

#[derive(Debug, Default)]
struct Shown {
    queues: Vec<QueueSnapshot>,
    /// For each queue with unstarted attempts, the highest confirmed dispatch.
    unstarted: BTreeMap<i64, i64>,
}

impl QueueDirectory {
    /// Shows all queues, and for each that has attempts nobody was seen at, the highest confirmed dispatch.
    pub(crate) fn show(&self, queues: Vec<QueueSnapshot>, unstarted: BTreeMap<i64, i64>) {
        *self.shown() = Shown { queues, unstarted };
    }

    /// The number of a queue.
    pub fn number(&self, queue: &QueueName) -> Option<i64> {
        self.shown().queues.iter().find(|known| known.name == *queue).map(|known| known.no)
    }

    /// All queues.
    pub fn all(&self) -> Vec<QueueSnapshot> {
        self.shown().queues.clone()
    }

    /// The names of the queues with open attempts.
    pub fn busy(&self) -> Vec<QueueName> {
        let shown = self.shown();
        shown.queues.iter().filter(|queue| queue.dispatched > 0).map(|queue| queue.name.clone()).collect()
    }

    /// Number and name of each queue with attempts that nobody was seen at, and the highest confirmed dispatch.
    pub fn unstarted(&self) -> Vec<(i64, QueueName, i64)> {
        let shown = self.shown();
        let names: BTreeMap<i64, &QueueName> = shown.queues.iter().map(|queue| (queue.no, &queue.name)).collect();
        shown.unstarted.iter().filter_map(|(no, upto)| Some((*no, (*names.get(no)?).clone(), *upto))).collect()
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
