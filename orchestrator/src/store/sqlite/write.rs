//! Writing of a transaction to SQLite: all of a batch, or nothing. Statements stay prepared, and each row is one.

use std::sync::{Arc, LazyLock};

use rusqlite::{ToSql, Transaction};
use warrener_engine::row::{AttemptRow, JobRow, OWN_QUEUE, TaskRow};
use warrener_shared::id::{JobNo, QueueName, TaskNo};
use warrener_shared::limits::LOG_CHUNKS;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use super::counter::keep;
use super::prune::{forget_content, forget_tasks};
use super::statement::{bind, places};
use super::{StoreError, failed};
use super::{delayed, schedule};
use crate::store::columns::{TableColumn, attempt, job, task};
use crate::store::sql::chunk::{self, kind_bit};
use crate::store::sql::limits::{KEY_COLUMNS, changed_slots, held_slots, key_values};
use crate::store::sql::row::until_number;
use crate::store::{
    Asked, AuditRow, BULKS_KEPT, BulkChange, BulkState, Caption, Commit, DeadLetter, Death, KeptChanges, LogChunk,
    OwedReply, QueueRow, Submitted,
};

/// Writes all of a commit, whose first chunk of events gets the number `next_event`. Gives the number after its last
/// one.
pub(super) fn commit(transaction: Transaction<'_>, commit: &Commit, mut next_event: i64) -> Result<i64, StoreError> {
    write(&transaction, commit, &mut next_event)?;
    transaction.commit().map_err(failed("commit"))?;
    Ok(next_event)
}

/// Writes the parts of a commit in order. Any error spoils the transaction, and tells which part it was.
fn write(transaction: &Transaction<'_>, commit: &Commit, next_event: &mut i64) -> Result<(), StoreError> {
    for old in &commit.changes.replaced {
        forget_content(transaction, old).map_err(failed("replace a job"))?;
    }
    for (row, (_, submitted, caption)) in commit.changes.new_jobs.iter().zip(&commit.submitted) {
        insert_job(transaction, row, submitted, caption).map_err(failed("keep a job"))?;
    }
    update_jobs(transaction, &commit.changes.jobs).map_err(failed("update jobs"))?;
    insert_tasks(transaction, &commit.changes.new_tasks).map_err(failed("keep tasks"))?;
    update_tasks(transaction, &commit.changes.tasks).map_err(failed("update tasks"))?;
    drop_items(transaction, &commit.changes.dropped).map_err(failed("forget items"))?;
    insert_attempts(transaction, &commit.changes.attempts).map_err(failed("keep attempts"))?;
    insert_events(transaction, &commit.changes.events, next_event).map_err(failed("keep events"))?;
    schedule::tell(transaction, &commit.schedules.told, next_event).map_err(failed("keep events of ticks"))?;
    if !commit.schedules.removed.is_empty() {
        keep(transaction, chunk::EVENTS_REMOVED, *next_event - 1)?;
    }
    replies(transaction, &commit.owed, &commit.replied).map_err(failed("keep the answers owed"))?;
    insert_logs(transaction, &commit.logs).map_err(failed("keep what attempts wrote"))?;
    stops(transaction, &commit.asked, &commit.stopped).map_err(failed("keep who was asked to stop"))?;
    deaths(transaction, &commit.deaths).map_err(failed("keep how workers died"))?;
    insert_dead(transaction, &commit.dead).map_err(failed("keep dead letters"))?;
    for no in &commit.discarded {
        let statement = "DELETE FROM dead WHERE no = ?1";
        transaction.execute(statement, [no]).map_err(failed("discard a dead letter"))?;
    }
    insert_audit(transaction, &commit.audit).map_err(failed("keep the audit"))?;
    for job in &commit.released {
        let statement = "UPDATE jobs SET unique_key = NULL WHERE no = ?1";
        transaction.execute(statement, [job.0]).map_err(failed("release a unique key"))?;
    }
    bulk(transaction, &commit.bulk).map_err(failed("keep a bulk operation"))?;
    for (queue, paused) in &commit.paused {
        transaction
            .execute("UPDATE queues SET paused = ?2 WHERE no = ?1", (queue, paused))
            .map_err(failed("pause a queue"))?;
    }
    schedule::write(transaction, &commit.schedules).map_err(failed("keep schedules"))?;
    delayed::write(transaction, &commit.delayed).map_err(failed("keep delayed messages"))?;
    limits(transaction, commit).map_err(failed("keep limits"))?;
    kept(transaction, &commit.kept).map_err(failed("keep answers"))?;
    meta(transaction, commit)
}

