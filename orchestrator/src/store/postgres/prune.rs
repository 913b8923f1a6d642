//! Removing what is kept no longer, a slice at a time, so that nobody waits long for it.
//!
//! A slice is planned with reads, then carried out as one transaction. What it leaves stands in the table `leftovers`.

use std::ops::Range;

use warrener_shared::id::JobNo;
use warrener_shared::time::Timestamp;

use super::StoreError;
use super::session::{Session, Step};
use super::value::{Parameter, columns};
use super::write::Steps;
use crate::store::AUDIT_MAX;
use crate::store::sql::row::{OLD_JOBS, map};
use crate::store::sql::{Reader, Row, limit};

/// Most tasks that are removed in one step. Those of a larger job follow later.
const STEP: i64 = 256;
/// Most jobs, or ranges of tasks, that one slice removes.
const SLICE: usize = 32;
/// Purpose of the statements, as errors say it.
const DOING: &str = "remove finished jobs";

/// Numbers of rows of the audit that were written before a time or are too many, the oldest first.
pub(super) fn old_audit(session: &Session, before: Timestamp, most: usize) -> Result<Vec<i64>, StoreError> {
    let reader: &dyn Reader = session;
    let statement = "SELECT no FROM (SELECT no, created_at FROM audit ORDER BY no LIMIT ?1) AS oldest \
         WHERE created_at < ?2 OR no <= (SELECT coalesce(max(no), 0) FROM audit) - ?3";
    let values = [limit(most), before.0.into(), AUDIT_MAX.into()];
    reader.all("find old rows of the audit", statement, &values, |row| row.get(0))
}

/// Plans the removal of these rows of the audit.
pub(super) fn forget_audit(numbers: &[i64]) -> Vec<Step<'static>> {
    let mut steps = Steps::default();
    let numbers = columns(numbers.iter().map(|no| [(*no).into()]));
    steps.add("remove rows of the audit", "DELETE FROM audit WHERE no = ANY(?1)", numbers);
    steps.0
}

/// Plans the removal of a final job with its dead letters; `None` if there is no such job, or it is not final.
pub(super) fn removal(session: &Session, job: JobNo) -> Result<Option<Vec<Step<'static>>>, StoreError> {
    let reader: &dyn Reader = session;
    let statement = "SELECT no, first_task, tasks, id FROM jobs WHERE no = ?1 AND finished_at IS NOT NULL";
    let read = |row: &dyn Row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?, row.string(3)?));
    let Some((no, first, tasks, id)) = reader.one(DOING, statement, &[job.0.into()], read)? else { return Ok(None) };
    let mut slice = Slice::default();
    slice.take_job(session, (no, first, tasks))?;
    let mut steps = Steps(slice.finish());
    let letters = vec![Parameter::One(id.into())];
    steps.add("remove the dead letters of a job", "DELETE FROM dead WHERE job = ?1", letters);
    Ok(Some(steps.0))
}

/// Plans a slice: its steps, and the number of jobs or ranges of tasks that it takes. Leftovers go first.
pub(super) fn steps(
    session: &Session,
    before: Timestamp,
    most: usize,
) -> Result<(Vec<Step<'static>>, usize), StoreError> {
    let most = most.min(SLICE);
    let mut slice = Slice::default();
    let taken = match slice.sweep(session, most)? {
        0 => slice.remove_oldest(session, before, most)?,
        swept => swept,
    };
    Ok((slice.finish(), taken))
}

/// Jobs and ranges of tasks that a slice removes, and ranges that it leaves for a later one.
#[derive(Debug, Default)]
struct Slice {
    /// Ranges of tasks and items to be removed now.
    tasks: Vec<Range<i64>>,
    /// Ranges to be removed later.
    leftovers: Vec<Range<i64>>,
    /// Leftovers that are taken, by their first task.
    swept: Vec<i64>,
    /// Numbers of jobs to be removed.
    jobs: Vec<i64>,
}

impl Slice {
    /// Takes some of the tasks that removed jobs left behind. Gives the number of ranges.
    fn sweep(&mut self, session: &Session, most: usize) -> Result<usize, StoreError> {
        let reader: &dyn Reader = session;
        let statement = "SELECT first, last FROM leftovers ORDER BY first LIMIT ?1";
        let read = |row: &dyn Row| Ok(row.get(0)?..row.get(1)?);
        let found: Vec<Range<i64>> = reader.all(DOING, statement, &[limit(most)], read)?;
        for Range { start, end } in &found {
            let middle = *end.min(&(start + STEP));
            self.swept.push(*start);
            self.take(session, *start..middle)?;
            if middle < *end {
                self.leftovers.push(middle..*end);
            }
        }
        Ok(found.len())
    }

    /// Takes the jobs that have been over for longest. Gives their number.
    fn remove_oldest(&mut self, session: &Session, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let reader: &dyn Reader = session;
        let statement = format!("SELECT no, first_task, tasks FROM jobs WHERE {OLD_JOBS} LIMIT ?2");
        let read = |row: &dyn Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let found: Vec<(i64, i64, i64)> = reader.all(DOING, &statement, &[before.0.into(), limit(most)], read)?;
        found.iter().try_for_each(|job| self.take_job(session, *job))?;
        Ok(found.len())
    }

    /// Takes a job, given as its number, its first task and the number of its tasks.
    fn take_job(&mut self, session: &Session, (job, first, tasks): (i64, i64, i64)) -> Result<(), StoreError> {
        self.jobs.push(job);
        match tasks <= STEP {
            true => self.take(session, first..first + tasks)?,
            false => self.leftovers.push(first..first + tasks),
        }
        Ok(())
    }

    /// Takes tasks with the items of the mapped ones: few at once, many later.
    fn take(&mut self, session: &Session, tasks: Range<i64>) -> Result<(), StoreError> {
        let reader: &dyn Reader = session;
        let statement = "SELECT map FROM tasks WHERE no >= ?1 AND no < ?2 AND map IS NOT NULL";
        let maps = reader.all(DOING, statement, &[tasks.start.into(), tasks.end.into()], |row| map(row.blob(0)?, 0))?;
        for map in maps {
            let items = map.first_item.0..map.first_item.0 + i64::from(map.total);
            if i64::from(map.total) <= STEP { self.tasks.push(items) } else { self.leftovers.push(items) }
        }
        self.tasks.push(tasks);
        Ok(())
    }

    /// Steps of the slice, in the order in which they are carried out.
    fn finish(self) -> Vec<Step<'static>> {
        let mut steps = Steps::default();
        let ranges: Vec<_> =
            self.tasks.iter().map(|tasks| (tasks.start, (tasks.end - tasks.start).unsigned_abs())).collect();
        steps.forget_tasks(&ranges);
        for (table, no) in [
            ("events", "job"),
            ("submits", "job"),
            ("replies", "job"),
            ("job_labels", "job"),
            ("job_queues", "job"),
            ("jobs", "no"),
        ] {
            let jobs = columns(self.jobs.iter().map(|job| [(*job).into()]));
            steps.add(DOING, format!("DELETE FROM {table} WHERE {no} = ANY(?1)"), jobs);
        }
        let swept = columns(self.swept.iter().map(|first| [(*first).into()]));
        steps.add(DOING, "DELETE FROM leftovers WHERE first = ANY(?1)", swept);
        let leftovers = columns(self.leftovers.iter().map(|range| [range.start.into(), range.end.into()]));
        let statement = "INSERT INTO leftovers (first, last) SELECT first, last \
             FROM unnest(?1::bigint[], ?2::bigint[]) AS u (first, last)";
        steps.add(DOING, statement, leftovers);
        steps.0
    }
}
