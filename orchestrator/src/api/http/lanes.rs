//! Permits for what is read, so that lists wait for lists and not submits for lists.

use std::time::Duration;

use axum::http::Method;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::problem::Problem;
use crate::config::Http;

/// Longest wait for a permit; a list that waits longer was asked for by too many.
const PATIENCE: Duration = Duration::from_secs(10);
/// Reads that touch a bounded number of rows. Whatever is not named here may be a list.
const SINGLE: &[&str] = &[
    "/api/v1/jobs/{id}",
    "/api/v1/tasks/{job}/{task}",
    "/api/v1/dead/{id}",
    "/api/v1/queues/{name}/scaling",
    "/metrics",
];
/// What is answered from memory, at once, whatever else is going on; `other` is any path that there is not.
const FREE: &[&str] = &["/livez", "/readyz", "/api/v1/workers", "other"];

/// The permits.
#[derive(Debug)]
pub(super) struct Lanes {
    lists: Semaphore,
    singles: Semaphore,
}

impl Lanes {
    pub(super) fn new(http: &Http) -> Self {
        Self { lists: Semaphore::new(http.max_lists), singles: Semaphore::new(http.max_reads) }
    }

    /// A permit to answer; none for what needs none.
    pub(super) async fn enter(&self, method: &Method, path: &str) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        if !matches!(*method, Method::GET | Method::HEAD) || FREE.contains(&path) {
            return Ok(None);
        }
        let lane = if SINGLE.contains(&path) { &self.singles } else { &self.lists };
        match tokio::time::timeout(PATIENCE, lane.acquire()).await {
            Ok(permit) => Ok(Some(permit.expect("nobody closes the semaphore"))),
            Err(_) => Err(Problem::busy("too_many_reads", "others wait to read the same; try again in a moment")),
        }
    }
}