/// Keeps answers, notes to whom they were given, and forgets those whose time is over.
fn kept(transaction: &Transaction<'_>, changes: &KeptChanges) -> rusqlite::Result<()> {
    for (answer, payload) in &changes.new {
        let statement = "INSERT INTO kept_answers (no, event, until, payload) VALUES (?1, ?2, ?3, ?4)";
        transaction.prepare_cached(statement)?.execute((answer.no, &answer.event, answer.until.0, &**payload))?;
    }
    for (task, answer) in &changes.given {
        let statement = "INSERT OR IGNORE INTO given_answers (task, answer) VALUES (?1, ?2)";
        transaction.prepare_cached(statement)?.execute((task.0, answer))?;
    }
    for no in &changes.gone {
        for statement in ["DELETE FROM kept_answers WHERE no = ?1", "DELETE FROM given_answers WHERE answer = ?1"] {
            transaction.prepare_cached(statement)?.execute([no])?;
        }
    }
    Ok(())
}

/// Keeps limits and their keys, and forgets those that are idle.
fn limits(transaction: &Transaction<'_>, commit: &Commit) -> rusqlite::Result<()> {
    for row in &commit.changes.keys {
        let statement = format!("INSERT OR REPLACE INTO limit_keys ({}) VALUES ({})", KEY_COLUMNS.0, places(6));
        let mut statement = transaction.prepare_cached(&statement)?;
        bind(&mut statement, &key_values(row))?;
        statement.raw_execute()?;
    }
    for values in changed_slots(&commit.changes.slots) {
        let mut statement = transaction.prepare_cached("DELETE FROM limit_slots WHERE key = ?1 AND job = ?2")?;
        bind(&mut statement, &values)?;
        statement.raw_execute()?;
    }
    for values in held_slots(&commit.changes.slots) {
        let mut statement =
            transaction.prepare_cached("INSERT INTO limit_slots (key, job, since) VALUES (?1, ?2, ?3)")?;
        bind(&mut statement, &values)?;
        statement.raw_execute()?;
    }
    for key in &commit.idle_keys {
        transaction.prepare_cached("DELETE FROM limit_keys WHERE key = ?1")?.execute([&**key.text()])?;
    }
    for (name, definition) in &commit.limits {
        match definition {
            Some(text) => transaction.execute("INSERT OR REPLACE INTO limits VALUES (?1, ?2)", (name, text))?,
            None => transaction.execute("DELETE FROM limits WHERE name = ?1", [name])?,
        };
    }
    Ok(())
}

/// Keeps the counters that the commit moves.
fn meta(transaction: &Transaction<'_>, commit: &Commit) -> Result<(), StoreError> {
    for (key, value) in commit.counters() {
        keep(transaction, key, value)?;
    }
    Ok(())
}

/// Adds a job with its document and labels.
fn insert_job(
    transaction: &Transaction<'_>,
    row: &JobRow,
    submitted: &Submitted,
    caption: &Caption,
) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(&INSERT_JOB)?;
    bind(&mut statement, &job::values(row))?;
    let values: [&dyn ToSql; 7] = [
        &caption.name,
        &caption.kind,
        &caption.labels,
        &caption.tasks,
        &submitted.digest.as_ref().map(<[u8; 32]>::as_slice),
        &caption.unique.as_ref().map(|unique| unique.key.as_str()),
        &caption.unique.as_ref().map(|unique| until_number(unique.until)),
    ];
    for (at, value) in values.iter().enumerate() {
        statement.raw_bind_parameter(job::COUNT + at + 1, value)?;
    }
    statement.raw_execute()?;
    let mut statement =
        transaction.prepare_cached("INSERT INTO submits (job, body, priority, traceparent) VALUES (?1, ?2, ?3, ?4)")?;
    statement.execute((row.no.0, &*submitted.body, submitted.priority, submitted.traceparent.as_deref()))?;
    if caption.labels != "{}" {
        let statement = "INSERT INTO job_labels SELECT key, value, ?1 FROM json_each(?2)";
        transaction.prepare_cached(statement)?.execute((row.no.0, &caption.labels))?;
    }
    Ok(())
}

