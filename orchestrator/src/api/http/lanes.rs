//! Permits for what is read, so that lists wait for lists and not submits for lists.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::problem::{self, Problem};
use crate::config::Http;

/// Longest wait for a permit; a list that waits longer was asked for by too many.
const PATIENCE: Duration = Duration::from_secs(10);

/// Share of the readers that a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ReadLane {
    /// Nothing: it is answered from memory, or by the writer.
    Free,
    /// A bounded number of rows.
    Single,
    /// As many rows as there are.
    List,
}

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
    pub(super) async fn enter(&self, lane: ReadLane) -> Result<Option<SemaphorePermit<'_>>, Problem> {
        let permits = match lane {
            ReadLane::Free => return Ok(None),
            ReadLane::Single => &self.singles,
            ReadLane::List => &self.lists,
        };
        match tokio::time::timeout(PATIENCE, permits.acquire()).await {
            Ok(permit) => Ok(Some(permit.expect("nobody closes the semaphore"))),
            Err(_) => {
                Err(Problem::busy(problem::TOO_MANY_READS, "others wait to read the same; try again in a moment"))
            }
        }
    }
}
