//! Writing of a transaction to PostgreSQL: all of a batch, or nothing. Each statement takes the rows of its table as
//! arrays, so that a batch costs as many statements as tables it touches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use warrener_engine::row::{JobRow, OWN_QUEUE, TaskRow};
use warrener_engine::slice::ReplacedContent;
use warrener_shared::id::{JobNo, QueueName, TaskNo};
use warrener_shared::limits::LOG_CHUNKS;
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;
use warrener_shared::wire::event::JobEvent;

use super::session::Step;
use super::value::{Parameter, columns};
use crate::store::columns::{Kind, TableColumn, attempt, job, task};
use crate::store::sql::Value;
use crate::store::sql::chunk::{self, kind_bit};
use crate::store::sql::limits::{KEY_COLUMNS, changed_slots, held_slots, key_values};
use crate::store::sql::row::until_number;
use crate::store::{
    Asked, BULKS_KEPT, BulkChange, BulkState, Caption, Commit, Death, KeptChanges, LogChunk, OwedReply, Submitted,
};

/// Steps of a commit whose first chunk of events gets the number `next_event`, and the number after its last one.
pub(super) fn steps(commit: &Commit, next_event: i64) -> (Vec<Step<'_>>, i64) {
    let mut steps = Steps::default();
    steps.replaced(&commit.changes.replaced);
    steps.new_jobs(&commit.changes.new_jobs, &commit.submitted);
    steps.jobs(&commit.changes.jobs);
    steps.new_tasks(&commit.changes.new_tasks);
    steps.tasks(&commit.changes.tasks);
    steps.forget_tasks(
        &commit.changes.dropped.iter().map(|(first, count)| (first.0, u64::from(*count))).collect::<Vec<_>>(),
    );
    steps.attempts(commit);
    let next_event = steps.events(&commit.changes.events, next_event);
    let next_event = steps.tell(&commit.schedules.told, next_event);
    if !commit.schedules.removed.is_empty() {
        steps.keep(std::iter::once((chunk::EVENTS_REMOVED, next_event - 1)));
    }
    steps.replies(&commit.owed, &commit.replied);
    steps.logs(&commit.logs);
    steps.stops(&commit.asked, &commit.stopped);
    steps.deaths(&commit.deaths);
    steps.dead(commit);
    steps.audit(commit);
    let released = commit.released.iter().map(|job| [job.0.into()]);
    steps.add("release unique keys", "UPDATE jobs SET unique_key = NULL WHERE no = ANY(?1)", columns(released));
    let paused = commit.paused.iter().map(|(queue, paused)| [(*queue).into(), Value::Int((*paused).into())]);
    let statement = "UPDATE queues q SET paused = u.paused FROM unnest(?1::bigint[], ?2::bigint[]) AS u (no, paused) \
         WHERE q.no = u.no";
    steps.add("pause queues", statement, columns(paused));
    steps.schedules(&commit.schedules);
    steps.delayed(&commit.delayed);
    steps.limits(commit);
    steps.kept(&commit.kept);
    steps.bulk(&commit.bulk);
    steps.meta(commit);
    (steps.0, next_event)
}

/// Purpose of the steps about bulk operations, as errors say it.
const DOING_BULK: &str = "keep a bulk operation";

/// Statements that are carried out in this order, with nothing between them.
#[derive(Debug, Default)]
pub(super) struct Steps<'a>(pub(super) Vec<Step<'a>>);

impl<'a> Steps<'a> {
    /// Adds a step, unless it has no rows.
    pub(super) fn add(&mut self, doing: &'static str, statement: impl Into<String>, values: Vec<Parameter<'a>>) {
        let is_idle = |parameter: &Parameter<'_>| matches!(parameter, Parameter::Many(rows) if rows.is_empty());
        if !values.first().is_some_and(is_idle) {
            self.0.push(Step { doing, statement: statement.into(), values });
        }
    }

    /// Removes the content of jobs that other content takes the place of. Their events and owed answers stay.
    fn replaced(&mut self, replaced: &[ReplacedContent]) {
        for (table, no) in [("submits", "job"), ("job_labels", "job"), ("job_queues", "job"), ("jobs", "no")] {
            let jobs = columns(replaced.iter().map(|old| [old.job.0.into()]));
            self.add("replace jobs", format!("DELETE FROM {table} WHERE {no} = ANY(?1)"), jobs);
        }
        let tasks = replaced.iter().map(|old| (old.first_task.0, u64::from(old.tasks)));
        self.forget_tasks(&tasks.collect::<Vec<_>>());
    }

