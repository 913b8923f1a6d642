//! Errors between us and the broker, with the remedies that a person has.

use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

/// Errors of the broker and of the way to it. Texts read *what we were doing: with what: why*.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokerError {
    /// The configured address can't be read.
    #[error("reading the broker's address: {url}: {why}")]
    Address {
        /// The address without its password.
        url: String,
        /// The fault in the address.
        why: String,
    },
    /// No host of the address answered.
    #[error("connecting to the broker: {url}: {why}")]
    Unreachable {
        /// The address without its password.
        url: String,
        /// The error of each host.
        why: String,
    },
    /// The broker doesn't let this user do it.
    #[error("{what}: not allowed: {why}; check user, password, virtual host and permissions")]
    Refused {
        /// The operation that was refused, such as `declaring warrener.tasks`.
        what: String,
        /// The broker's text.
        why: String,
    },
    /// A queue or exchange exists with other properties than ours.
    #[error("declaring {entity}: it exists with other properties: we want {wanted}, it has {found}; {fix}")]
    Mismatch {
        /// The queue or exchange.
        entity: String,
        /// The entity as we declare it.
        wanted: String,
        /// The entity as it is at the broker.
        found: String,
        /// The remedy, for a person.
        fix: String,
    },
    /// The prefix belongs to another database.
    #[error(
        "claiming the prefix {prefix:?}: it belongs to another database ({found}); give this one another prefix with \
         WARRENER_AMQP__PREFIX, or delete the exchange {prefix}.owner if the other database is gone"
    )]
    OwnedByAnother {
        /// The prefix that we wanted.
        prefix: String,
        /// The mark of its owner.
        found: String,
    },
    /// A queue or exchange isn't there.
    #[error("{what}: {entity} does not exist")]
    Missing {
        /// The operation that failed.
        what: String,
        /// The queue or exchange.
        entity: String,
    },
    /// The broker didn't answer in time.
    #[error("{what}: no answer within {} s", after.as_secs_f32())]
    Timeout {
        /// The operation whose answer is missing.
        what: String,
        /// The time that was waited.
        after: Duration,
    },
    /// The broker or the network ended a connection or a channel.
    #[error("{what}: {why}")]
    Broken {
        /// The operation that was under way.
        what: String,
        /// The broker's text, or the network's.
        why: String,
    },
    /// The broker cancelled a consumer, as it does when the queue is deleted.
    #[error("consuming from {queue}: the broker ended it; the queue was deleted or a delivery was held for too long")]
    ConsumerEnded {
        /// The queue.
        queue: String,
    },
    /// A name or property can't be sent.
    #[error("{what}: {why}")]
    Invalid {
        /// The thing that is invalid, such as a name.
        what: String,
        /// The reason why it can't be sent.
        why: String,
    },
    /// The session was closed by us.
    #[error("the session with the broker is closed")]
    Closed,
}

impl BrokerError {
    /// Tells whether a new session may succeed without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. }
            | Self::Missing { .. }
            | Self::Timeout { .. }
            | Self::Broken { .. }
            | Self::ConsumerEnded { .. }
            | Self::Closed => true,
            Self::Address { .. }
            | Self::Refused { .. }
            | Self::Mismatch { .. }
            | Self::OwnedByAnother { .. }
            | Self::Invalid { .. } => false,
        }
    }

    /// Translates an error of the client library that came while we were doing `what`.
    pub(crate) fn from_lapin(what: &str, error: &lapin::Error) -> Self {
        let what = what.to_owned();
        match SoftError::of(error) {
            Some(SoftError { code: AMQPSoftError::NOTFOUND, text }) => Self::Missing { what, entity: missing(&text) },
            Some(SoftError { code: AMQPSoftError::ACCESSREFUSED, text }) => Self::Refused { what, why: text },
            _ if is_not_allowed(error) => Self::Refused { what, why: text_of(error) },
            _ => Self::Broken { what, why: text_of(error) },
        }
    }
}

/// An error that ends one channel and leaves the connection alone.
pub(crate) struct SoftError {
    pub(crate) code: AMQPSoftError,
    /// The broker's text without the code's name in front.
    pub(crate) text: String,
}

impl SoftError {
    pub(crate) fn of(error: &lapin::Error) -> Option<Self> {
        let lapin::ErrorKind::ProtocolError(error) = error.kind() else { return None };
        let AMQPErrorKind::Soft(code) = error.kind() else { return None };
        Some(Self { code: code.clone(), text: plain(error.get_message().as_str()).to_owned() })
    }
}

fn is_not_allowed(error: &lapin::Error) -> bool {
    let lapin::ErrorKind::ProtocolError(error) = error.kind() else { return false };
    matches!(error.kind(), AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED))
}

fn text_of(error: &lapin::Error) -> String {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => error.get_message().to_string(),
        _ => error.to_string(),
    }
}

/// The broker writes `NOT_FOUND - no queue 'x' in vhost '/'`: the part after the dash.
fn plain(text: &str) -> &str {
    text.split_once(" - ").map_or(text, |(_, rest)| rest)
}

fn missing(text: &str) -> String {
    text.strip_prefix("no ").unwrap_or(text).to_owned()
}
