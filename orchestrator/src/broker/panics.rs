//! Panics of what runs beside each other: none goes unnoticed, and nothing goes on without the part that is missing.

use tokio::task::JoinSet;
use warrener_amqp::BrokerError;

use super::given_up;

/// Waits until one of these panics, and gives the error that it is. Parts that end by themselves are waited for no
/// more.
pub(super) async fn first_of(parts: &mut JoinSet<()>) -> BrokerError {
    while let Some(over) = parts.join_next().await {
        if let Some(error) = over.err().filter(tokio::task::JoinError::is_panic) {
            return given_up(&format!("a part of the broker side failed, which is a fault of Warrener: {error}"));
        }
    }
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_told_and_an_end_is_not() {
        let mut parts = JoinSet::new();
        parts.spawn(async {});
        let waiting = tokio::time::timeout(std::time::Duration::from_secs(1), first_of(&mut parts)).await;
        assert!(waiting.is_err(), "one that ended is no fault: {waiting:?}");
        parts.spawn(async { panic!("out of range") });
        parts.spawn(std::future::pending());
        let why = first_of(&mut parts).await;
        assert!(why.is_transient() && why.to_string().contains("fault of Warrener"), "{why}");
    }
}
