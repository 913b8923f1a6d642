//! Reading of jobs that ended lately and of those that have not, without what they carry.

use std::ops::ControlFlow;

use warrener_shared::id::JobNo;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use super::super::StoreError;
use super::super::sql::limit;
use super::super::sql::row::job_state;
use super::Snapshot;
use super::filter::Filter;

/// State and times of a job that ended.
#[derive(Clone, Debug)]
pub struct EndedMark {
    /// Number of the job.
    pub no: JobNo,
    /// State of the job, a final one.
    pub state: JobState,
    /// Time at which it was submitted.
    pub created_at: Timestamp,
    /// Time before which it was not to begin.
    pub scheduled_at: Option<Timestamp>,
    /// Time at which it began.
    pub started_at: Option<Timestamp>,
    /// Time at which it became final.
    pub finished_at: Timestamp,
    /// Kind of a job of one task.
    pub kind: Option<String>,
    /// Name of the job.
    pub name: Option<String>,
    /// Number of its tasks, items not counted.
    pub tasks: u32,
    /// Error as JSON, of a graph that failed or timed out.
    pub error: Option<Vec<u8>>,
}

/// Columns that a filter may look at.
const FILTERED: &str = "no, id, name, kind, labels, tasks, first_task, parent_job, parent_task, state, created_at";

impl Snapshot<'_> {
    /// Jobs that fit, of the `most` that ended last and not before a time; the latest first. Tells with them whether
    /// `most` ended, so that there may be more.
    ///
    /// # Errors
    /// [`StoreError`] if the database cannot be read; so for all calls.
    pub fn ended_jobs(
        &self,
        filter: &Filter,
        since: Timestamp,
        most: usize,
        now: Timestamp,
    ) -> Result<(Vec<EndedMark>, bool), StoreError> {
        let dialect = self.reader.dialect();
        let (condition, mut values) = filter.condition(now, dialect);
        let along = dialect.along("jobs_finished");
        // Those that do not fit are counted as well: a filter that few jobs fit must not look at all of them.
        let statement = format!(
            "SELECT CASE WHEN {condition} THEN 1 ELSE 0 END, no, state, created_at, scheduled_at, started_at, \
             finished_at, kind, name, tasks, CASE WHEN kind IS NULL AND state IN ({}, {}) THEN error END FROM \
             (SELECT {FILTERED}, scheduled_at, started_at, finished_at, error FROM jobs{along} \
             WHERE finished_at IS NOT NULL AND finished_at >= ? ORDER BY finished_at DESC LIMIT ?) AS jobs",
            JobState::Failed as i64,
            JobState::TimedOut as i64
        );
        values.extend([since.0.into(), limit(most)]);
        let (mut marks, mut looked) = (Vec::new(), 0);
        self.reader.each("read which jobs ended", &statement, &values, &mut |row| {
            looked += 1;
            if row.flag(0)? {
                marks.push(EndedMark {
                    no: JobNo(row.get(1)?),
                    state: job_state(row, 2)?,
                    created_at: Timestamp(row.get(3)?),
                    scheduled_at: row.find(4)?.map(Timestamp),
                    started_at: row.find(5)?.map(Timestamp),
                    finished_at: Timestamp(row.get(6)?),
                    kind: row.find_string(7)?,
                    name: row.find_string(8)?,
                    tasks: row.get(9)?,
                    error: row.bytes(10)?.map(<[u8]>::to_vec),
                });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((marks, looked == most))
    }

    /// Number of jobs that fit in each state that is not final, among the `most` newest of it.
    pub fn open_jobs_that_fit(
        &self,
        filter: &Filter,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<(JobState, u64)>, StoreError> {
        let dialect = self.reader.dialect();
        let (condition, values) = filter.condition(now, dialect);
        let along = dialect.along("jobs_state");
        let statement = format!(
            "SELECT count(*) FROM (SELECT {FILTERED} FROM jobs{along} WHERE state = ? ORDER BY no DESC LIMIT ?) \
             AS jobs WHERE {condition}"
        );
        let open = JobState::ALL.iter().filter(|state| !state.is_final());
        open.map(|state| {
            let first = [(*state as i64).into(), limit(most)];
            let values: Vec<_> = first.into_iter().chain(values.iter().cloned()).collect();
            Ok((*state, self.reader.number("count jobs", &statement, &values)?))
        })
        .collect()
    }
}
