//! Directory of the queues, as the driver last showed them, for the API and the broker side.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use warrener_shared::id::QueueName;

/// A queue as it was when the driver last looked, four times a second.
#[derive(Clone, Debug)]
pub struct QueueSnapshot {
    /// Number of the queue in this database.
    pub no: i64,
    /// Name of the queue.
    pub name: QueueName,
    /// True while a person has it paused.
    pub paused: bool,
    /// Number of open attempts.
    pub dispatched: usize,
    /// Most attempts that may be open.
    pub window: usize,
    /// True if the queue is there at the broker. Only one of somebody else can be missing.
    pub found: bool,
}

/// Directory of all queues. The driver writes it, everybody else reads it; nobody holds it for longer than a look
/// takes.
#[derive(Debug, Default)]
pub struct QueueDirectory(Mutex<Shown>);

/// Content of the directory.
#[derive(Debug, Default)]
struct Shown {
    /// All queues.
    queues: Vec<QueueSnapshot>,
    /// Highest confirmed dispatch of each queue with attempts that nobody was seen at, by the number of the queue.
    unstarted: BTreeMap<i64, i64>,
}

impl QueueDirectory {
    /// Shows all queues, and for each that has attempts nobody was seen at, the highest confirmed dispatch.
    pub(crate) fn show(&self, queues: Vec<QueueSnapshot>, unstarted: BTreeMap<i64, i64>) {
        *self.shown() = Shown { queues, unstarted };
    }

    /// Number of a queue; `None` if the driver has not shown it yet.
    pub fn number(&self, queue: &QueueName) -> Option<i64> {
        self.shown().queues.iter().find(|known| known.name == *queue).map(|known| known.no)
    }

    /// All queues.
    pub fn all(&self) -> Vec<QueueSnapshot> {
        self.shown().queues.clone()
    }

    /// Names of the queues with open attempts.
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

    /// Content, locked. A holder that panicked leaves it usable.
    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
