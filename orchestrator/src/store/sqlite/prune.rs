//! Removing what is kept no longer, a slice at a time, so that nobody waits long for it.
//!
//! A slice works through single steps until its time is over. What it leaves of a job stands in the table `leftovers`.

use std::time::{Duration, Instant};

use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Transaction};
use warrener_engine::slice::ReplacedContent;
use warrener_shared::id::JobNo;
use warrener_shared::time::Timestamp;

use super::counter::keep;
use super::owner::Owner;
use super::{StoreError, failed};
use crate::store::sql::chunk::EVENTS_REMOVED;
use crate::store::sql::row::{OLD_JOBS, map};
use crate::store::{AUDIT_MAX, EventChunkNo};

/// Time after which a slice begins no further step and commits.
const SLICE: Duration = Duration::from_millis(5);
/// Most tasks that are removed in one step. Those of a larger job follow later.
const STEP: i64 = 64;

/// Removes jobs that were final before a time, and what is left of removed ones. Gives the number of steps, of which a
/// job of few tasks is one; at most `most`, and as many as fit into a slice.
///
/// The commit does not wait for the disk: the next commit of anything else takes it there, and what a power cut undoes
/// before is removed again. `events` is the number of the latest chunk of events, which is kept: it may be
/// among those that are removed.
pub(super) fn prune(
    connection: &mut Connection,
    owner: &Owner,
    before: Timestamp,
    most: usize,
    events: EventChunkNo,
) -> Result<usize, StoreError> {
    unsynced(connection, |connection| slice(owner.begin(connection)?, before, most, events))
}

/// Removes a final job with its dead letters. False if there is no such job, or it is not final.
pub(super) fn remove(
    connection: &mut Connection,
    owner: &Owner,
    job: JobNo,
    events: EventChunkNo,
) -> Result<bool, StoreError> {
    let doing = failed("remove a job");
    let transaction = owner.begin(connection)?;
    let statement = "DELETE FROM dead WHERE job = (SELECT id FROM jobs WHERE no = ?1 AND finished_at IS NOT NULL)";
    transaction.execute(statement, [job.0]).map_err(&doing)?;
    let wanted = "no = ?1 AND finished_at IS NOT NULL";
    let removed = remove_one(&transaction, wanted, job.0).map_err(&doing)?;
    if removed {
        keep(&transaction, EVENTS_REMOVED, events.0)?;
    }
    transaction.commit().map_err(&doing)?;
    Ok(removed)
}

/// Removes rows of the audit that were written before a time or are too many, the oldest first. Gives their number.
pub(super) fn prune_audit(
    connection: &mut Connection,
    owner: &Owner,
    before: Timestamp,
    most: usize,
) -> Result<usize, StoreError> {
    let doing = failed("remove rows of the audit");
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let oldest = "SELECT no FROM (SELECT no, created_at FROM audit ORDER BY no LIMIT ?3) \
         WHERE created_at < ?1 OR no <= (SELECT coalesce(max(no), 0) FROM audit) - ?2";
    // Most looks find nothing, and then nothing is to be written.
    let found = connection
        .prepare_cached(&format!("SELECT EXISTS ({oldest})"))
        .and_then(|mut statement| statement.query_row((before.0, AUDIT_MAX, most), |row| row.get::<_, bool>(0)));
    if !found.map_err(&doing)? {
        return Ok(0);
    }
    unsynced(connection, |connection| {
        let transaction = owner.begin(connection)?;
        let delete = format!("DELETE FROM audit WHERE no IN ({oldest})");
        let count = transaction.execute(&delete, (before.0, AUDIT_MAX, most)).map_err(&doing)?;
        transaction.commit().map_err(&doing)?;
        Ok(count)
    })
}