    /// Adds jobs with their documents and labels.
    fn new_jobs(&mut self, rows: &'a [JobRow], submitted: &'a [(JobNo, Submitted, Caption)]) {
        let jobs = rows.iter().zip(submitted).map(|(_, (_, submitted, caption))| new_job(submitted, caption));
        let mut values = columns(rows.iter().map(job::values));
        values.extend(columns(jobs));
        let names = format!("{}, {NEW_JOB}", job::NAMES);
        let statement = insert(job::TABLE, &names, &(types(job::COLUMNS) + NEW_JOB_TYPES));
        self.add("keep jobs", statement, values);
        let bodies = rows.iter().zip(submitted).map(|(row, (_, submitted, _))| {
            let body = Value::bytes(Some(&submitted.body));
            [row.no.0.into(), body, Value::int(submitted.priority), Value::text(submitted.traceparent.as_deref())]
        });
        let statement = insert("submits", "job, body, priority, traceparent", "ibit");
        self.add("keep what was submitted", statement, columns(bodies));
        let labels = rows.iter().zip(submitted).flat_map(|(row, (_, _, caption))| labels(row.no, caption));
        self.add("keep labels", insert("job_labels", "job, name, value", "itt"), columns(labels));
    }

    /// Changes jobs that exist.
    fn jobs(&mut self, rows: &'a [JobRow]) {
        let statement = update(job::TABLE, &job::COLUMNS[..job::CHANGED], job::KEYS);
        self.add("update jobs", statement, columns(rows.iter().map(job::changes)));
    }

    /// Adds tasks and items, and the queues that the job's tasks use.
    fn new_tasks(&mut self, rows: &'a [Arc<TaskRow>]) {
        self.add(
            "keep tasks",
            insert(task::TABLE, task::NAMES, &types(task::COLUMNS)),
            columns(rows.iter().map(|row| task::values(row))),
        );
        // Items have the queue of their task, and built-in tasks have none.
        let queued = rows.iter().filter(|row| row.index.is_none() && row.queue != OWN_QUEUE);
        let places: BTreeSet<(i64, i64)> = queued.map(|row| (row.queue, row.job.0)).collect();
        let places = places.into_iter().map(|(queue, job)| [queue.into(), job.into()]);
        let statement = format!("{} ON CONFLICT DO NOTHING", insert("job_queues", "queue, job", "ii"));
        self.add("keep the queues of jobs", statement, columns(places));
    }

    /// Changes tasks that exist.
    fn tasks(&mut self, rows: &'a [Arc<TaskRow>]) {
        let statement = update(task::TABLE, &task::COLUMNS[..task::CHANGED], task::KEYS);
        self.add("update tasks", statement, columns(rows.iter().map(|row| task::changes(row))));
    }

    /// Removes tasks, each range given as first number and count, and all that is kept by their numbers.
    pub(super) fn forget_tasks(&mut self, ranges: &[(i64, u64)]) {
        for (table, no) in
            [("tasks", "no"), ("attempts", "task"), ("logs", "task"), ("stops", "task"), ("deaths", "task")]
        {
            let rows =
                ranges.iter().map(|(first, count)| [(*first).into(), (first.saturating_add_unsigned(*count)).into()]);
            let statement = format!(
                "DELETE FROM {table} r USING unnest(?1::bigint[], ?2::bigint[]) AS u (first, after) \
                 WHERE r.{no} >= u.first AND r.{no} < u.after"
            );
            self.add("forget tasks", statement, columns(rows));
        }
    }

    /// Adds attempts that were followed by another. One that is there already stays as it is.
    fn attempts(&mut self, commit: &'a Commit) {
        let insert = insert(attempt::TABLE, attempt::NAMES, &types(attempt::COLUMNS));
        let rows = columns(commit.changes.attempts.iter().map(attempt::values));
        self.add("keep attempts", format!("{insert} ON CONFLICT DO NOTHING"), rows);
    }

