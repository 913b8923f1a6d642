//! Waiting for what has no event, with a bound.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Asks again and again until there is an answer.
///
/// # Panics
/// If there is none within `limit`.
pub async fn until<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {} s", limit.as_secs());
        sleep(LOOK_EVERY).await;
    }
}

/// Fails the test if something takes longer than it may.
///
/// # Panics
/// If it does.
pub async fn within<T>(what: &str, limit: Duration, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("{what}: not within {} s", limit.as_secs()))
}

/// Long enough for a busy machine, short enough for whoever waits for the result.
pub const SOON: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
