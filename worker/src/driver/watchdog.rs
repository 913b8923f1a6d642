//! Consumers that the broker feeds no more, though their queue has messages and they have room.
//!
//! The absence of errors proves nothing: a queue that is deleted and declared again within milliseconds keeps its old
//! consumers on RabbitMQ 3.10, and neither ends nor feeds them.

use std::time::Duration;

use tokio::time::Instant;

/// Observations of one queue.
#[derive(Debug)]
struct QueueWatch {
    /// Time at which a delivery last came, or was last expected to come soon.
    heard: Instant,
    /// Time at which the last look was asked for.
    looked: Instant,
    /// Number of looks in a row that found messages in the queue although none were delivered.
    strikes: u32,
}

/// The remedy for a queue that brings nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Nothing.
    Well,
    /// Consumers of the queue are to be replaced.
    Replace,
    /// Replacing them did not help: the connection is to be made anew.
    Reconnect,
}

/// Watches every queue of one connection.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    watches: Vec<QueueWatch>,
}

impl Watchdog {
    /// Begins anew, with so many queues.
    pub(super) fn begin(&mut self, lanes: usize, now: Instant) {
        self.watches = (0..lanes).map(|_| QueueWatch { heard: now, looked: now, strikes: 0 }).collect();
    }

    /// Something came from a queue.
    pub(super) fn heard(&mut self, lane: usize, now: Instant) {
        if let Some(watch) = self.watches.get_mut(lane) {
            (watch.heard, watch.strikes) = (now, 0);
        }
    }

    /// The queues to be looked at now, of those from which something could come.
    pub(super) fn due(&mut self, hungry: &[usize], now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        for (lane, watch) in self.watches.iter_mut().enumerate() {
            if !hungry.contains(&lane) {
                // Nothing may come: this is no silence.
                (watch.heard, watch.strikes) = (now, 0);
            } else if now >= watch.heard + SILENCE && now >= watch.looked + BETWEEN {
                watch.looked = now;
                due.push(lane);
            }
        }
        due
    }

    /// Takes in that so many messages wait in a queue that was looked at, and says what is to be done.
    pub(super) fn found(&mut self, lane: usize, ready: u32) -> Remedy {
        let Some(watch) = self.watches.get_mut(lane) else { return Remedy::Well };
        // What came after the question answers it.
        if ready == 0 || watch.heard >= watch.looked {
            watch.strikes = 0;
            return Remedy::Well;
        }
        watch.strikes += 1;
        match watch.strikes {
            REPLACE => Remedy::Replace,
            RECONNECT.. => Remedy::Reconnect,
            _ => Remedy::Well,
        }
    }
}

/// A message that waits while there is room for it comes within milliseconds.
const SILENCE: Duration = Duration::from_secs(3);
/// Time between two looks at a queue.
const BETWEEN: Duration = Duration::from_secs(2);
/// Looks in a row that must have found messages: one may have met them on their way.
const REPLACE: u32 = 2;
/// Looks in a row after which the new consumer has failed too.
const RECONNECT: u32 = 4;

#[cfg(test)]
mod tests;