    /// Adds a chunk for each job that has events, numbered from `next` on. Gives the next free number.
    fn events(&mut self, events: &'a [(JobNo, Vec<JobEvent>)], mut next: i64) -> i64 {
        let rows = events.iter().map(|(job, list)| {
            let first = list.first().map_or(0, |event| event.sequence);
            let kinds = list.iter().fold(0, |kinds, event| kinds | kind_bit(&event.kind));
            let no = next;
            next += 1;
            let body = Value::Bytes(chunk::encode(list).into());
            [no.into(), job.0.into(), Value::Int(i64::try_from(first).unwrap_or(i64::MAX)), kinds.into(), body]
        });
        let values = columns(rows);
        self.add("keep events", insert("events", "no, job, first, kinds, body", "iiiib"), values);
        next
    }

    /// Adds answers that are owed, and removes those that were given.
    fn replies(&mut self, owed: &'a [OwedReply], replied: &'a [i64]) {
        let rows = owed.iter().map(|reply| {
            let correlation_id = Value::text(reply.correlation_id.as_deref());
            let (to, accepted) = (reply.reply_to.as_str().into(), Value::Int(reply.accepted.into()));
            let refusal = Value::bytes(reply.refusal.as_deref());
            [reply.job.0.into(), to, correlation_id, accepted, reply.owed_at.0.into(), refusal]
        });
        let names = "job, reply_to, correlation_id, accepted, owed_at, refusal";
        let statement = insert_in_order("replies", names, "ittiib");
        self.add("keep the answers owed", statement, columns(rows));
        let given = columns(replied.iter().map(|no| [(*no).into()]));
        self.add("forget the answers given", "DELETE FROM replies WHERE no = ANY(?1)", given);
    }

    /// Adds chunks of log. Chunks beyond the limit of an attempt are left out.
    fn logs(&mut self, chunks: &'a [LogChunk]) {
        let rows = chunks.iter().map(|LogChunk { task, attempt, time, text }| {
            [task.0.into(), Value::Int((*attempt).into()), time.0.into(), text.as_str().into()]
        });
        let statement = format!(
            "INSERT INTO logs (task, attempt, no, time, text) SELECT task, attempt, no, time, text FROM ( \
             SELECT u.task, u.attempt, u.time, u.text, row_number() OVER (PARTITION BY u.task, u.attempt ORDER BY \
             u.place) + coalesce((SELECT max(l.no) FROM logs l WHERE l.task = u.task AND l.attempt = u.attempt), 0) \
             AS no FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[], ?4::text[]) WITH ORDINALITY AS \
             u (task, attempt, time, text, place)) AS numbered WHERE no <= {LOG_CHUNKS}"
        );
        self.add("keep what attempts wrote", statement, columns(rows));
    }

    /// Adds workers that were asked to stop, and notes those that did.
    fn stops(&mut self, asked: &'a [Asked], stopped: &[(TaskNo, u32, Timestamp)]) {
        // A statement may touch a row once: of those asked the last one counts, of those who stopped the first.
        let latest: BTreeMap<_, _> = asked.iter().map(|asked| ((asked.task.0, asked.attempt), asked)).collect();
        let rows = latest.into_values().map(|Asked { task, attempt, worker, at }| {
            [task.0.into(), Value::Int((*attempt).into()), (&**worker).into(), at.0.into()]
        });
        let statement = format!(
            "{} ON CONFLICT (task, attempt) DO UPDATE SET worker = excluded.worker, asked_at = excluded.asked_at",
            insert("stops", "task, attempt, worker, asked_at", "iiti")
        );
        self.add("keep who was asked to stop", statement, columns(rows));
        let first: BTreeMap<_, _> =
            stopped.iter().rev().map(|(task, attempt, at)| ((task.0, *attempt), at.0)).collect();
        let rows = first.into_iter().map(|((task, attempt), at)| [task.into(), Value::Int(attempt.into()), at.into()]);
        let statement = "UPDATE stops r SET stopped_at = u.at FROM unnest(?1::bigint[], ?2::bigint[], ?3::bigint[]) \
             AS u (task, attempt, at) WHERE r.task = u.task AND r.attempt = u.attempt AND r.stopped_at IS NULL";
        self.add("keep who stopped", statement, columns(rows));
    }

