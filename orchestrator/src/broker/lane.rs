//! Lanes: each task queue in the outbox, with the tasks that wait to be published to it.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use warrener_shared::id::QueueName;

use crate::driver::Outgoing;

/// State of a task queue in this session. A lane is forgotten with its session.
#[derive(Debug)]
pub(super) struct QueueLane {
    /// Name of the queue.
    pub(super) name: QueueName,
    /// Knowledge about the queue at the broker. Nothing goes out before it is ready.
    pub(super) state: LaneState,
    /// Unconfirmed publishes, at most [`WINDOW`].
    pub(super) in_flight: usize,
    /// Time since which nothing was confirmed though something was sent; `None` if all is well.
    pub(super) failing_since: Option<Instant>,
    /// Tasks that wait to be published, in the order of their dispatch.
    pub(super) waiting: VecDeque<Outgoing>,
    /// Time at which the oldest of the waiting tasks came; `None` if none waits.
    waiting_since: Option<Instant>,
    /// Length of the latest pause after a failure; zero as long as there was none.
    pause: Duration,
    /// Time before which nothing is sent, after a failure.
    not_before: Option<Instant>,
}

/// Knowledge about the queue at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneState {
    /// State in which nobody has looked at the queue in this session.
    Unknown,
    /// State in which somebody looks at the queue, and makes or binds it if need be.
    Preparing,
    /// State in which the queue is there and bound, and takes tasks.
    Ready,
}

impl QueueLane {
    /// Lane of a queue that nobody has looked at in this session.
    pub(super) fn new(name: QueueName) -> Self {
        Self {
            name,
            state: LaneState::Unknown,
            in_flight: 0,
            failing_since: None,
            waiting: VecDeque::new(),
            waiting_since: None,
            pause: Duration::ZERO,
            not_before: None,
        }
    }

    /// Adds a task that waits.
    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.waiting_since.get_or_insert_with(Instant::now);
        self.waiting.push_back(outgoing);
    }

    /// Takes the next task that may go; `None` if none waits, the window is full, or the queue is left alone.
    pub(super) fn next(&mut self) -> Option<Outgoing> {
        if self.in_flight >= WINDOW || self.is_paused() {
            return None;
        }
        let next = self.waiting.pop_front();
        if self.waiting.is_empty() {
            self.waiting_since = None;
        }
        next
    }

    /// True while the queue is left alone.
    pub(super) fn is_paused(&self) -> bool {
        self.not_before.is_some_and(|at| Instant::now() < at)
    }

    /// Notes that the queue takes nothing for now. It is left alone for a while, longer each time up to `longest`.
    pub(super) fn put_off(&mut self, longest: Duration) {
        if !self.is_paused() {
            self.pause = (self.pause * 2).clamp(PAUSE, longest.max(PAUSE));
            self.not_before = Some(Instant::now() + self.pause);
        }
    }

    /// Notes that the queue takes messages: all doubts about it are over.
    pub(super) fn go_on(&mut self) {
        (self.pause, self.not_before, self.failing_since) = (Duration::ZERO, None, None);
    }

    /// Takes all waiting tasks out if they waited for [`HELD_MAX`], and gives their dispatches. The driver must know
    /// that they were not published; it asks for them again.
    pub(super) fn take_overdue(&mut self) -> Vec<i64> {
        if self.waiting_since.is_none_or(|since| since.elapsed() < HELD_MAX) {
            return Vec::new();
        }
        self.waiting_since = None;
        self.waiting.drain(..).map(|one| one.dispatch_no).collect()
    }
}

/// Most unconfirmed publishes of one queue, so that a dead queue leaves room for the others.
const WINDOW: usize = 1024;
/// Time for which a queue is left alone after its first failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Time for which messages are held for a queue that takes none; shorter than the driver waits for their confirms.
const HELD_MAX: Duration = Duration::from_secs(30);
