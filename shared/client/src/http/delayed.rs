//! Messages that go out later.

use reqwest::Method;
use serde::Deserialize;

use super::answer::Answer;
use super::call::HttpClient;
use super::error::HttpError;
use super::query::{JobQuery, Pairs};
use super::resource::Page;

/// A message that goes out later.
#[derive(Clone, Debug, Deserialize)]
pub struct DelayedMessage {
    /// Id, a number as text.
    pub id: String,
    /// Exchange that it was published to.
    pub exchange: String,
    /// Routing key.
    pub routing_key: String,
    /// Time before which it does not go out, RFC 3339.
    pub due_at: String,
    /// Bytes of its body.
    pub size: u64,
    /// Attempts to publish it that failed.
    pub failures: u32,
    /// Reason why the latest failed.
    pub reason: Option<String>,
}

impl HttpClient {
    /// Fetches a page of delayed messages, in the order in which they came.
    ///
    /// # Errors
    /// [`HttpError`]; so for all calls.
    pub async fn delayed(&self, page: &JobQuery) -> Result<Answer<Page<DelayedMessage>>, HttpError> {
        self.send("listing delayed messages", self.request(Method::GET, &["delayed"], page.pairs())).await
    }

    /// Has a delayed message forgotten.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none any more.
    pub async fn cancel_delayed(&self, id: &str) -> Result<(), HttpError> {
        let request = self.request(Method::DELETE, &["delayed", id], Pairs::new());
        self.exchange(&format!("cancelling delayed message {id}"), request).await.map(drop)
    }
}