    /// Adds workers that never settled what they had; each once for an attempt.
    fn deaths(&mut self, deaths: &'a [Death]) {
        let rows = deaths.iter().map(|Death { task, attempt, worker, deliveries, at }| {
            let attempt = Value::Int((*attempt).into());
            [task.0.into(), attempt, (&**worker).into(), Value::int(*deliveries), at.0.into()]
        });
        let insert = insert_in_order("deaths", "task, attempt, worker, deliveries, at", "iitii");
        self.add("keep how workers died", format!("{insert} ON CONFLICT DO NOTHING"), columns(rows));
    }

    /// Adds dead letters, and removes discarded ones.
    fn dead(&mut self, commit: &'a Commit) {
        let rows = commit.dead.iter().map(|letter| {
            [
                letter.from.into(),
                letter.code.as_str().into(),
                letter.message.as_str().into(),
                Value::text(letter.job.as_deref()),
                Value::text(letter.task.as_deref()),
                letter.received_at.0.into(),
                Value::Int(i64::try_from(letter.size).unwrap_or(i64::MAX)),
                Value::bytes(Some(&letter.body)),
                letter.headers.as_str().into(),
                Value::text(letter.evidence.as_deref()),
            ]
        });
        let names = "source, code, message, job, task, received_at, size, body, headers, evidence";
        self.add("keep dead letters", insert_in_order("dead", names, "tttttiibtt"), columns(rows));
        let discarded = columns(commit.discarded.iter().map(|no| [(*no).into()]));
        self.add("discard dead letters", "DELETE FROM dead WHERE no = ANY(?1)", discarded);
    }

    /// Adds rows of the audit.
    fn audit(&mut self, commit: &'a Commit) {
        let rows = commit.audit.iter().map(|row| {
            [
                row.time.0.into(),
                (&*row.who).into(),
                Value::text(row.from.as_deref()),
                (&*row.verb).into(),
                row.target.as_str().into(),
                (&*row.outcome).into(),
                Value::text(row.reason.as_deref()),
            ]
        });
        let names = "created_at, who, source, verb, target, outcome, reason";
        self.add("keep the audit", insert_in_order("audit", names, "itttttt"), columns(rows));
    }

    /// Keeps the counters that the commit moves.
    /// Keeps answers, notes to whom they were given, and forgets those whose time is over.
    fn kept(&mut self, changes: &'a KeptChanges) {
        let new = changes.new.iter().map(|(answer, payload)| {
            let (no, until) = (answer.no.into(), answer.until.0.into());
            [no, answer.event.as_str().into(), until, Value::bytes(Some(payload))]
        });
        let statement = insert("kept_answers", "no, event, until, payload", "itib");
        self.add("keep answers", statement, columns(new));
        let given = changes.given.iter().map(|(task, answer)| [task.0.into(), (*answer).into()]);
        let statement = format!("{} ON CONFLICT DO NOTHING", insert("given_answers", "task, answer", "ii"));
        self.add("keep who was given an answer", statement, columns(given));
        for (table, no) in [("kept_answers", "no"), ("given_answers", "answer")] {
            let gone = columns(changes.gone.iter().map(|no| [(*no).into()]));
            self.add("forget answers", format!("DELETE FROM {table} WHERE {no} = ANY(?1)"), gone);
        }
    }

    fn limits(&mut self, commit: &'a Commit) {
        let (names, types) = KEY_COLUMNS;
        let statement = format!(
            "{} ON CONFLICT (key) DO UPDATE SET bucket = excluded.bucket, paused_until = excluded.paused_until, \
             concurrency = excluded.concurrency, rate = excluded.rate, weight = excluded.weight",
            insert("limit_keys", names, types)
        );
        self.add("keep keys of limits", statement, columns(commit.changes.keys.iter().map(key_values)));
        let statement = "DELETE FROM limit_slots l USING unnest(?1::text[], ?2::bigint[]) AS u (key, job) \
             WHERE l.key = u.key AND l.job = u.job";
        self.add("forget slots of jobs", statement, columns(changed_slots(&commit.changes.slots)));
        let statement = insert("limit_slots", "key, job, since", "tii");
        self.add("keep slots of jobs", statement, columns(held_slots(&commit.changes.slots)));
        let idle = columns(commit.idle_keys.iter().map(|key| [(&**key.text()).into()]));
        self.add("forget keys of limits", "DELETE FROM limit_keys WHERE key = ANY(?1)", idle);
        let kept =
            commit.limits.iter().filter_map(|(name, text)| Some([name.as_str().into(), text.as_deref()?.into()]));
        let statement = format!(
            "{} ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
            insert("limits", "name, definition", "tt")
        );
        self.add("keep limits", statement, columns(kept));
        let removed = commit.limits.iter().filter(|(_, text)| text.is_none()).map(|(name, _)| [name.as_str().into()]);
        self.add("remove limits", "DELETE FROM limits WHERE name = ANY(?1)", columns(removed));
    }

