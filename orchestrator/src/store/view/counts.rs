//! Counts of waiting and running tasks, read from indexes only, so that they are cheap at any size.

use std::collections::BTreeMap;

use warrener_engine::row::Map;
use warrener_shared::id::JobNo;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::super::sql::row::{job_state, map};
use super::super::sql::{limit, read};
use super::super::{QueueRow, StoreError};
use super::Snapshot;

/// Most tasks at the head of a queue among which the one is looked for that waits longest. Where more wait, those
/// behind them became ready later, but for the few hours that a priority is worth.
const HEAD: usize = 1_000;

/// A mapped task that has items to offer.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Number of its job.
    pub job: JobNo,
    /// Position in the job, from 0.
    pub position: u32,
    /// Counts of its items.
    pub map: Map,
}

/// Counts of the open attempts of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Number of open attempts.
    pub attempts: u64,
    /// Number of those that have started.
    pub started: u64,
}

impl Snapshot<'_> {
    /// All queues, by name.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn queues(&self) -> Result<Vec<QueueRow>, StoreError> {
        self.reader.all("list queues", "SELECT no, name, paused FROM queues ORDER BY name", &[], read::queue_row)
    }

    /// Number of tasks among the ready of a queue. A mapped task counts once, however many items it has to offer.
    pub fn ready(&self, queue: i64) -> Result<u64, StoreError> {
        let statement = "SELECT count(*) FROM tasks WHERE queue = ?1 AND rank IS NOT NULL";
        self.reader.number("count who may go out", statement, &[queue.into()])
    }

    /// Mapped tasks among the ready of a queue, at most `most`.
    pub fn ready_mapped(&self, queue: i64, most: usize) -> Result<Vec<Mapped>, StoreError> {
        let statement = "SELECT job, position, map FROM tasks \
             WHERE queue = ?1 AND rank IS NOT NULL AND map IS NOT NULL LIMIT ?2";
        self.reader.all("look for mapped tasks that are ready", statement, &[queue.into(), limit(most)], |row| {
            Ok(Mapped { job: JobNo(row.get(0)?), position: row.get(1)?, map: map(row.blob(2)?, 2)? })
        })
    }

    /// Time at which the task became ready that waits longest in a queue; `None` if none waits.
    pub fn oldest_ready(&self, queue: i64) -> Result<Option<Timestamp>, StoreError> {
        let statement = "SELECT min(ready_at) FROM (SELECT ready_at FROM tasks WHERE queue = ?1 AND rank IS NOT NULL \
             ORDER BY rank LIMIT ?2) AS head";
        let values = [queue.into(), limit(HEAD)];
        Ok(self.reader.one("read who waits longest", statement, &values, |row| row.int(0))?.flatten().map(Timestamp))
    }

    /// Number of tasks among the ready by the number of their queue, counted like [`Self::ready`]. Queues without any
    /// are left out.
    pub fn ready_by_queue(&self) -> Result<BTreeMap<i64, u64>, StoreError> {
        let along = self.reader.dialect().along("tasks_ready");
        let statement =
            format!("SELECT queue, count(*) FROM tasks{along} WHERE rank IS NOT NULL GROUP BY queue ORDER BY queue");
        let all = self.reader.all("count who may go out", &statement, &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(all.into_iter().collect())
    }

    /// Open attempts by the number of their queue, counted. Queues without any are left out.
    pub fn opened_by_queue(&self) -> Result<BTreeMap<i64, Opened>, StoreError> {
        let along = self.reader.dialect().along("tasks_open");
        let statement = format!(
            "SELECT queue, count(*), count(started_at) FROM tasks{along} WHERE dispatch_no IS NOT NULL GROUP BY queue"
        );
        let all = self.reader.all("count open attempts", &statement, &[], |row| {
            Ok((row.get(0)?, Opened { attempts: row.get(1)?, started: row.get(2)? }))
        })?;
        Ok(all.into_iter().collect())
    }

    /// Open attempts of a queue, counted. There are at most as many as the windows allow.
    pub fn opened(&self, queue: i64) -> Result<Opened, StoreError> {
        let along = self.reader.dialect().along("tasks_open");
        let statement = format!(
            "SELECT count(*), count(started_at) FROM tasks{along} WHERE dispatch_no IS NOT NULL AND queue = ?1"
        );
        let read = self.reader.one("count open attempts", &statement, &[queue.into()], |row| {
            Ok(Opened { attempts: row.get(0)?, started: row.get(1)? })
        });
        Ok(read?.unwrap_or_default())
    }

    /// Number of jobs in each state that is not final. States without jobs are left out.
    pub fn open_jobs(&self) -> Result<Vec<(JobState, u64)>, StoreError> {
        let statement = "SELECT state, count(*) FROM jobs WHERE state < 2 GROUP BY state ORDER BY state";
        self.reader.all("count jobs", statement, &[], |row| Ok((job_state(row, 0)?, row.get(1)?)))
    }

    /// Number of dead letters that are kept.
    pub fn dead_count(&self) -> Result<u64, StoreError> {
        self.reader.number("count dead letters", "SELECT count(*) FROM dead", &[])
    }
}
