//! The window of a queue: how many attempts may be with the broker and its workers at once.
//!
//! Only what may run soon is dispatched. The rest stays in the database, where priority, pause, cancel and expiry are
//! exact and cheap. The size follows the demand: twice the slots, and what was finished lately, so that a queue of
//! short tasks does not run dry between two looks.

use std::collections::VecDeque;

use warrener_shared::id::QueueName;

/// Fewest attempts in a window. A queue whose workers send no heartbeats (RPC servers) starts with as many.
pub(in crate::driver) const WINDOW_MIN: usize = 16;
/// Most attempts in a window. Bounds what is held in memory, and what is published again after a broker lost its data.
const WINDOW_MAX: usize = 10_000;
/// Longest stretch over which finished attempts are counted, in ticks of the driver: one second.
const TICKS: usize = 4;

/// The dispatch window of one queue, and what the driver knows of the queue.
#[derive(Debug)]
pub(super) struct DispatchWindow {
    /// Name of the queue, without the prefix.
    pub(super) name: QueueName,
    /// True while a person holds the queue: its window is closed.
    pub(super) paused: bool,
    /// True if the queue is there at the broker, as far as is known. False only for one of somebody else.
    pub(super) found: bool,
    /// Number of open attempts, as committed.
    pub(super) open: usize,
    /// True if tasks may stand among the ready in the database. May be true where none does.
    pub(super) backlog: bool,
    /// True if keys share it: after each attempt another may be next.
    pub(super) is_fair: bool,
    /// Slots of the live workers that serve the queue; 0 if none sends heartbeats.
    pub(super) slots: usize,
    /// Attempts that workers finished since the latest tick.
    finished: usize,
    /// Attempts that workers finished in each of the latest ticks, oldest first; at most [`TICKS`].
    recent: VecDeque<usize>,
    /// Factor of the size, a power of two from 1 on. Doubles at each look that finds the queue empty, else halves.
    boost: usize,
}

impl DispatchWindow {
    /// Window of a queue without open attempts, which is taken to have a backlog.
    pub(super) const fn new(name: QueueName, paused: bool, found: bool) -> Self {
        Self {
            name,
            paused,
            found,
            open: 0,
            backlog: true,
            is_fair: false,
            slots: 0,
            finished: 0,
            recent: VecDeque::new(),
            boost: 1,
        }
    }

    /// Attempts that may be open at once: twice the slots of its workers, and what they finished in the last second,
    /// both times the boost; from [`WINDOW_MIN`] to [`WINDOW_MAX`]. Where keys share the queue it is what they finished
    /// in an eighth of a second: whoever comes with a fair share waits for all that is open.
    pub(super) fn size(&self) -> usize {
        let workers = if self.slots == 0 { WINDOW_MIN } else { 2 * self.slots };
        let finished = match self.is_fair {
            true => self.recent.back().copied().unwrap_or(0).max(self.finished) / 2,
            false => self.finished + self.recent.iter().sum::<usize>(),
        };
        ((workers + finished) * self.boost).clamp(WINDOW_MIN, WINDOW_MAX)
    }

    /// Number of attempts that may be opened now; 0 if the queue is paused or missing. `opened` is the balance of the
    /// batch that is not committed: attempts opened less attempts closed.
    pub(super) fn room(&self, opened: i64) -> usize {
        if self.paused || !self.found {
            return 0;
        }
        let open = i64::try_from(self.open).unwrap_or(i64::MAX) + opened;
        self.size().saturating_sub(usize::try_from(open).unwrap_or(0))
    }

    /// Notes that a worker finished an attempt.
    pub(super) const fn finish(&mut self) {
        self.finished += 1;
    }

    /// Notes that a quarter of a second passed.
    pub(super) fn tick(&mut self) {
        self.recent.push_back(std::mem::take(&mut self.finished));
        if self.recent.len() > TICKS {
            self.recent.pop_front();
        }
    }

    /// Notes that the queue at the broker was seen with `ready` messages, while the broker had not confirmed so many
    /// that are open. It starves if there are none while tasks wait: but for as long as more are on their way than its
    /// workers take at once, more attempts would wait with us, where neither a fair share nor a priority reaches them.
    pub(super) fn seen(&mut self, ready: u32, unconfirmed: usize) {
        let is_fed = unconfirmed > self.slots.max(WINDOW_MIN);
        let starving = ready == 0 && self.backlog && !self.paused && !is_fed;
        self.boost = if starving { (self.boost * 2).min(WINDOW_MAX) } else { (self.boost / 2).max(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(is_fair: bool) -> DispatchWindow {
        let name = "q".parse().unwrap();
        DispatchWindow { slots: 20, is_fair, ..DispatchWindow::new(name, false, true) }
    }

    #[test]
    fn what_is_on_its_way_already_makes_no_window_larger() {
        let mut window = window(false);
        window.seen(0, 0);
        assert_eq!(window.size(), 80, "the queue starves");
        window.seen(0, 21);
        assert_eq!(window.size(), 40, "more is on its way than its workers take at once");
    }

    #[test]
    fn whoever_shares_a_queue_has_little_before_him() {
        let sizes = [false, true].map(|is_fair| {
            let mut window = window(is_fair);
            for _ in 0..TICKS {
                (0..100).for_each(|_| window.finish());
                window.tick();
            }
            window.size()
        });
        assert_eq!(sizes, [440, 90]);
    }
}
