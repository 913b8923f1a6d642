//! Permits to read, by lane, so that lists wait for lists and not submits for lists.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::problem::{self, Problem};
use crate::config::Http;

/// Longest wait for a permit. A request that waits longer is refused as busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lane of a request: the share of the readers that it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ReadLane {
    /// Lane without a permit: it is answered from memory, or by the writer.
    Free,
    /// Permit for a bounded number of rows.
    Single,
    /// Permit for as many rows as there are.
    List,
}

/// Permits of all lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    /// Permits for lists (`http.max_lists`).
    lists: Semaphore,
    /// Permits for bounded reads (`http.max_reads`).
    singles: Semaphore,
}

impl Lanes {
    /// Permits as they are configured, all free.
    pub(super) fn new(http: &Http) -> Self {
        Self { lists: Semaphore::new(http.max_lists), singles: Semaphore::new(http.max_reads) }
    }

    /// Waits for a permit to answer in this lane; `None` where none is needed.
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
