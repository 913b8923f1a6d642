//! A task queue in the outbox: the tasks that wait to be published to it, and the right to publish them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use warrener_shared::id::QueueName;

use crate::driver::Outgoing;

/// State of a queue in this session.
#[derive(Debug)]
pub(super) struct QueueLane {
    pub(super) name: QueueName,
    pub(super) state: LaneState,
    /// Unconfirmed publishes.
    pub(super) in_flight: usize,
    /// Time since which nothing was confirmed though something was sent.
    pub(super) failing_since: Option<Instant>,
    pub(super) waiting: VecDeque<Outgoing>,
    /// Time at which the oldest of the waiting tasks came.
    waiting_since: Option<Instant>,
    /// Length of the latest pause after a failure; zero as long as there was none.
    pause: Duration,
    not_before: Option<Instant>,
}

/// Knowledge about the queue at the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LaneState {
    /// Nobody has looked.
    Unknown,
    /// Somebody looks, and makes or binds it if need be.
    Preparing,
    /// The queue is there and bound.
    Ready,
}

impl QueueLane {
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

    pub(super) fn push(&mut self, outgoing: Outgoing) {
        self.waiting_since.get_or_insert_with(Instant::now);
        self.waiting.push_back(outgoing);
    }

    /// The next message that may go.
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

    pub(super) fn is_paused(&self) -> bool {
        self.not_before.is_some_and(|at| Instant::now() < at)
    }

    /// Notes that the queue takes nothing for now. The queue is left alone for a while, longer each time up to
    /// `longest`.
    pub(super) fn put_off(&mut self, longest: Duration) {
        if !self.is_paused() {
            self.pause = (self.pause * 2).clamp(PAUSE, longest.max(PAUSE));
            self.not_before = Some(Instant::now() + self.pause);
        }
    }

    /// Notes that the queue takes messages.
    pub(super) fn go_on(&mut self) {
        (self.pause, self.not_before, self.failing_since) = (Duration::ZERO, None, None);
    }

    /// Takes the tasks that have waited for so long that the driver must know that they were not published; they will
    /// be asked for again.
    pub(super) fn take_overdue(&mut self) -> Vec<i64> {
        if self.waiting_since.is_none_or(|since| since.elapsed() < HELD_MAX) {
            return Vec::new();
        }
        self.waiting_since = None;
        self.waiting.drain(..).map(|one| one.dispatch_no).collect()
    }
}

/// Unconfirmed publishes of one queue, so that a dead queue leaves room for the others.
const WINDOW: usize = 1024;
/// Time for which a queue is left alone after its first failure.
const PAUSE: Duration = Duration::from_secs(1);
/// Time for which messages are held for a queue that takes none; shorter than the driver waits for their confirms.
const HELD_MAX: Duration = Duration::from_secs(30);
