//! Connections beside the road that all use, for destinations that may never answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::Channel;
use lapin::uri::AMQPUri;
use tokio::sync::Semaphore;

use super::{OutgoingMessage, Published};
use crate::life::Life;
use crate::link::WatchedConnection;
use crate::probe::Probe;
use crate::{BrokerError, Settings};

/// A few connections on which one message at a time is tried. Each is given up alone, and none ever ends a session.
#[derive(Debug)]
pub(crate) struct Aside {
    settings: Settings,
    host: AMQPUri,
    turns: Semaphore,
    idle: Mutex<Vec<Side>>,
}

/// A connection of its own with a channel that confirms.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) link: WatchedConnection,
    pub(super) channel: Channel,
}

/// Result of the trial of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TrialOutcome {
    /// The broker answered, one way or the other.
    Answered(Published),
    /// The broker answered nothing in time, though it was reached.
    Silent,
    /// The broker could not be reached, or no turn came.
    Unclear,
}

impl Aside {
    pub(crate) fn new(settings: Settings, host: AMQPUri) -> Self {
        Self { settings, host, turns: Semaphore::new(TURNS), idle: Mutex::default() }
    }

    /// A connection for questions that may be lost.
    pub(crate) fn probe(&self, life: &Arc<Life>) -> Probe {
        Probe::new(self.settings.clone(), self.host.clone(), Arc::clone(life))
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self, role: &'static str) -> Result<WatchedConnection, BrokerError> {
        WatchedConnection::open(&self.settings, &self.host, role).await
    }

    /// A connection of its own, with a channel that confirms.
    pub(super) async fn open(&self, role: &'static str) -> Result<Side, BrokerError> {
        let link = self.connect(role).await?;
        match link.confirm_channel().await {
            Ok(channel) => Ok(Side { link, channel }),
            Err(error) => {
                link.cut();
                Err(error)
            }
        }
    }

    /// Publishes one message alone, and waits at most so long for the broker's answer.
    pub(super) async fn attempt(&self, envelope: &OutgoingMessage, limit: Duration) -> TrialOutcome {
        let Ok(Ok(_turn)) = tokio::time::timeout(TURN_PATIENCE, self.turns.acquire()).await else {
            return TrialOutcome::Unclear;
        };
        let side = match self.take() {
            Some(side) => side,
            None => match tokio::time::timeout(OPEN_PATIENCE, self.open("trial")).await {
                Ok(Ok(side)) => side,
                _ => return TrialOutcome::Unclear,
            },
        };
        match tokio::time::timeout(limit, envelope.send(&side.channel)).await {
            // The channel or its connection broke, which the fault of the destination may be.
            Ok(Published::Unknown) => {
                side.link.cut();
                TrialOutcome::Silent
            }
            Ok(outcome) => {
                self.put_back(side).await;
                TrialOutcome::Answered(outcome)
            }
            Err(_) => {
                side.link.cut();
                TrialOutcome::Silent
            }
        }
    }

    /// Closes what is kept for the next trial.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for side in idle {
            side.link.close().await;
        }
    }

    fn take(&self) -> Option<Side> {
        let mut idle = self.idle();
        idle.retain(|side| side.channel.status().connected());
        idle.pop()
    }

    async fn put_back(&self, side: Side) {
        let surplus = {
            let mut idle = self.idle();
            if idle.len() < KEPT {
                idle.push(side);
                None
            } else {
                Some(side)
            }
        };
        if let Some(side) = surplus {
            side.link.close().await;
        }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Side>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A trial of a destination, as a future that owns what it needs.
pub(super) async fn attempt(aside: Arc<Aside>, envelope: Arc<OutgoingMessage>, limit: Duration) -> TrialOutcome {
    aside.attempt(&envelope, limit).await
}

/// Trials at once. Each that hangs holds a connection for the time of one trial.
const TURNS: usize = 8;
/// Connections kept open for the next trial.
const KEPT: usize = 2;
/// Longest wait of a trial for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(10);
/// A broker that works takes a connection within milliseconds.
const OPEN_PATIENCE: Duration = Duration::from_secs(3);