/// Writes without waiting for the disk. The process ends at once if commits would not wait again afterwards.
fn unsynced<T>(
    connection: &mut Connection,
    write: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    synced(connection, false)?;
    let outcome = write(connection);
    // All that is promised to anybody rests on this, so nothing goes on without it.
    if let Err(error) = synced(connection, true) {
        tracing::error!(%error, "the store would no longer wait for the disk; stopping at once");
        std::process::abort();
    }
    outcome
}

/// Sets whether commits wait until they are on the disk.
fn synced(connection: &Connection, yes: bool) -> Result<(), StoreError> {
    let statement = if yes { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" };
    // SQLite does it when the statement is prepared, so a prepared one would do it once.
    connection.execute_batch(statement).map_err(failed("say whether commits wait for the disk"))
}

/// Removes step by step until the time is over, `most` is reached or nothing is left. Gives the number of steps.
fn slice(
    transaction: Transaction<'_>,
    before: Timestamp,
    most: usize,
    events: EventChunkNo,
) -> Result<usize, StoreError> {
    let doing = failed("remove finished jobs");
    let began = Instant::now();
    let mut steps = 0;
    while steps < most && (steps == 0 || began.elapsed() < SLICE) {
        if !sweep(&transaction).map_err(&doing)? && !remove_oldest(&transaction, before).map_err(&doing)? {
            break;
        }
        steps += 1;
    }
    if steps > 0 {
        keep(&transaction, EVENTS_REMOVED, events.0)?;
    }
    transaction.commit().map_err(&doing)?;
    Ok(steps)
}

/// Removes some of the tasks that removed jobs left behind. False if there are none.
fn sweep(transaction: &Transaction<'_>) -> rusqlite::Result<bool> {
    let statement = "SELECT first, last FROM leftovers ORDER BY first LIMIT 1";
    let range =
        transaction.prepare_cached(statement)?.query_row([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
    let Some((first, last)) = range.optional()? else { return Ok(false) };
    transaction.prepare_cached("DELETE FROM leftovers WHERE first = ?1")?.execute([first])?;
    let end = last.min(first + STEP);
    leave_items(transaction, (first, end))?;
    forget_tasks(transaction, (first, end))?;
    if end < last {
        leave(transaction, (end, last))?;
    }
    Ok(true)
}

/// Removes the job that has been over for longest. False if none is old enough.
fn remove_oldest(transaction: &Transaction<'_>, before: Timestamp) -> rusqlite::Result<bool> {
    remove_one(transaction, OLD_JOBS, before.0)
}

/// Removes the first job that fulfils a condition with one value. False if none does.
fn remove_one(transaction: &Transaction<'_>, wanted: &str, value: i64) -> rusqlite::Result<bool> {
    let statement = format!("SELECT no, first_task, tasks, labels FROM jobs WHERE {wanted} LIMIT 1");
    let found = transaction.prepare_cached(&statement)?.query_row([value], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?, row.get::<_, String>(3)?))
    });
    let Some((job, first, tasks, labels)) = found.optional()? else { return Ok(false) };
    let range = (first, first + tasks);
    if tasks <= STEP {
        leave_items(transaction, range)?;
        forget_tasks(transaction, range)?;
    } else {
        leave(transaction, range)?;
    }
    for statement in ["DELETE FROM events WHERE job = ?1", "DELETE FROM replies WHERE job = ?1"] {
        transaction.prepare_cached(statement)?.execute([job])?;
    }
    forget_job(transaction, job, &labels)?;
    Ok(true)
}

/// Removes the rows of a job, its document, and what it is found by.
fn forget_job(transaction: &Transaction<'_>, job: i64, labels: &str) -> rusqlite::Result<()> {
    if labels != "{}" {
        let statement = "DELETE FROM job_labels WHERE job = ?1 AND (name, value) IN \
             (SELECT key, value FROM json_each(?2))";
        transaction.prepare_cached(statement)?.execute((job, labels))?;
    }
    let statement = "DELETE FROM job_queues WHERE job = ?1 AND queue IN (SELECT no FROM queues)";
    transaction.prepare_cached(statement)?.execute([job])?;
    for statement in ["DELETE FROM submits WHERE job = ?1", "DELETE FROM jobs WHERE no = ?1"] {
        transaction.prepare_cached(statement)?.execute([job])?;
    }
    Ok(())
}