/// Statement that adds a job: the columns of its row, then those of its document.
static INSERT_JOB: LazyLock<String> = LazyLock::new(|| {
    let names = format!("{}, name, kind, labels, tasks, digest, unique_key, unique_until", job::NAMES);
    format!("INSERT INTO jobs ({names}) VALUES ({})", places(job::COUNT + 7))
});
/// Statement that changes a job.
static UPDATE_JOB: LazyLock<String> = LazyLock::new(|| update(job::TABLE, &job::COLUMNS[..job::CHANGED], job::KEYS));
/// Statement that adds a task or item.
static INSERT_TASK: LazyLock<String> =
    LazyLock::new(|| format!("INSERT INTO tasks ({}) VALUES ({})", task::NAMES, places(task::COUNT)));
/// Statement that changes a task or item.
static UPDATE_TASK: LazyLock<String> =
    LazyLock::new(|| update(task::TABLE, &task::COLUMNS[..task::CHANGED], task::KEYS));
// The latest attempt of a task that ended between attempts is there already.
static INSERT_ATTEMPT: LazyLock<String> = LazyLock::new(|| {
    format!("INSERT OR IGNORE INTO attempts ({}) VALUES ({})", attempt::NAMES, places(attempt::COUNT))
});

/// Statement that changes a row, which is found by the first `keys` columns.
fn update(table: &str, columns: &[TableColumn], keys: usize) -> String {
    let term = |(at, column): (usize, &TableColumn), sign: &str| format!("{} {sign} ?{}", column.name, at + 1);
    let changed: Vec<_> = columns.iter().enumerate().skip(keys).map(|one| term(one, "=")).collect();
    let found = columns.iter().enumerate().take(keys);
    let found: Vec<_> = found.map(|one| term(one, if one.1.is_optional { "IS" } else { "=" })).collect();
    format!("UPDATE {table} SET {} WHERE {}", changed.join(", "), found.join(" AND "))
}

/// Changes jobs that exist.
fn update_jobs(transaction: &Transaction<'_>, rows: &[JobRow]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(&UPDATE_JOB)?;
    for row in rows {
        bind(&mut statement, &job::changes(row))?;
        statement.raw_execute()?;
    }
    Ok(())
}

/// Adds tasks and items, and the queues that the job's tasks use.
fn insert_tasks(transaction: &Transaction<'_>, rows: &[Arc<TaskRow>]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(&INSERT_TASK)?;
    let mut queues = transaction.prepare_cached("INSERT OR IGNORE INTO job_queues (queue, job) VALUES (?1, ?2)")?;
    let mut latest = None;
    for row in rows {
        bind(&mut statement, &task::values(row))?;
        statement.raw_execute()?;
        // Neighbours mostly share a queue; items have that of their task, and built-in tasks have none.
        let place = (row.queue, row.job.0);
        if row.index.is_none() && row.queue != OWN_QUEUE && latest != Some(place) {
            latest = Some(place);
            queues.execute(place)?;
        }
    }
    Ok(())
}

/// Changes tasks that exist.
fn update_tasks(transaction: &Transaction<'_>, rows: &[Arc<TaskRow>]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(&UPDATE_TASK)?;
    for row in rows {
        bind(&mut statement, &task::changes(row))?;
        statement.raw_execute()?;
    }
    Ok(())
}

/// Adds attempts that were followed by another.
fn insert_attempts(transaction: &Transaction<'_>, rows: &[AttemptRow]) -> rusqlite::Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(&INSERT_ATTEMPT)?;
    for row in rows {
        bind(&mut statement, &attempt::values(row))?;
        statement.raw_execute()?;
    }
    Ok(())
}

/// Removes items whose task gets another list.
fn drop_items(transaction: &Transaction<'_>, ranges: &[(TaskNo, u32)]) -> rusqlite::Result<()> {
    for (first, count) in ranges {
        forget_tasks(transaction, (first.0, first.0 + i64::from(*count)))?;
    }
    Ok(())
}

