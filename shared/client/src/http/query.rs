//! The parameters of requests.

use std::time::Duration;

use warrener_shared::time::Millis;

/// Options of a submit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SubmitOptions {
    /// Checks the job and keeps nothing. Defaults to false.
    pub dry_run: bool,
    /// Longest time to wait for its end. Defaults to not waiting.
    pub wait: Option<Duration>,
}

/// Choice of a page from a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobQuery {
    /// Terms of the filter language, such as `state:failed kind:ml.*`. Defaults to all.
    pub filter: Option<String>,
    /// Cursor of the page before, as its `next_cursor`. Defaults to the first page.
    pub cursor: Option<String>,
    /// Jobs on one page, 1 to 1,000. Defaults to 50.
    pub limit: Option<u32>,
}

/// Name and value of each parameter.
pub(super) type Pairs = Vec<(&'static str, String)>;

impl SubmitOptions {
    pub(super) fn pairs(self) -> Pairs {
        let dry_run = self.dry_run.then(|| ("dry_run", "true".to_owned()));
        let millis = |span: Duration| Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let wait = self.wait.map(|span| ("wait", millis(span).to_string()));
        dry_run.into_iter().chain(wait).collect()
    }
}

impl JobQuery {
    pub(super) fn pairs(&self) -> Pairs {
        let filter = self.filter.clone().map(|filter| ("q", filter));
        let cursor = self.cursor.clone().map(|cursor| ("cursor", cursor));
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        filter.into_iter().chain(cursor).chain(limit).collect()
    }
}
