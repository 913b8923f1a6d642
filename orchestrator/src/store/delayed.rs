//! Messages that are kept until their time, then published.

use std::sync::Arc;

use warrener_shared::time::Timestamp;

/// A message of somebody else that is kept until its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedMessage {
    /// Exchange that it was published to, which says where it goes on to.
    pub exchange: Arc<str>,
    /// Routing key, as it came.
    pub routing_key: String,
    /// Time before which it does not go out.
    pub due_at: Timestamp,
    /// True if `due_at` counts a span, and moves with a clock that is set; false if it is a time of day.
    pub after_delay: bool,
    /// Time at which it came.
    pub received_at: Timestamp,
    /// Properties and headers as AMQP writes them.
    pub properties: Vec<u8>,
    /// Body, as it came.
    pub body: Vec<u8>,
}

/// A kept message without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelayedHead {
    /// Number of the message, from 1.
    pub no: i64,
    /// Exchange that it was published to.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// Time before which it does not go out; after an attempt that failed, the time of the next.
    pub due_at: Timestamp,
    /// Time at which it came.
    pub received_at: Timestamp,
    /// Bytes of its body.
    pub size: u64,
    /// Attempts to publish it that failed.
    pub failures: u32,
    /// Reason why the latest failed.
    pub reason: Option<String>,
    /// Properties and headers as AMQP writes them.
    pub properties: Vec<u8>,
}

/// A message whose turn was put off: nobody took it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutOffMessage {
    /// Number of the message.
    pub no: i64,
    /// Time of the next attempt.
    pub due_at: Timestamp,
    /// Reason, in a sentence.
    pub reason: String,
}

/// Changes of kept messages in one commit.
#[derive(Clone, Debug, Default)]
pub struct DelayedChanges {
    /// Messages that are kept from now on, in the order in which they came.
    pub kept: Vec<Arc<DelayedMessage>>,
    /// Messages that are tried again later.
    pub put_off: Vec<PutOffMessage>,
    /// Numbers of messages that are not kept any longer.
    pub gone: Vec<i64>,
}

impl DelayedChanges {
    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.put_off.is_empty() && self.gone.is_empty()
    }

    /// The same, with what is kept for a span moved by so many milliseconds: the wall clock was set.
    pub(crate) fn shifted(&self, by: i64) -> Self {
        let mut shifted = self.clone();
        for message in shifted.kept.iter_mut().filter(|message| message.after_delay) {
            Arc::make_mut(message).due_at.0 += by;
        }
        shifted
    }

    /// Adds others behind these.
    pub fn extend(&mut self, others: &Self) {
        self.kept.extend_from_slice(&others.kept);
        self.put_off.extend_from_slice(&others.put_off);
        self.gone.extend_from_slice(&others.gone);
    }
}