/// Removes the content of a job that other content takes the place of. Its events and owed answers stay.
pub(super) fn forget_content(transaction: &Transaction<'_>, old: &ReplacedContent) -> rusqlite::Result<()> {
    let statement = "SELECT labels FROM jobs WHERE no = ?1";
    let labels = transaction.prepare_cached(statement)?.query_row([old.job.0], |row| row.get::<_, String>(0));
    let Some(labels) = labels.optional()? else { return Ok(()) };
    forget_job(transaction, old.job.0, &labels)?;
    forget_tasks(transaction, (old.first_task.0, old.first_task.0 + i64::from(old.tasks)))
}

/// Removes the items of the mapped tasks in a range of tasks, or leaves them for later where they are many.
fn leave_items(transaction: &Transaction<'_>, range: (i64, i64)) -> rusqlite::Result<()> {
    let statement = "SELECT map FROM tasks WHERE no >= ?1 AND no < ?2 AND map IS NOT NULL";
    let mut statement = transaction.prepare_cached(statement)?;
    let maps = statement.query_map(range, |row| row.get::<_, Vec<u8>>(0));
    for bytes in maps?.collect::<rusqlite::Result<Vec<_>>>()? {
        let map = map(&bytes, 0).map_err(|error| FromSqlError::Other(Box::new(error)))?;
        let items = (map.first_item.0, map.first_item.0 + i64::from(map.total));
        if i64::from(map.total) <= STEP {
            forget_tasks(transaction, items)?;
        } else {
            leave(transaction, items)?;
        }
    }
    Ok(())
}

/// Leaves a range of tasks for later.
fn leave(transaction: &Transaction<'_>, range: (i64, i64)) -> rusqlite::Result<()> {
    let statement = "INSERT INTO leftovers (first, last) VALUES (?1, ?2)";
    transaction.prepare_cached(statement)?.execute(range)?;
    Ok(())
}

/// Removes a range of tasks, given as its first number and the one after its last, and all that is kept by their
/// numbers.
pub(super) fn forget_tasks(transaction: &Transaction<'_>, range: (i64, i64)) -> rusqlite::Result<()> {
    for statement in [
        "DELETE FROM tasks WHERE no >= ?1 AND no < ?2",
        "DELETE FROM attempts WHERE task >= ?1 AND task < ?2",
        "DELETE FROM logs WHERE task >= ?1 AND task < ?2",
        "DELETE FROM stops WHERE task >= ?1 AND task < ?2",
        "DELETE FROM deaths WHERE task >= ?1 AND task < ?2",
    ] {
        transaction.prepare_cached(statement)?.execute(range)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::lock::Lock;
    use super::super::open;
    use super::super::place::DatabaseFile;
    use super::super::soundness::Soundness;
    use super::*;

    #[test]
    fn only_removing_does_not_wait_for_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(&DatabaseFile::new(folder.path().join("store.db"))).unwrap();
        let (mut connection, _) = open::writer(&lock, &Soundness::default()).unwrap();
        let owner = Owner::enter(&connection, Soundness::default()).unwrap();
        let level = |connection: &Connection| -> i64 {
            connection.query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
        };
        for _ in 0..2 {
            assert_eq!(prune(&mut connection, &owner, Timestamp(1), 1, EventChunkNo(0)).unwrap(), 0);
            assert_eq!(level(&connection), 2, "FULL");
        }
        connection.execute_batch("ALTER TABLE leftovers RENAME TO elsewhere").unwrap();
        prune(&mut connection, &owner, Timestamp(1), 1, EventChunkNo(0)).unwrap_err();
        assert_eq!(level(&connection), 2, "FULL");
        synced(&connection, false).unwrap();
        assert_eq!(level(&connection), 1, "NORMAL");
    }
}
