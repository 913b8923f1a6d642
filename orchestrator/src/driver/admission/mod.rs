//! Admission of ready tasks: the dispatch window of each queue, and filling the windows with what is ready, best first.

mod fill;
mod wakes;
mod window;

use std::collections::BTreeMap;

use warrener_engine::row::TaskRow;
use warrener_shared::id::QueueName;

pub(super) use self::wakes::KeyWakes;
use self::window::DispatchWindow;
#[cfg(test)]
pub(super) use self::window::WINDOW_MIN;
use crate::queues::QueueSnapshot;
use crate::shared::Shared;
use crate::store::QueueRow;

/// The windows of all queues that are known, and whether built-in tasks wait. Part of what `recollect` makes anew.
#[derive(Debug)]
pub(super) struct DispatchWindows {
    /// Window of each queue, by the number of the queue. A queue is never taken out.
    windows: BTreeMap<i64, DispatchWindow>,
    /// True as long as built-in tasks may stand among the ready in the database. May be true where none does.
    own_backlog: bool,
}

impl DispatchWindows {
    /// Windows of these queues, in which the attempts of `open` have their places. All queues are taken to have a
    /// backlog, until the database was looked at.
    pub(super) fn from_rows(queues: Vec<QueueRow>, open: &[TaskRow], shared: &Shared) -> Self {
        let mut admission = Self { windows: BTreeMap::new(), own_backlog: true };
        for queue in queues {
            admission.add(queue, shared);
        }
        for row in open {
            if let Some(window) = admission.windows.get_mut(&row.queue) {
                window.open += 1;
            }
        }
        admission
    }

    /// Adds a queue, and gives its number. A queue of somebody else takes nothing until it was found at the broker.
    pub(super) fn add(&mut self, queue: QueueRow, shared: &Shared) -> i64 {
        let external = shared.is_external(&queue.name);
        let is_fair = shared.limit_register.fair.contains_key(queue.name.as_str());
        let mut window = DispatchWindow::new(queue.name, queue.paused, !external);
        window.is_fair = is_fair;
        self.windows.insert(queue.no, window);
        queue.no
    }

    /// Number of a queue; `None` if it is not known.
    pub(super) fn number(&self, name: &QueueName) -> Option<i64> {
        self.windows.iter().find(|(_, window)| window.name == *name).map(|(no, _)| *no)
    }

    /// Name of a queue; `None` if the number is not known.
    pub(super) fn name(&self, queue: i64) -> Option<&QueueName> {
        self.windows.get(&queue).map(|window| &window.name)
    }

    /// Names of all queues.
    pub(super) fn names(&self) -> impl ExactSizeIterator<Item = &QueueName> {
        self.windows.values().map(|window| &window.name)
    }

    /// Notes an attempt that was opened and committed. True if its queue had none open before.
    pub(super) fn opened(&mut self, queue: i64) -> bool {
        let window = self.window(queue);
        window.open += 1;
        window.open == 1
    }

    /// Notes an attempt that was closed and committed. `finished` says whether a worker worked it to its end, which
    /// counts for the size of the window.
    pub(super) fn closed(&mut self, queue: i64, finished: bool) {
        let window = self.window(queue);
        window.open = window.open.saturating_sub(1);
        if finished {
            window.finish();
        }
    }

    /// Notes whether the queue is there at the broker. Without it nothing is dispatched to it.
    pub(super) fn found(&mut self, queue: i64, found: bool) {
        if let Some(window) = self.windows.get_mut(&queue) {
            window.found = found;
            window.backlog = true;
        }
    }

    /// Notes that a person paused or resumed a queue, and gives its number; `None` if there is no such queue.
    pub(super) fn pause(&mut self, name: &QueueName, paused: bool) -> Option<i64> {
        let (no, window) = self.windows.iter_mut().find(|(_, window)| window.name == *name)?;
        window.paused = paused;
        window.backlog = true;
        Some(*no)
    }

    /// Notes how many messages were ready in a queue at the broker, and how many attempts of it the broker had not
    /// confirmed. A queue that ran empty gets a larger window.
    pub(super) fn depth(&mut self, queue: i64, ready: u32, unconfirmed: usize) {
        if let Some(window) = self.windows.get_mut(&queue) {
            window.seen(ready, unconfirmed);
        }
    }

    /// Notes that a quarter of a second passed, and how many slots of live workers serve each queue, by name.
    pub(super) fn tick(&mut self, slots: &BTreeMap<String, usize>) {
        for window in self.windows.values_mut() {
            window.tick();
            window.slots = slots.get(window.name.as_str()).copied().unwrap_or(0);
        }
    }

    /// Tells whether built-in tasks may be ready in the database. No input brings them up, so the loop does not wait.
    pub(super) const fn has_own_backlog(&self) -> bool {
        self.own_backlog
    }

    /// State of all queues at this moment, for the API, the broker side and the metrics.
    pub(super) fn snapshots(&self) -> Vec<QueueSnapshot> {
        let queue = |(no, window): (&i64, &DispatchWindow)| QueueSnapshot {
            no: *no,
            name: window.name.clone(),
            paused: window.paused,
            dispatched: window.open,
            window: window.size(),
            found: window.found,
        };
        self.windows.iter().map(queue).collect()
    }

    /// The window of a known queue. Panics for a number that no queue has.
    fn window(&mut self, queue: i64) -> &mut DispatchWindow {
        self.windows.get_mut(&queue).expect("a queue has a number only once it is known")
    }
}
