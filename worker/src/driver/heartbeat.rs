//! Heartbeats: the messages by which the worker shows that it lives, and their rhythm.

use std::time::Duration;

use tokio::time::Instant;
use warrener_shared::limits::HEARTBEAT_EVERY_MS;
use warrener_shared::time::Millis;
use warrener_shared::wire::Message;
use warrener_shared::wire::heartbeat::Heartbeat;

use super::line::Line;
use crate::config::Settings;
use crate::registry::Registry;
use crate::session::Session;

/// The heartbeats of one worker.
pub(super) struct Heartbeats {
    /// All that doesn't change.
    form: Heartbeat,
    /// Time of the latest heartbeat; `None` if the next must not wait.
    last: Option<Instant>,
}

impl Heartbeats {
    pub(super) fn new(worker: &str, settings: &Settings, registry: &Registry) -> Self {
        let form = Heartbeat {
            worker: worker.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            queues: settings.worker.queues.clone(),
            kinds: registry.kinds().into_iter().collect(),
            slots: settings.worker.slots,
            ..Heartbeat::default()
        };
        Self { form, last: None }
    }

    /// The next one goes out at once.
    pub(super) fn hurry(&mut self) {
        self.last = None;
    }

    /// Sends one if it is time.
    pub(super) async fn beat<D>(&mut self, session: &Session<D>, line: &Line) {
        if self.last.is_some_and(|last| last.elapsed() < every(session.patience())) {
            return;
        }
        self.last = Some(Instant::now());
        let refused = line.refused().map(str::to_owned);
        let (tickets, draining) = (session.tickets(), session.is_draining());
        let beat = Heartbeat { tickets, draining, refused, ..self.form.clone() };
        let body = serde_json::to_vec(&beat).expect("a heartbeat has text keys only");
        line.send_heartbeat(Message { persistent: false, ..Message::json(TYPE, body) }).await;
    }
}

/// Five seconds, or often enough that the most impatient attempt hears of itself three times in its span.
fn every(patience: Option<Millis>) -> Duration {
    let third = patience.map_or(HEARTBEAT_EVERY_MS, |patience| patience.0 / 3);
    Duration::from_millis(third.clamp(SHORTEST_MS, HEARTBEAT_EVERY_MS))
}

/// A task that asks for more attention than this asks too much of the broker.
const SHORTEST_MS: u64 = 300;
/// `type` of a heartbeat.
const TYPE: &str = "worker.heartbeat";