    fn meta(&mut self, commit: &Commit) {
        self.keep(commit.counters());
    }

    /// Keeps bulk operations as they are now, with the sets of those that begin, and without the sets of those that
    /// are over.
    fn bulk(&mut self, changes: &[BulkChange]) {
        for change in changes {
            let BulkChange { no, row, set } = change;
            let running = i64::from(row.state == BulkState::Running);
            let insert = insert("bulk", "no, who, running, body", "itit");
            let statement =
                format!("{insert} ON CONFLICT (no) DO UPDATE SET running = excluded.running, body = excluded.body");
            let values = [(*no).into(), row.who.to_string().into(), running.into(), row.encode().into()];
            self.add(DOING_BULK, statement, columns([values]));
            if running == 0 {
                self.add(DOING_BULK, "DELETE FROM bulk_sets WHERE bulk = ANY(?1)", columns([[(*no).into()]]));
            } else if set.is_some() {
                let parts = change.parts().map(|(part, body)| [(*no).into(), part.into(), Value::Bytes(body.into())]);
                self.add(DOING_BULK, self::insert("bulk_sets", "bulk, part, body", "iib"), columns(parts));
                let old = "DELETE FROM bulk WHERE no <= ANY(?1) AND running = 0";
                self.add(DOING_BULK, old, columns([[(*no - BULKS_KEPT).into()]]));
            }
        }
    }

    /// Keeps counters by their keys in `meta`.
    pub(super) fn keep(&mut self, values: impl Iterator<Item = (&'static str, i64)>) {
        let rows = values.map(|(key, value)| [key.into(), value.to_string().into()]);
        let insert = insert("meta", "key, value", "tt");
        let statement = format!("{insert} ON CONFLICT (key) DO UPDATE SET value = excluded.value");
        self.add("keep counters", statement, columns(rows));
    }
}

/// Step that gives a queue a number, if it has none.
pub(super) fn queue(name: &QueueName) -> Step<'_> {
    let statement = "INSERT INTO queues (name) VALUES (?1) ON CONFLICT DO NOTHING".to_owned();
    Step { doing: "number a queue", statement, values: vec![Parameter::One(name.as_str().into())] }
}

/// Steps that move the timers that count a span by `by` milliseconds, and keep the time that the clock says.
pub(super) fn shift(by: i64, now: Timestamp) -> Vec<Step<'static>> {
    let mut steps = Steps::default();
    let tasks = "UPDATE tasks SET wake_at = wake_at + ?1, start_by = start_by + ?1, waits_for = \
         CASE WHEN waits_for LIKE 'span:%' THEN 'span:' || CAST(CAST(substr(waits_for, 6) AS BIGINT) + ?1 AS TEXT) \
         ELSE waits_for END WHERE wake_at IS NOT NULL AND (waits_for IS NULL OR waits_for NOT LIKE 'time:%')";
    let jobs = "UPDATE jobs SET wake_at = wake_at + ?1, deadline_at = deadline_at + ?1 \
         WHERE wake_at IS NOT NULL AND state = ?2";
    let by = || Parameter::One(by.into());
    steps.add("follow the clock", tasks, vec![by()]);
    steps.add("follow the clock", jobs, vec![by(), Parameter::One(Value::Int(JobState::Running as i64))]);
    let starts = "UPDATE jobs SET wake_at = wake_at + ?1, scheduled_at = scheduled_at + ?1 \
         WHERE wake_at IS NOT NULL AND state = ?2 AND after_delay = 1";
    steps.add("follow the clock", starts, vec![by(), Parameter::One(Value::Int(JobState::Scheduled as i64))]);
    let delayed = "UPDATE delayed SET due_at = due_at + ?1 WHERE after_delay = 1";
    steps.add("follow the clock", delayed, vec![by()]);
    let replies = "UPDATE replies SET owed_at = owed_at + ?1 WHERE owed_at > 0";
    steps.add("follow the clock", replies, vec![by()]);
    let keys = "UPDATE limit_keys SET bucket = bucket + ?1 * 1000000, paused_until = paused_until + ?1";
    steps.add("follow the clock", keys, vec![by()]);
    steps.add("follow the clock", "UPDATE kept_answers SET until = until + ?1", vec![by()]);
    let ahead = "UPDATE schedules SET wake_at = ?1 WHERE decided > ?1 AND (wake_at IS NULL OR wake_at > ?1)";
    steps.add("follow the clock", ahead, vec![Parameter::One(now.0.into())]);
    steps.keep(std::iter::once(("seen_at", now.0)));
    steps.0
}

