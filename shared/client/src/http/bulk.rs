//! Bulk operations.

use reqwest::Method;
use serde::{Deserialize, Serialize};

use super::answer::Answer;
use super::call::HttpClient;
use super::error::HttpError;
use super::query::{JobQuery, Pairs};
use super::resource::Page;

/// An operation that is wished for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BulkWish {
    /// `cancel`, `retry`, `pause`, `resume`, `delete`, `skip`, `replay` or `discard`.
    pub action: String,
    /// Terms of the filter language; `*` for everything.
    pub filter: String,
    /// `jobs`, `tasks` or `dead`. Defaults to what the action is usually done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Members at most in a time, such as `100/s`. Defaults to as fast as others allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<String>,
    /// Purpose, for those who look later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Shows what would be done, and does nothing. Defaults to false.
    pub dry_run: bool,
}

/// An operation.
#[derive(Clone, Debug, Deserialize)]
pub struct BulkOperation {
    /// Id of the operation.
    pub id: String,
    /// Action on each member.
    pub action: String,
    /// Sort of the members.
    pub target: String,
    /// Filter that the set was made by.
    pub filter: String,
    /// Name of whoever began it.
    pub by: String,
    /// `running`, `succeeded`, `cancelled` or `failed`.
    pub state: String,
    /// Members of the set.
    pub matched: u64,
    /// Members that were acted on.
    pub done: u64,
    /// Members that no longer matched in their turn.
    pub skipped: u64,
    /// Members whose state did not allow the action.
    pub failed: u64,
    /// The first refusals.
    #[serde(default)]
    pub errors: Vec<BulkRefusal>,
    /// Time at which it began, RFC 3339.
    pub created_at: Option<String>,
    /// Time at which it was over, RFC 3339.
    pub finished_at: Option<String>,
}

/// A refusal of one member.
#[derive(Clone, Debug, Deserialize)]
pub struct BulkRefusal {
    /// Id or address of the member.
    pub id: String,
    /// A stable word.
    pub code: String,
    /// Reason, in a sentence.
    pub detail: String,
}

/// Answer of a dry run.
#[derive(Clone, Debug, Deserialize)]
pub struct BulkPreview {
    /// Things that fit.
    pub matched: u64,
    /// The same by their states.
    #[serde(default)]
    pub by: std::collections::BTreeMap<String, u64>,
    /// Some of their ids.
    #[serde(default)]
    pub sample: Vec<String>,
}

impl HttpClient {
    /// Asks what an operation would be about.
    ///
    /// # Errors
    /// [`HttpError`], with status 400 if the filter can't be read.
    pub async fn preview_bulk(&self, wish: &BulkWish) -> Result<Answer<BulkPreview>, HttpError> {
        let wish = BulkWish { dry_run: true, ..wish.clone() };
        self.send("asking what fits", self.wished(&wish)).await
    }

    /// Begins an operation.
    ///
    /// # Errors
    /// [`HttpError`], with status 400 if the filter can't be read.
    pub async fn begin_bulk(&self, wish: &BulkWish) -> Result<Answer<BulkOperation>, HttpError> {
        self.send("beginning a bulk operation", self.wished(&BulkWish { dry_run: false, ..wish.clone() })).await
    }

    fn wished(&self, wish: &BulkWish) -> reqwest::RequestBuilder {
        let body = serde_json::to_vec(wish).expect("a wish has text keys only");
        let request = self.request(Method::POST, &["bulk"], Pairs::new());
        request.header("content-type", "application/json").body(body)
    }

    /// Fetches a page of operations, newest first.
    ///
    /// # Errors
    /// [`HttpError`], as for every method here.
    pub async fn bulks(&self, page: &JobQuery) -> Result<Answer<Page<BulkOperation>>, HttpError> {
        self.send("listing bulk operations", self.request(Method::GET, &["bulk"], page.pairs())).await
    }

    /// Fetches an operation.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none.
    pub async fn bulk(&self, id: &str) -> Result<Answer<BulkOperation>, HttpError> {
        let request = self.request(Method::GET, &["bulk", id], Pairs::new());
        self.send(&format!("reading bulk operation {id}"), request).await
    }

    /// Stops an operation; what was done stays done.
    ///
    /// # Errors
    /// [`HttpError`], with status 404 if there is none, 409 if it is over.
    pub async fn cancel_bulk(&self, id: &str) -> Result<Answer<BulkOperation>, HttpError> {
        let request = self.request(Method::POST, &["bulk", id, "cancel"], Pairs::new());
        self.send(&format!("stopping bulk operation {id}"), request).await
    }
}
