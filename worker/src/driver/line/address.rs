//! The broker's address, and the findings of earlier connections.

use std::sync::atomic::{AtomicBool, Ordering};

use warrener_amqp::Settings;
use warrener_runtime::config::Amqp;
use warrener_shared::wire::topology::Names;

/// The broker's address, and the names that the worker uses there.
pub(in crate::driver) struct BrokerAddress {
    pub(in crate::driver) id: String,
    /// Task queues, in order of preference.
    pub(in crate::driver) lanes: Vec<String>,
    pub(in crate::driver) results: String,
    pub(in crate::driver) workers: String,
    pub(super) names: Names,
    pub(super) settings: Settings,
    /// Set once a task asked for an answer in another queue than our own results.
    answers_others: AtomicBool,
    /// Set if the next connection begins with the question what this user may publish.
    in_doubt: AtomicBool,
}

impl BrokerAddress {
    pub(in crate::driver) fn new(amqp: &Amqp, names: Names, id: String, lanes: Vec<String>) -> Self {
        let mut settings = Settings::new(amqp.address(), format!("warrener worker {id}"));
        settings.heartbeat = amqp.heartbeat;
        Self {
            id,
            lanes,
            results: names.results(),
            workers: names.workers(),
            names,
            settings,
            answers_others: AtomicBool::new(false),
            in_doubt: AtomicBool::new(true),
        }
    }

    /// Tells whether a task asked for an answer in another queue than our own results.
    pub(super) fn answers_others(&self) -> bool {
        self.answers_others.load(Ordering::Relaxed)
    }

    /// Notes whether the last connection gives reason to ask what this user may publish.
    pub(super) fn doubt(&self, in_doubt: bool) {
        self.in_doubt.store(in_doubt, Ordering::Relaxed);
    }

    /// Tells whether the next connection begins with the question what this user may publish.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Relaxed)
    }

    /// Notes that a task asks for an answer elsewhere.
    pub(super) fn will_answer_others(&self) {
        self.answers_others.store(true, Ordering::Relaxed);
    }

    /// The broker's address without its password.
    pub(in crate::driver) fn shown(&self) -> String {
        self.settings.redacted_url()
    }
}
