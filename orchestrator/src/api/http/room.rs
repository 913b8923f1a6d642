//! Room: memory that large bodies share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::problem::{self, Problem};

/// Bytes of a body that need no room of their own. Each connection has as many, whatever the others do.
pub(super) const FREE: usize = 64 * 1024;
/// Longest wait for memory that others hold. After it the request is refused as busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that one permit stands for.
const UNIT: usize = 1024;

/// Memory that is handed out in units of [`UNIT`] bytes.
#[derive(Debug)]
pub(super) struct Room {
    /// Number of all units.
    units: u32,
    /// Units that nobody has.
    pub(super) left: Arc<Semaphore>,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).min(u32::MAX >> 3);
        Self { units, left: Arc::new(Semaphore::new(units as usize)) }
    }

    /// Units that so many bytes take; `None` for a few. A body that is larger than all of the room takes all of it.
    pub(super) fn units_of(&self, bytes: usize) -> Option<u32> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units);
        (bytes > FREE).then_some(units)
    }

    /// Takes room for so many bytes; `None` for a few.
    pub(super) async fn take(&self, bytes: usize) -> Result<Option<OwnedSemaphorePermit>, Problem> {
        let Some(units) = self.units_of(bytes) else { return Ok(None) };
        match tokio::time::timeout(PATIENCE, self.left.clone().acquire_many_owned(units)).await {
            Ok(permit) => Ok(Some(permit.expect("nobody closes the semaphore"))),
            Err(_) => Err(no_memory()),
        }
    }
}

/// Refusal while others hold the memory.
pub(super) fn no_memory() -> Problem {
    Problem::busy(problem::NO_MEMORY, "others hold the memory for large bodies; try again in a moment")
}
