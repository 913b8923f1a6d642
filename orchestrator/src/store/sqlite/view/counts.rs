//! How much is waiting and running, read from indexes only, so that it is cheap at any size.

use warrener_engine::row::Map;
use warrener_shared::id::JobNo;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::super::super::{QueueRow, StoreError};
use super::super::row::{Word, map};
use super::super::{failed, read};
use super::Snapshot;

/// Tasks at the head of a queue among which the one is looked for that waits longest. Where more wait, those behind
/// them became ready later, but for the few hours that a priority is worth.
const HEAD: u32 = 1_000;

/// A mapped task that has items to offer.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Its job.
    pub job: JobNo,
    /// Its position in the job.
    pub position: u32,
    /// Its items.
    pub map: Map,
}

/// Open attempts of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// All of them.
    pub attempts: u64,
    /// Those that a worker was seen at.
    pub started: u64,
}

impl Snapshot<'_> {
    /// All queues, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn queues(&self) -> Result<Vec<QueueRow>, StoreError> {
        let doing = failed("list queues");
        let statement = "SELECT no, name, paused FROM queues ORDER BY name";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        statement.query_map([], read::queue_row).and_then(Iterator::collect).map_err(&doing)
    }

    /// How many tasks stand among the ready of a queue; a mapped task counts once.
    pub fn ready(&self, queue: i64) -> Result<u64, StoreError> {
        let doing = failed("count who may go out");
        let statement = "SELECT count(*) FROM tasks WHERE queue = ?1 AND rank IS NOT NULL";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        statement.query_row([queue], |row| row.get::<_, u32>(0)).map(u64::from).map_err(&doing)
    }

    /// Mapped tasks among them, at most `most`.
    pub fn ready_mapped(&self, queue: i64, most: usize) -> Result<Vec<Mapped>, StoreError> {
        let doing = failed("look for mapped tasks that are ready");
        let statement = "SELECT job, position, map FROM tasks \
             WHERE queue = ?1 AND rank IS NOT NULL AND map IS NOT NULL LIMIT ?2";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let rows = statement.query_map((queue, i64::try_from(most).unwrap_or(i64::MAX)), |row| {
            let map = map(row.get_ref(2)?.as_blob()?)?;
            Ok(Mapped { job: JobNo(row.get(0)?), position: row.get(1)?, map })
        });
        rows.and_then(Iterator::collect).map_err(&doing)
    }

    /// When the task became ready that waits longest in a queue.
    pub fn oldest_ready(&self, queue: i64) -> Result<Option<Timestamp>, StoreError> {
        let doing = failed("read who waits longest");
        let statement = "SELECT min(ready_at) FROM (SELECT ready_at FROM tasks WHERE queue = ?1 AND rank IS NOT NULL \
             ORDER BY rank LIMIT ?2)";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let oldest: Option<i64> = statement.query_row((queue, HEAD), |row| row.get(0)).map_err(&doing)?;
        Ok(oldest.map(Timestamp))
    }

    /// Open attempts of a queue. There are at most as many as the windows allow.
    pub fn opened(&self, queue: i64) -> Result<Opened, StoreError> {
        let doing = failed("count open attempts");
        let statement = "SELECT count(*), coalesce(sum(started_at IS NOT NULL), 0) FROM tasks INDEXED BY tasks_open \
             WHERE dispatch_no IS NOT NULL AND queue = ?1";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let found: (u32, u32) = statement.query_row([queue], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&doing)?;
        Ok(Opened { attempts: found.0.into(), started: found.1.into() })
    }

    /// Jobs that are not final, by state.
    pub fn open_jobs(&self) -> Result<Vec<(JobState, u64)>, StoreError> {
        let doing = failed("count jobs");
        let statement = "SELECT state, count(*) FROM jobs WHERE state < 2 GROUP BY state";
        let mut statement = self.connection.prepare_cached(statement).map_err(&doing)?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, Word<JobState>>(0)?.0, row.get::<_, u32>(1)?.into())));
        rows.and_then(Iterator::collect).map_err(&doing)
    }

    /// Dead letters that are kept.
    pub fn dead_count(&self) -> Result<u64, StoreError> {
        let doing = failed("count dead letters");
        let count = self.connection.query_row("SELECT count(*) FROM dead", [], |row| row.get::<_, u32>(0));
        count.map(u64::from).map_err(&doing)
    }
}
