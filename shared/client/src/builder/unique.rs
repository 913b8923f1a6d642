//! The unique key of a job: once at a time, once in a span, or the latest of many.

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use super::{Graph, Single, duration};

/// A key that at most one job holds at a time; others of the same key are refused, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UniqueKey {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_conflict: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_delay: Option<String>,
}

impl UniqueKey {
    /// A key that its job holds until it is final.
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), on_conflict: None, until: None, max_delay: None }
    }

    /// Answers with the job that holds the key, instead of refusing this one.
    pub fn return_existing(mut self) -> Self {
        self.on_conflict = Some("return_existing");
        self
    }

    /// Cancels the job that holds the key.
    pub fn cancel_existing(mut self) -> Self {
        self.on_conflict = Some("cancel_existing");
        self
    }

    /// Debounces: takes the place of the content of the job that holds the key while that is scheduled, and its delay
    /// starts anew. The job needs a `delay`.
    pub fn replace(mut self) -> Self {
        self.on_conflict = Some("replace");
        self
    }

    /// Sets the longest time from the first submit to the start of a job that is replaced. Defaults to 10 times the
    /// `delay`.
    pub fn max_delay(mut self, span: Duration) -> Self {
        self.max_delay = Some(duration(span));
        self
    }

    /// Holds the key until the first task is dispatched.
    pub fn until_started(mut self) -> Self {
        self.until = Some(json!("started"));
        self
    }

    /// Throttles: holds the key for so long from the creation of the job, whatever becomes of it.
    pub fn hold_for(mut self, span: Duration) -> Self {
        self.until = Some(json!(duration(span)));
        self
    }
}

impl Single {
    /// Time from the submit to the start. Defaults to none.
    pub fn delay(self, delay: Duration) -> Self {
        self.field("delay", &duration(delay))
    }

    /// Lets at most one job at a time hold a key.
    pub fn unique(self, key: &UniqueKey) -> Self {
        self.field("unique", key)
    }
}

impl Graph {
    /// Time from the submit to the start. Defaults to none.
    pub fn delay(&mut self, delay: Duration) -> &mut Self {
        self.field("delay", &duration(delay))
    }

    /// Lets at most one job at a time hold a key.
    pub fn unique(&mut self, key: &UniqueKey) -> &mut Self {
        self.field("unique", key)
    }
}
