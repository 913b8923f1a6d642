//! Memory of the rows: everything that the driver remembers of them, and nothing else.
//!
//! It is one value, made anew from the rows at a start and whenever memory and rows may differ. Nothing else of the
//! driver is reset with it, so what must survive a failed commit belongs elsewhere.

mod bulk;
mod kept;
mod numbers;
mod rows;
mod schedules;
mod stops;

use std::time::Duration;

use warrener_engine::row::TaskRow;
use warrener_shared::time::{Millis, Timestamp};

use self::bulk::BulkDesk;
use self::kept::KeptAnswers;
use self::numbers::FreeNumbers;
use self::rows::RowCache;
use self::schedules::HeldSchedules;
pub(super) use self::stops::{PendingStop, Stops};
use super::admission::{DispatchWindows, KeyWakes};
use super::dead::DeadCount;
use super::delivery::Delivery;
use crate::limits::recollect::recollect;
use crate::shared::Shared;
use crate::store::{Store, StoreError};

/// Memory of the rows, as the latest commit left them.
#[derive(Debug)]
pub(super) struct Held {
    /// Next free numbers of jobs, tasks and dispatches.
    pub(super) numbers: FreeNumbers,
    /// Rows that the next batches are likely to ask for again.
    pub(super) rows: RowCache,
    /// Open attempts, how far they are published, and who was seen at them.
    pub(super) delivery: Delivery,
    /// Dispatch windows of the queues.
    pub(super) admission: DispatchWindows,
    /// Keys of limits that have room again at a time.
    pub(super) wakes: KeyWakes,
    /// Closed attempts whose workers were asked to stop.
    pub(super) stops: Stops,
    /// Open ticks of schedules.
    pub(super) schedules: HeldSchedules,
    /// Number above which answers are still to be looked for in the rows; `None` once all were.
    pub(super) unread_replies: Option<i64>,
    /// Count of the dead letters that are kept, once something needed it.
    pub(super) dead: DeadCount,
    /// Answers that are kept for tasks which begin to wait later.
    pub(super) kept: KeptAnswers,
    /// Bulk operations that are not over.
    pub(super) bulk: BulkDesk,
    /// Time before which no timer of the rows is due; `None` if no row has one. Never later than the earliest timer.
    pub(super) next_due: Option<Timestamp>,
}

/// Lower bound of all answers: every one that is owed is to be looked for.
pub(super) const ALL_REPLIES: Option<i64> = Some(0);
/// Lower bound of all timers: the store is to be asked at the next turn.
pub(super) const DUE_AT_ONCE: Option<Timestamp> = Some(Timestamp(0));

impl Held {
    /// Reads all of it from the store. Silences of workers begin at `now`, on the monotonic clock.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub(super) fn from_rows(store: &mut impl Store, shared: &Shared, now: Duration) -> Result<Self, StoreError> {
        let boot = store.boot()?;
        let open = store.open_attempts()?;
        // The number of a job that was not committed is given to another.
        shared.specs.clear();
        let mut delivery = Delivery::from_rows(&open, boot.published_below, now);
        for row in &open {
            delivery.bear(&row.ticket(), silence_of(row, store, shared)?);
        }
        let waited_for = recollect(store, &shared.specs, &shared.limit_register, &open)?;
        Ok(Self {
            wakes: KeyWakes::of(waited_for),
            numbers: FreeNumbers::from_rows(&boot, &open),
            rows: RowCache::default(),
            delivery,
            admission: DispatchWindows::from_rows(boot.queues, &open, shared),
            stops: Stops::from_rows(store, now)?,
            schedules: HeldSchedules::from_rows(store)?,
            unread_replies: ALL_REPLIES,
            dead: DeadCount::default(),
            kept: KeptAnswers::from_rows(store)?,
            bulk: BulkDesk::from_rows(store, now)?,
            next_due: DUE_AT_ONCE,
        })
    }
}

impl Held {
    /// Makes the book of limits anew once limits have changed: open attempts count by the limits that there are now.
    pub(super) fn count_limits(&mut self, store: &mut impl Store, shared: &Shared) -> Result<(), StoreError> {
        let open = store.open_attempts()?;
        let waited_for = recollect(store, &shared.specs, &shared.limit_register, &open)?;
        waited_for.iter().for_each(|key| self.wakes.note(key, Timestamp(0)));
        Ok(())
    }
}

/// Longest silence that the task itself allows its worker (`heartbeat`); `None` if it says nothing, or its job cannot
/// be read. Comes from the submitted job, since no row of a task has it.
fn silence_of(row: &TaskRow, store: &mut impl Store, shared: &Shared) -> Result<Option<Millis>, StoreError> {
    let Some(job) = store.job(row.job)? else { return Ok(None) };
    // A job that cannot be read any more must not keep the others waiting; who works on it finds out.
    let spec = shared.specs.of(&job, store).ok().map(|parsed| parsed.entry(job).spec);
    Ok(spec.and_then(|spec| spec.tasks.get(row.position as usize)?.policy.heartbeat))
}
