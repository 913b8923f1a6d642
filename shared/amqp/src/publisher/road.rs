//! The channel that a publisher uses, and whether it still moves.

use std::pin::Pin;
use std::time::Duration;

use lapin::Channel;
use lapin::options::BasicQosOptions;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::aside::Side;
use crate::link::{Blocked, WatchedConnection};

/// A channel that confirms, on the session's connection or on one of its own.
pub(super) struct Road {
    pub(super) channel: Channel,
    pub(super) blocked: Blocked,
    own: Option<(WatchedConnection, AbortHandle)>,
    question: Option<Question>,
    /// Time of the latest question that the channel has answered. Everything published before it has been handled by
    /// the channel.
    answered: Option<Instant>,
}

/// A question that the channel answers behind everything published before.
struct Question {
    asked: Instant,
    answer: Pin<Box<dyn Future<Output = bool> + Send>>,
}

impl Road {
    /// Takes the connection that others use too.
    pub(super) fn shared(channel: Channel, blocked: Blocked) -> Self {
        Self { channel, blocked, own: None, question: None, answered: None }
    }

    /// Takes a connection of its own, which `watcher` watches.
    pub(super) fn apart(side: Side, watcher: AbortHandle) -> Self {
        let blocked = side.link.blocked().clone();
        Self { channel: side.channel, blocked, own: Some((side.link, watcher)), question: None, answered: None }
    }

    /// Asks whether the channel moves, unless that is being asked or was just answered.
    pub(super) fn ask(&mut self, now: Instant) {
        if self.question.is_some() || self.answered.is_some_and(|at| now - at < ASK_EVERY) {
            return;
        }
        let channel = self.channel.clone();
        // Changes nothing on a channel without consumers.
        let answer = Box::pin(async move { channel.basic_qos(1, BasicQosOptions::default()).await.is_ok() });
        self.question = Some(Question { asked: now, answer });
    }

    pub(super) fn is_asked(&self) -> bool {
        self.question.is_some()
    }

    /// Waits for the answer to the question.
    pub(super) async fn answer(&mut self) {
        let Some(question) = &mut self.question else { return std::future::pending().await };
        let is_alive = question.answer.as_mut().await;
        let asked = question.asked;
        self.question = None;
        if is_alive {
            self.answered = Some(asked);
        }
    }

    /// Time that the channel has owed an answer; zero if it owes none.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        self.question.as_ref().map_or(Duration::ZERO, |question| now - question.asked)
    }

    /// Tells whether the channel is known to have handled all that was published at this time.
    pub(super) fn has_passed(&self, published: Instant) -> bool {
        self.answered.is_some_and(|asked| asked > published)
    }

    /// Gives the road up. What stands still is cut with its connection; on a connection that others use the channel is
    /// handed back, to be kept until the session ends: answers that come late for a channel that is closed would end
    /// the connection.
    pub(super) fn give_up(self) -> Option<Channel> {
        match self.own {
            Some((link, watcher)) => {
                watcher.abort();
                link.cut();
                None
            }
            None => Some(self.channel),
        }
    }

    /// Closes in order what is its own.
    pub(super) async fn close(self) {
        if let Some((link, watcher)) = self.own {
            watcher.abort();
            link.close().await;
        }
    }
}

/// Time between two questions to a channel whose confirms are late.
const ASK_EVERY: Duration = Duration::from_millis(300);
