//! Everything that the driver remembers of the rows, and nothing else: one value, made anew from the rows at a start
//! and whenever memory and rows may differ. Nothing else of the driver is reset with it.

mod numbers;
mod rows;
mod stops;

use std::time::Duration;

use warrener_engine::row::TaskRow;
use warrener_shared::time::{Millis, Timestamp};

use self::numbers::FreeNumbers;
use self::rows::RowCache;
pub(super) use self::stops::{PendingStop, Stops};
use super::admission::DispatchWindows;
use super::dead::DeadCount;
use super::delivery::Delivery;
use crate::shared::Shared;
use crate::store::{Store, StoreError};

/// See the module.
#[derive(Debug)]
pub(super) struct Held {
    /// Numbers that are free.
    pub(super) numbers: FreeNumbers,
    /// Rows that the next batches will ask for again.
    pub(super) rows: RowCache,
    /// Open attempts, and how far they are published.
    pub(super) delivery: Delivery,
    /// Dispatch windows of the queues.
    pub(super) admission: DispatchWindows,
    /// Closed attempts whose workers were asked to stop.
    pub(super) stops: Stops,
    /// Answers above this number are still to be looked for in the rows; `None` once all were.
    pub(super) unread_replies: Option<i64>,
    /// Dead letters that are kept, once they were counted.
    pub(super) dead: DeadCount,
    /// No timer of the rows is due before; `None` if no row has one.
    pub(super) next_due: Option<Timestamp>,
}

/// No answer has a lower number: all that are owed are to be looked for.
pub(super) const ALL_REPLIES: Option<i64> = Some(0);
/// No timer is due earlier: the store is to be asked.
pub(super) const DUE_AT_ONCE: Option<Timestamp> = Some(Timestamp(0));

impl Held {
    /// Reads all of it. Silences of workers begin at `now`, on the monotonic clock.
    pub(super) fn from_rows(store: &mut impl Store, shared: &Shared, now: Duration) -> Result<Self, StoreError> {
        let boot = store.boot()?;
        let open = store.open_attempts()?;
        // The number of a job that was not committed is given to another.
        shared.specs.clear();
        let mut delivery = Delivery::from_rows(&open, boot.published_below, now);
        for row in &open {
            delivery.bear(&row.ticket(), silence_of(row, store, shared)?);
        }
        Ok(Self {
            numbers: FreeNumbers::from_rows(&boot, &open),
            rows: RowCache::default(),
            delivery,
            admission: DispatchWindows::from_rows(boot.queues, &open, shared),
            stops: Stops::from_rows(store.asked()?, now),
            unread_replies: ALL_REPLIES,
            dead: DeadCount::default(),
            next_due: DUE_AT_ONCE,
        })
    }
}

/// Longest silence of the worker of a task, if the task says so. The store has it only as the job came.
fn silence_of(row: &TaskRow, store: &mut impl Store, shared: &Shared) -> Result<Option<Millis>, StoreError> {
    let Some(job) = store.job(row.job)? else { return Ok(None) };
    // A job that cannot be read any more must not keep the others waiting; who works on it finds out.
    let spec = shared.specs.of(&job, store).ok().map(|parsed| parsed.entry(job).spec);
    Ok(spec.and_then(|spec| spec.tasks.get(row.position as usize)?.policy.heartbeat))
}
