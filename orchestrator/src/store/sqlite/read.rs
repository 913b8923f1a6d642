//! What the writer reads before it decides.

use std::ops::ControlFlow;

use rusqlite::{Connection, OptionalExtension, Row};
use warrener_engine::row::{JobRow, TaskRow};
use warrener_shared::id::{JobId, JobNo, QueueName, TaskNo};
use warrener_shared::state::TaskState;
use warrener_shared::time::Timestamp;

use super::row::{JOB_COLUMNS, TASK_COLUMNS, Word, event_text, job as job_row, task as task_row};
use super::{StoreError, failed};
use crate::store::{Asked, Boot, Death, Found, Item, LogChunk, OwedReply, QueueRow, Submitted, last_of};

pub(super) fn next_event(connection: &Connection) -> Result<i64, StoreError> {
    // Numbers of removed events are not used again: the publisher has passed them.
    let highest = "SELECT max(coalesce((SELECT max(no) FROM events), 0), \
         coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'events_published'), 0))";
    next(connection, highest)
}

fn next(connection: &Connection, statement: &str) -> Result<i64, StoreError> {
    let highest: Option<i64> =
        connection.query_row(statement, [], |row| row.get(0)).map_err(failed("read a counter"))?;
    Ok(highest.unwrap_or(0) + 1)
}

pub(super) fn boot(connection: &Connection) -> Result<Boot, StoreError> {
    let doing = failed("read where the counters stand");
    let meta = |key: &str| -> Result<Option<String>, StoreError> {
        let statement = "SELECT CAST(value AS TEXT) FROM meta WHERE key = ?1";
        connection.query_row(statement, [key], |row| row.get(0)).optional().map_err(&doing)
    };
    let kept = |key: &str| Ok::<Option<i64>, StoreError>(meta(key)?.and_then(|text| text.parse().ok()));
    let mut statement = connection.prepare("SELECT no, name, paused FROM queues ORDER BY no").map_err(&doing)?;
    let queues = statement.query_map([], queue_row).and_then(Iterator::collect).map_err(&doing)?;
    let highest = |name: &str| Ok(kept(name)?.map_or(1, |number| number.max(1)));
    Ok(Boot {
        database: meta("database")?.ok_or_else(|| StoreError::Corrupt("it has no identity".to_owned()))?,
        next_job: next(connection, "SELECT max(no) FROM jobs")?.max(highest("next_job")?),
        next_task: next(connection, "SELECT max(no) FROM tasks")?.max(highest("next_task")?),
        // An attempt that was opened and closed in one batch leaves no row, but its number may count as published.
        next_dispatch: highest("next_dispatch")?.max(highest("published_below")?),
        published_below: highest("published_below")?,
        queues,
        seen_at: kept("seen_at")?.map(Timestamp),
    })
}

pub(super) fn queue_row(row: &Row<'_>) -> rusqlite::Result<QueueRow> {
    let name = QueueName::new(row.get_ref(1)?.as_str()?);
    let name = name.map_err(|error| rusqlite::types::FromSqlError::Other(Box::new(error)))?;
    Ok(QueueRow { no: row.get(0)?, name, paused: row.get(2)? })
}

pub(super) fn find(connection: &Connection, id: &JobId) -> Result<Option<Found>, StoreError> {
    let doing = failed("look for a job by its id");
    let mut statement = connection.prepare_cached("SELECT no, digest FROM jobs WHERE id = ?1").map_err(&doing)?;
    let found = statement.query_row([id.as_str()], |row| Ok(Found { no: JobNo(row.get(0)?), digest: row.get(1)? }));
    found.optional().map_err(&doing)
}

