//! Notes on the broker that a person should know of though everything goes on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::driver::DeathReason;

/// Sentences by their subjects. Each is logged when it is new.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes(Arc<Mutex<BTreeMap<String, String>>>);

impl Notes {
    /// Notes that a queue of ours lost a message by a policy of the broker. The note stays, since the policy is still
    /// there for all we know.
    pub(super) fn say_policy(&self, queue: &str, reason: DeathReason) {
        let limit = if reason == DeathReason::Expired { "message-ttl" } else { "max-length" };
        let text = format!(
            "a policy of the broker with {limit} takes messages out of {queue}: leave our queues out of it, or \
             jobs are lost or late"
        );
        self.say(format!("policy {limit} {queue}"), Some(text));
    }

    /// Notes a sentence about something; `None` takes back what was noted.
    pub(super) fn say(&self, about: String, text: Option<String>) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => {
                if !notes.contains_key(&about) && notes.len() < NOTES_MAX {
                    tracing::warn!("{text}");
                    notes.insert(about, text);
                } else if let Some(known) = notes.get_mut(&about) {
                    *known = text;
                }
            }
            None => {
                if notes.remove(&about).is_some() {
                    tracing::info!(about, "this is over");
                }
            }
        }
    }

    /// All sentences.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

/// Most sentences: more than a person reads.
const NOTES_MAX: usize = 100;
