//! Calls to the broker, each with a limit in time.

use std::time::Duration;

use lapin::types::ShortString;

use crate::BrokerError;

/// Waits for an answer of the broker, at most so long.
pub(crate) async fn call<T>(
    what: &str,
    limit: Duration,
    answer: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => answer.map_err(|error| BrokerError::from_lapin(what, &error)),
        Err(_) => Err(BrokerError::Timeout { what: what.to_owned(), after: limit }),
    }
}

/// A name as AMQP wants it: at most 255 bytes. The client library would panic.
pub(crate) fn short(what: &str, text: &str) -> Result<ShortString, BrokerError> {
    ShortString::try_new(text).map_err(|_| BrokerError::Invalid {
        what: format!("{what} of {} bytes", text.len()),
        why: "AMQP allows 255".to_owned(),
    })
}