pub(super) fn holder(connection: &Connection, key: &str) -> Result<Option<JobRow>, StoreError> {
    let doing = failed("look for the job that holds a key");
    let statement = format!(
        "SELECT {JOB_COLUMNS} FROM jobs WHERE unique_key = ?1 AND state < 2 AND (unique_until OR NOT begun) LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&statement).map_err(&doing)?;
    statement.query_row([key], job_row).optional().map_err(&doing)
}

pub(super) fn job(connection: &Connection, no: JobNo) -> Result<Option<JobRow>, StoreError> {
    let doing = failed("read a job");
    let mut statement =
        connection.prepare_cached(&format!("SELECT {JOB_COLUMNS} FROM jobs WHERE no = ?1")).map_err(&doing)?;
    statement.query_row([no.0], job_row).optional().map_err(&doing)
}

pub(super) fn submitted(connection: &Connection, no: JobNo) -> Result<Option<Submitted>, StoreError> {
    let doing = failed("read what was submitted");
    let statement = "SELECT body, priority, traceparent, digest FROM submits JOIN jobs ON no = job WHERE job = ?1";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let found = statement.query_row([no.0], |row| {
        Ok(Submitted {
            body: row.get_ref(0)?.as_blob()?.into(),
            priority: row.get(1)?,
            traceparent: row.get_ref(2)?.as_str_or_null()?.map(Into::into),
            digest: row.get(3)?,
        })
    });
    found.optional().map_err(&doing)
}

pub(super) fn tasks(connection: &Connection, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
    if count == 1 {
        let doing = failed("read a task");
        let statement = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE no = ?1");
        let mut statement = connection.prepare_cached(&statement).map_err(&doing)?;
        let row = statement.query_row([first.0], task_row).optional().map_err(&doing)?;
        return Ok(row.into_iter().collect());
    }
    task_range(connection, first, count, "no >= ?1 AND no < ?2 ORDER BY no")
}

pub(super) fn open_tasks(connection: &Connection, first: TaskNo, count: u32) -> Result<Vec<TaskRow>, StoreError> {
    task_range(connection, first, count, "no >= ?1 AND no < ?2 AND state < 4 ORDER BY no")
}

fn task_range(connection: &Connection, first: TaskNo, count: u32, filter: &str) -> Result<Vec<TaskRow>, StoreError> {
    let doing = failed("read tasks");
    let statement = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE {filter}");
    let mut statement = connection.prepare_cached(&statement).map_err(&doing)?;
    let rows = statement.query_map([first.0, first.0 + i64::from(count)], task_row);
    rows.and_then(Iterator::collect).map_err(&doing)
}

/// Rows are shown one by one, so that 100,000 items cost no memory here.
pub(super) fn each_item(
    connection: &Connection,
    mapped: &TaskRow,
    visit: &mut dyn FnMut(Item<'_>) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    let doing = failed("read the outputs of items");
    let Some(map) = mapped.map else { return Ok(()) };
    let statement = "SELECT no, state, attempt, error, output FROM tasks WHERE no >= ?1 AND no < ?2 ORDER BY no";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let range = [map.first_item.0, map.first_item.0 + i64::from(map.total)];
    let mut rows = statement.query(range).map_err(&doing)?;
    while let Some(row) = rows.next().map_err(&doing)? {
        if visit(item(row).map_err(&doing)?).is_break() {
            break;
        }
    }
    Ok(())
}

fn item<'a>(row: &'a Row<'_>) -> rusqlite::Result<Item<'a>> {
    Ok(Item {
        no: TaskNo(row.get(0)?),
        state: row.get::<_, Word<TaskState>>(1)?.0,
        attempt: row.get(2)?,
        error: row.get_ref(3)?.as_blob_or_null()?,
        output: row.get_ref(4)?.as_blob_or_null()?,
    })
}

pub(super) fn ready(connection: &Connection, queue: i64, most: usize) -> Result<Vec<(i64, TaskNo)>, StoreError> {
    let doing = failed("read who may go out next");
    let statement = "SELECT rank, no FROM tasks WHERE queue = ?1 AND rank IS NOT NULL ORDER BY rank, no LIMIT ?2";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let rows = statement.query_map((queue, limit(most)), |row| Ok((row.get(0)?, TaskNo(row.get(1)?))));
    rows.and_then(Iterator::collect).map_err(&doing)
}

pub(super) fn ready_count(connection: &Connection, queue: i64, most: usize) -> Result<usize, StoreError> {
    let doing = failed("count who may go out");
    let statement = "SELECT count(*) FROM (SELECT 1 FROM tasks WHERE queue = ?1 AND rank IS NOT NULL LIMIT ?2)";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    statement.query_row((queue, limit(most)), |row| row.get::<_, u32>(0)).map(|n| n as usize).map_err(&doing)
}

pub(super) fn waiting_for(connection: &Connection, event: &str, key: &str) -> Result<Vec<TaskNo>, StoreError> {
    let doing = failed("look for tasks that wait for an event");
    let statement = "SELECT no FROM tasks WHERE waits_for = ?1 ORDER BY no";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let rows = statement.query_map([event_text(event, key)], |row| row.get(0).map(TaskNo));
    rows.and_then(Iterator::collect).map_err(&doing)
}

pub(super) fn due_tasks(connection: &Connection, now: Timestamp, most: usize) -> Result<Vec<TaskNo>, StoreError> {
    let statement = "SELECT no FROM tasks WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2";
    Ok(due(connection, statement, now, most)?.into_iter().map(TaskNo).collect())
}

pub(super) fn due_jobs(connection: &Connection, now: Timestamp, most: usize) -> Result<Vec<JobNo>, StoreError> {
    let statement = "SELECT no FROM jobs WHERE wake_at IS NOT NULL AND wake_at <= ?1 ORDER BY wake_at LIMIT ?2";
    Ok(due(connection, statement, now, most)?.into_iter().map(JobNo).collect())
}

fn due(connection: &Connection, statement: &str, now: Timestamp, most: usize) -> Result<Vec<i64>, StoreError> {
    let doing = failed("read what is due");
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let rows = statement.query_map((now.0, limit(most)), |row| row.get(0));
    rows.and_then(Iterator::collect).map_err(&doing)
}

pub(super) fn next_due(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let doing = failed("read when something is due");
    let statement = "SELECT min(at) FROM (SELECT min(wake_at) AS at FROM tasks WHERE wake_at IS NOT NULL \
         UNION ALL SELECT min(wake_at) FROM jobs WHERE wake_at IS NOT NULL)";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let at: Option<i64> = statement.query_row([], |row| row.get(0)).map_err(&doing)?;
    Ok(at.map(Timestamp))
}

pub(super) fn open_attempts(connection: &Connection) -> Result<Vec<TaskRow>, StoreError> {
    let doing = failed("read the open attempts");
    let statement = format!("SELECT {TASK_COLUMNS} FROM tasks WHERE dispatch_no IS NOT NULL ORDER BY dispatch_no");
    let mut statement = connection.prepare_cached(&statement).map_err(&doing)?;
    statement.query_map([], task_row).and_then(Iterator::collect).map_err(&doing)
}

pub(super) fn asked(connection: &Connection) -> Result<Vec<Asked>, StoreError> {
    let doing = failed("read who was asked to stop");
    let statement = "SELECT task, attempt, worker, asked_at FROM stops WHERE stopped_at IS NULL ORDER BY task, attempt";
    let mut statement = connection.prepare(statement).map_err(&doing)?;
    let rows = statement.query_map([], |row| {
        let (task, attempt, worker, at): (i64, u32, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Asked { task: TaskNo(task), attempt, worker: worker.into(), at: Timestamp(at) })
    });
    rows.and_then(Iterator::collect).map_err(&doing)
}

pub(super) fn deaths(connection: &Connection, task: TaskNo) -> Result<Vec<Death>, StoreError> {
    let doing = failed("read how the workers of a task died");
    let statement = "SELECT attempt, worker, deliveries, at FROM deaths WHERE task = ?1 ORDER BY no";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let rows = statement.query_map([task.0], |row| {
        let (worker, at): (String, i64) = (row.get(1)?, row.get(3)?);
        let (attempt, deliveries) = (row.get(0)?, row.get(2)?);
        Ok(Death { task, attempt, worker: worker.into(), deliveries, at: Timestamp(at) })
    });
    rows.and_then(Iterator::collect).map_err(&doing)
}

pub(super) fn last_logs(connection: &Connection, task: TaskNo, bytes: usize) -> Result<Vec<LogChunk>, StoreError> {
    let doing = failed("read what the attempts of a task wrote last");
    let statement = "SELECT attempt, time, text FROM logs WHERE task = ?1 ORDER BY attempt DESC, no DESC";
    let mut statement = connection.prepare_cached(statement).map_err(&doing)?;
    let rows = statement.query_map([task.0], |row| {
        let (attempt, time, text) = (row.get(0)?, Timestamp(row.get(1)?), row.get(2)?);
        Ok(LogChunk { task, attempt, time, text })
    });
    let mut broken = None;
    let mut last =
        last_of(rows.map_err(&doing)?.map_while(|row| row.map_err(|error| broken = Some(error)).ok()), bytes);
    last.reverse();
    broken.map_or(Ok(last), |error| Err(doing(error)))
}

pub(super) fn owed_replies(connection: &Connection, jobs: Option<&[JobNo]>) -> Result<Vec<OwedReply>, StoreError> {
    let doing = failed("read the answers that are owed");
    let columns = "SELECT r.no, r.job, reply_to, correlation_id, accepted FROM replies r";
    let Some(jobs) = jobs else {
        let statement = format!("{columns} JOIN jobs j ON j.no = r.job WHERE j.state >= 2 OR accepted");
        let mut statement = connection.prepare_cached(&statement).map_err(&doing)?;
        return statement.query_map([], owed_reply).and_then(Iterator::collect).map_err(&doing);
    };
    // One transaction for all of them: beginning to read costs more than reading an answer.
    let transaction = connection.unchecked_transaction().map_err(&doing)?;
    let mut owed = Vec::new();
    let mut statement = transaction.prepare_cached(&format!("{columns} WHERE r.job = ?1")).map_err(&doing)?;
    for job in jobs {
        for reply in statement.query_map([job.0], owed_reply).map_err(&doing)? {
            owed.push(reply.map_err(&doing)?);
        }
    }
    drop(statement);
    transaction.commit().map_err(&doing)?;
    Ok(owed)
}

fn owed_reply(row: &Row<'_>) -> rusqlite::Result<OwedReply> {
    Ok(OwedReply {
        no: row.get(0)?,
        job: JobNo(row.get(1)?),
        reply_to: row.get(2)?,
        correlation_id: row.get(3)?,
        accepted: row.get(4)?,
    })
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}
