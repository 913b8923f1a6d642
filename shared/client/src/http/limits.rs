//! Limits and their keys.

use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::call::HttpClient;
use super::error::HttpError;
use super::query::{JobQuery, Pairs};
use super::resource::Page;

/// A limit on how much runs at once, or begins in a span of time.
#[derive(Clone, Debug, Deserialize)]
pub struct Limit {
    /// Name of the limit.
    pub name: String,
    /// True if it stands in the configuration of the orchestrator.
    #[serde(default)]
    pub configured: bool,
    /// Filter of the tasks that it counts.
    #[serde(default)]
    pub on: Option<String>,
    /// Expression of its key.
    #[serde(default)]
    pub key: Option<String>,
    /// Attempts of a key at once.
    #[serde(default)]
    pub concurrency: Option<u64>,
    /// Attempts of a key, or their cost, in a span of time.
    #[serde(default)]
    pub rate: Option<String>,
    /// Unit that `concurrency` counts: `task` or `job`; `None` is `task`.
    #[serde(default)]
    pub per: Option<String>,
    /// Consequence for a job that finds no slot; `None` is `wait`.
    #[serde(default)]
    pub when_full: Option<String>,
}

/// A key of a limit.
#[derive(Clone, Debug, Deserialize)]
pub struct LimitKey {
    /// The key.
    pub key: String,
    /// Attempts that are open.
    #[serde(default)]
    pub running: u64,
    /// Tasks that wait.
    #[serde(default)]
    pub waiting: u64,
    /// Cost that is in the bucket of its rate.
    #[serde(default)]
    pub rate_used: Option<u64>,
    /// Time until which nothing of it goes out. RFC 3339.
    #[serde(default)]
    pub paused_until: Option<String>,
    /// Share among the keys of a queue.
    #[serde(default)]
    pub weight: Option<u64>,
    /// Attempts at once, if it has a number of its own.
    #[serde(default)]
    pub concurrency: Option<u64>,
    /// Rate, if it has one of its own.
    #[serde(default)]
    pub rate: Option<String>,
}

impl HttpClient {
    /// The limits.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn limits(&self) -> Result<Answer<Page<Limit>>, HttpError> {
        self.get("listing limits", &["limits"]).await
    }

    /// Fetches a limit.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn limit(&self, name: &str) -> Result<Answer<Limit>, HttpError> {
        self.get(&format!("reading limit {name}"), &["limits", name]).await
    }

    /// Makes a limit, or changes it.
    ///
    /// # Errors
    /// [`HttpError`], with status 409 if it stands in the configuration, 422 if something in it is wrong.
    pub async fn put_limit(&self, name: &str, definition: &Value) -> Result<Answer<Limit>, HttpError> {
        let request = self.request(Method::PUT, &["limits", name], Pairs::new());
        let request = request.header("content-type", "application/json").body(definition.to_string());
        self.send(&format!("setting limit {name}"), request).await
    }

    /// Removes a limit.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none, 409 if it stands in the configuration.
    pub async fn delete_limit(&self, name: &str) -> Result<(), HttpError> {
        let request = self.request(Method::DELETE, &["limits", name], Pairs::new());
        self.exchange(&format!("removing limit {name}"), request).await.map(drop)
    }

    /// Fetches a page of the keys of a limit.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such limit.
    pub async fn limit_keys(&self, name: &str, query: &JobQuery) -> Result<Answer<Page<LimitKey>>, HttpError> {
        let request = self.request(Method::GET, &["limits", name, "keys"], query.pairs());
        self.send(&format!("listing the keys of limit {name}"), request).await
    }

    /// Gives a key of a limit settings of its own.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is no such limit, 422 if something is wrong.
    pub async fn put_limit_key(&self, name: &str, key: &str, settings: &Value) -> Result<Answer<LimitKey>, HttpError> {
        let request = self.request(Method::PUT, &["limits", name, "keys", key], Pairs::new());
        let request = request.header("content-type", "application/json").body(settings.to_string());
        self.send(&format!("setting key {key} of limit {name}"), request).await
    }
}
