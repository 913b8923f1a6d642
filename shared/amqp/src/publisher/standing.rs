//! Destinations that do not confirm, and what others may see of that.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lapin::types::ShortString;
use tokio::time::Instant;

use super::PublishRequest;

/// Exchange and routing key.
pub(super) type PublishTarget = (ShortString, ShortString);

/// Special treatment of a destination that is late, or was.
#[derive(Debug)]
pub(super) enum Treatment {
    /// The first message is tried beside the road; the others wait for its outcome.
    OnTrial {
        /// The message that is tried, and those behind it.
        waiting: VecDeque<PublishRequest>,
        /// Time since which it was late before; `None` if it was not.
        late_since: Option<Instant>,
    },
    /// The destination confirms nothing.
    Late {
        /// Time since which it has been late.
        since: Instant,
        /// Time of the latest trial.
        tried: Instant,
    },
}

impl Treatment {
    /// Tells whether nobody has published to it for so long that nobody may want to any more.
    pub(super) fn is_stale(&self) -> bool {
        matches!(self, Self::Late { tried, .. } if tried.elapsed() > STALE)
    }
}

/// A destination that confirms nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateDestination {
    /// The exchange; empty for the default exchange.
    pub exchange: String,
    /// The routing key; the name of the queue if the exchange is the default one.
    pub key: String,
    /// Time for which it has confirmed nothing.
    pub since: Duration,
}

/// Figures of a publisher that others may read.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<BoardState>);

#[derive(Debug, Default)]
struct BoardState {
    oldest: Option<Instant>,
    late: Vec<(PublishTarget, Instant)>,
}

impl Board {
    pub(super) fn waits_since(&self, oldest: Option<Instant>) {
        self.with(|shown| shown.oldest = oldest);
    }

    pub(super) fn show(&self, standings: &HashMap<PublishTarget, Treatment>) {
        let late = |(destination, standing): (&PublishTarget, &Treatment)| match standing {
            Treatment::Late { since, .. } | Treatment::OnTrial { late_since: Some(since), .. } => {
                Some((destination.clone(), *since))
            }
            Treatment::OnTrial { late_since: None, .. } => None,
        };
        let late = standings.iter().filter_map(late).collect();
        self.with(|shown| shown.late = late);
    }

    /// The age of the oldest unconfirmed message to a destination that is not late.
    pub(super) fn oldest(&self) -> Option<Duration> {
        self.with(|shown| shown.oldest.map(|sent| sent.elapsed()))
    }

    pub(super) fn late(&self) -> Vec<LateDestination> {
        let as_shown = |((exchange, key), since): &(PublishTarget, Instant)| LateDestination {
            exchange: exchange.to_string(),
            key: key.to_string(),
            since: since.elapsed(),
        };
        self.with(|shown| shown.late.iter().map(as_shown).collect())
    }

    fn with<T>(&self, act: impl FnOnce(&mut BoardState) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Longer than the longest back-off of whoever publishes.
const STALE: Duration = Duration::from_secs(20 * 60);