/// Adds a chunk for each job that has events, numbered from `next` on.
fn insert_events(
    transaction: &Transaction<'_>,
    events: &[(JobNo, Vec<JobEvent>)],
    next: &mut i64,
) -> rusqlite::Result<()> {
    let statement = "INSERT INTO events (no, job, first, kinds, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    let mut statement = transaction.prepare_cached(statement)?;
    for (job, list) in events {
        let first = list.first().map_or(0, |event| event.sequence);
        let kinds = list.iter().fold(0, |kinds, event| kinds | kind_bit(&event.kind));
        statement.execute((*next, job.0, first, kinds, chunk::encode(list)))?;
        *next += 1;
    }
    Ok(())
}

/// Adds answers that are owed, and removes those that were given.
fn replies(transaction: &Transaction<'_>, owed: &[OwedReply], replied: &[i64]) -> rusqlite::Result<()> {
    let statement = "INSERT INTO replies (job, reply_to, correlation_id, accepted, owed_at, refusal) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = transaction.prepare_cached(statement)?;
    for reply in owed {
        let (to, refusal) = (&reply.reply_to, reply.refusal.as_deref());
        insert.execute((reply.job.0, to, &reply.correlation_id, reply.accepted, reply.owed_at.0, refusal))?;
    }
    let mut delete = transaction.prepare_cached("DELETE FROM replies WHERE no = ?1")?;
    for no in replied {
        delete.execute([no])?;
    }
    Ok(())
}

/// Adds chunks of log. Chunks beyond the limit of an attempt are left out.
fn insert_logs(transaction: &Transaction<'_>, chunks: &[LogChunk]) -> rusqlite::Result<()> {
    let statement = "INSERT INTO logs (task, attempt, no, time, text) SELECT ?1, ?2, n, ?3, ?4 FROM (SELECT \
         coalesce(max(no), 0) + 1 AS n FROM logs WHERE task = ?1 AND attempt = ?2) WHERE n <= ?5";
    let mut statement = transaction.prepare_cached(statement)?;
    for LogChunk { task, attempt, time, text } in chunks {
        statement.execute((task.0, attempt, time.0, text, LOG_CHUNKS))?;
    }
    Ok(())
}

/// Adds workers that were asked to stop, and notes those that did. The first time at which that was known stays.
fn stops(transaction: &Transaction<'_>, asked: &[Asked], stopped: &[(TaskNo, u32, Timestamp)]) -> rusqlite::Result<()> {
    if !asked.is_empty() {
        let statement = "INSERT INTO stops (task, attempt, worker, asked_at) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (task, attempt) DO UPDATE SET worker = excluded.worker, asked_at = excluded.asked_at";
        let mut statement = transaction.prepare_cached(statement)?;
        for Asked { task, attempt, worker, at } in asked {
            statement.execute((task.0, attempt, &**worker, at.0))?;
        }
    }
    if !stopped.is_empty() {
        let statement = "UPDATE stops SET stopped_at = ?3 WHERE task = ?1 AND attempt = ?2 AND stopped_at IS NULL";
        let mut statement = transaction.prepare_cached(statement)?;
        for (task, attempt, at) in stopped {
            statement.execute((task.0, attempt, at.0))?;
        }
    }
    Ok(())
}

/// Adds workers that never settled what they had; each once for an attempt.
fn deaths(transaction: &Transaction<'_>, deaths: &[Death]) -> rusqlite::Result<()> {
    for Death { task, attempt, worker, deliveries, at } in deaths {
        let statement = "INSERT OR IGNORE INTO deaths (task, attempt, worker, deliveries, at) \
             VALUES (?1, ?2, ?3, ?4, ?5)";
        transaction.prepare_cached(statement)?.execute((task.0, attempt, &**worker, deliveries, at.0))?;
    }
    Ok(())
}

/// Adds dead letters.
fn insert_dead(transaction: &Transaction<'_>, letters: &[DeadLetter]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO dead (source, code, message, job, task, received_at, size, body, headers, evidence) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for letter in letters {
        statement.execute((
            letter.from,
            &letter.code,
            &letter.message,
            &letter.job,
            &letter.task,
            letter.received_at.0,
            i64::try_from(letter.size).unwrap_or(i64::MAX),
            &letter.body,
            &letter.headers,
            &letter.evidence,
        ))?;
    }
    Ok(())
}

