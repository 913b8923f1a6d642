//! The window of a queue: how many attempts may be with the broker and its workers at once.
//!
//! Only what may run soon is dispatched; the rest stays in the database, where priority, pause, cancel and
//! expiry are exact and cheap.

use std::collections::VecDeque;

use warrener_shared::id::QueueName;

/// Fewest attempts in a window; a queue without heartbeats (RPC servers) gets as many.
pub(in crate::driver) const WINDOW_MIN: usize = 16;
/// Most attempts in a window; bounds what is held in memory, and what a wiped broker must be sent again.
const WINDOW_MAX: usize = 10_000;
/// Longest stretch over which finished attempts are counted, in ticks of the driver.
const TICKS: usize = 4;

/// The dispatch window of one queue, and what the driver knows of the queue.
#[derive(Debug)]
pub(super) struct DispatchWindow {
    pub(super) name: QueueName,
    pub(super) paused: bool,
    /// True if the queue at the broker is there, as far as we know.
    pub(super) found: bool,
    /// Open attempts.
    pub(super) open: usize,
    /// True if tasks may stand among the ready in the database.
    pub(super) backlog: bool,
    /// Slots of the workers that serve it.
    pub(super) slots: usize,
    finished: usize,
    recent: VecDeque<usize>,
    boost: usize,
}

impl DispatchWindow {
    pub(super) const fn new(name: QueueName, paused: bool, found: bool) -> Self {
        Self { name, paused, found, open: 0, backlog: true, slots: 0, finished: 0, recent: VecDeque::new(), boost: 1 }
    }

    /// Twice the slots of its workers, and what it finished in the last second, boosted if it ran empty.
    pub(super) fn size(&self) -> usize {
        let workers = if self.slots == 0 { WINDOW_MIN } else { 2 * self.slots };
        let finished = self.finished + self.recent.iter().sum::<usize>();
        ((workers + finished) * self.boost).clamp(WINDOW_MIN, WINDOW_MAX)
    }

    /// Number of attempts that may open besides; `opened` are open beside those counted here, or closed if negative.
    pub(super) fn room(&self, opened: i64) -> usize {
        if self.paused || !self.found {
            return 0;
        }
        let open = i64::try_from(self.open).unwrap_or(i64::MAX) + opened;
        self.size().saturating_sub(usize::try_from(open).unwrap_or(0))
    }

    /// A worker finished an attempt.
    pub(super) const fn finish(&mut self) {
        self.finished += 1;
    }

    /// A quarter of a second passed.
    pub(super) fn tick(&mut self) {
        self.recent.push_back(std::mem::take(&mut self.finished));
        if self.recent.len() > TICKS {
            self.recent.pop_front();
        }
    }

    /// The broker's queue was seen with so many messages ready.
    pub(super) fn seen(&mut self, ready: u32) {
        let starving = ready == 0 && self.backlog && !self.paused;
        self.boost = if starving { (self.boost * 2).min(WINDOW_MAX) } else { (self.boost / 2).max(1) };
    }
}