/// Columns of a job that come from its document and never change.
const NEW_JOB: &str = "name, kind, labels, tasks, digest, unique_key, unique_until";
/// Types of these columns, a letter for each, see [`types`].
const NEW_JOB_TYPES: &str = "tttibti";

/// Values of the columns that come from the document.
fn new_job<'a>(submitted: &'a Submitted, caption: &'a Caption) -> [Value<'a>; 7] {
    let unique = caption.unique.as_ref();
    [
        Value::text(caption.name.as_deref()),
        Value::text(caption.kind.as_deref()),
        caption.labels.as_str().into(),
        Value::Int(caption.tasks.into()),
        Value::bytes(submitted.digest.as_ref().map(<[u8; 32]>::as_slice)),
        Value::text(unique.map(|unique| unique.key.as_str())),
        Value::int(unique.map(|unique| until_number(unique.until))),
    ]
}

/// Labels of a job, whose caption has them as a JSON object of texts: number, name and value.
fn labels(no: JobNo, caption: &Caption) -> impl Iterator<Item = [Value<'static>; 3]> {
    let labels: BTreeMap<String, String> = serde_json::from_str(&caption.labels).unwrap_or_default();
    labels.into_iter().map(move |(name, value)| [no.0.into(), name.into(), value.into()])
}

/// Types of columns, a letter for each: `i` a number, `t` a text, `b` bytes.
pub(super) fn types(columns: &[TableColumn]) -> String {
    let letter = |column: &TableColumn| match column.kind {
        Kind::Int => 'i',
        Kind::Text => 't',
        Kind::Bytes => 'b',
    };
    columns.iter().map(letter).collect()
}

/// Table `u` of rows that are given as arrays, one for each column.
fn source(names: &str, types: &str) -> String {
    let array = |(at, kind): (usize, char)| {
        let kind = match kind {
            'i' => "bigint",
            't' => "text",
            _ => "bytea",
        };
        format!("?{}::{kind}[]", at + 1)
    };
    let arrays: Vec<_> = types.chars().enumerate().map(array).collect();
    debug_assert_eq!(names.split(',').count(), arrays.len(), "each column has a type");
    format!("unnest({}) AS u ({names})", arrays.join(", "))
}

/// Statement that adds rows.
pub(super) fn insert(table: &str, names: &str, types: &str) -> String {
    format!("INSERT INTO {table} ({names}) SELECT {names} FROM {}", source(names, types))
}

/// Statement that adds rows which the database numbers, in the order in which they are given.
pub(super) fn insert_in_order(table: &str, names: &str, types: &str) -> String {
    let source = source(names, types).replace(" AS u (", " WITH ORDINALITY AS u (");
    let source = source.strip_suffix(')').unwrap_or_default();
    format!("INSERT INTO {table} ({names}) SELECT {names} FROM {source}, place) ORDER BY u.place")
}

/// Statement that changes rows, each of which is found by the first `keys` columns.
fn update(table: &str, columns: &[TableColumn], keys: usize) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    let changed: Vec<_> = names.iter().skip(keys).map(|name| format!("{name} = u.{name}")).collect();
    let found = columns.iter().take(keys).map(|TableColumn { name, is_optional, .. }| match is_optional {
        true => format!("r.{name} IS NOT DISTINCT FROM u.{name}"),
        false => format!("r.{name} = u.{name}"),
    });
    let found: Vec<_> = found.collect();
    let source = source(&names.join(", "), &types(columns));
    format!("UPDATE {table} r SET {} FROM {source} WHERE {}", changed.join(", "), found.join(" AND "))
}