/// Adds rows of the audit.
fn insert_audit(transaction: &Transaction<'_>, rows: &[AuditRow]) -> rusqlite::Result<()> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO audit (created_at, who, source, verb, target, outcome, reason) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for row in rows {
        let (who, verb, outcome) = (&*row.who, &*row.verb, &*row.outcome);
        statement.execute((row.time.0, who, &row.from, verb, &row.target, outcome, &row.reason))?;
    }
    Ok(())
}

/// Keeps bulk operations as they are now, with the sets of those that begin and without those of them that are over.
fn bulk(transaction: &Transaction<'_>, changes: &[BulkChange]) -> rusqlite::Result<()> {
    for change in changes {
        let BulkChange { no, row, set } = change;
        let running = i64::from(row.state == BulkState::Running);
        let statement = "INSERT INTO bulk (no, who, running, body) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT (no) DO UPDATE SET running = excluded.running, body = excluded.body";
        transaction.prepare_cached(statement)?.execute((no, &*row.who, running, row.encode()))?;
        if running == 0 {
            transaction.execute("DELETE FROM bulk_sets WHERE bulk = ?1", [no])?;
        } else if set.is_some() {
            for (part, body) in change.parts() {
                let statement = "INSERT INTO bulk_sets (bulk, part, body) VALUES (?1, ?2, ?3)";
                transaction.prepare_cached(statement)?.execute((no, part, body))?;
            }
            transaction.execute("DELETE FROM bulk WHERE no <= ?1 AND running = 0", [no - BULKS_KEPT])?;
        }
    }
    Ok(())
}

/// Gives a number to a queue that has none, in a transaction of its own.
pub(super) fn queue(transaction: Transaction<'_>, name: &QueueName) -> Result<QueueRow, StoreError> {
    let doing = failed("number a queue");
    transaction.execute("INSERT INTO queues (name) VALUES (?1)", [name.as_str()]).map_err(&doing)?;
    let no = transaction.last_insert_rowid();
    transaction.commit().map_err(&doing)?;
    Ok(QueueRow { no, name: name.clone(), paused: false })
}

/// Moves the timers that count a span by `by` milliseconds, and keeps the time that the clock says.
pub(super) fn shift(transaction: Transaction<'_>, by: i64, now: Timestamp) -> Result<(), StoreError> {
    let doing = failed("follow the clock");
    let tasks = "UPDATE tasks SET wake_at = wake_at + ?1, start_by = start_by + ?1, waits_for = \
         CASE WHEN waits_for LIKE 'span:%' THEN 'span:' || (CAST(substr(waits_for, 6) AS INTEGER) + ?1) \
         ELSE waits_for END WHERE wake_at IS NOT NULL AND (waits_for IS NULL OR waits_for NOT LIKE 'time:%')";
    let running = JobState::Running as i64;
    let jobs = "UPDATE jobs SET wake_at = wake_at + ?1, deadline_at = deadline_at + ?1 \
         WHERE wake_at IS NOT NULL AND state = ?2";
    transaction.execute(tasks, [by]).map_err(&doing)?;
    transaction.execute(jobs, [by, running]).map_err(&doing)?;
    let starts = "UPDATE jobs SET wake_at = wake_at + ?1, scheduled_at = scheduled_at + ?1 \
         WHERE wake_at IS NOT NULL AND state = ?2 AND after_delay = 1";
    transaction.execute(starts, [by, JobState::Scheduled as i64]).map_err(&doing)?;
    transaction.execute("UPDATE delayed SET due_at = due_at + ?1 WHERE after_delay = 1", [by]).map_err(&doing)?;
    let replies = "UPDATE replies SET owed_at = owed_at + ?1 WHERE owed_at > 0";
    transaction.execute(replies, [by]).map_err(&doing)?;
    let keys = "UPDATE limit_keys SET bucket = bucket + ?1 * 1000000, paused_until = paused_until + ?1";
    transaction.execute(keys, [by]).map_err(&doing)?;
    transaction.execute("UPDATE kept_answers SET until = until + ?1", [by]).map_err(&doing)?;
    let ahead = "UPDATE schedules SET wake_at = ?1 WHERE decided > ?1 AND (wake_at IS NULL OR wake_at > ?1)";
    transaction.execute(ahead, [now.0]).map_err(&doing)?;
    keep(&transaction, "seen_at", now.0)?;
    transaction.commit().map_err(&doing)
}
