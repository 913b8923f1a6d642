//! The embedded database of a running orchestrator, read from beside: what was really kept.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};
use serde_json::Value;
use warrener_orchestrator::store::sqlite::Sqlite;
use warrener_orchestrator::store::view::View;
use warrener_shared::id::JobNo;
use warrener_shared::state::{JobState, Outcome, TaskState};

/// A read-only connection, and for events, which are kept in a form of their own, the reader that the API has.
#[derive(Debug)]
pub struct Database {
    connection: Connection,
    view: View,
}

/// A job as it is kept.
#[derive(Clone, Debug)]
pub struct Job {
    /// Number of the job in the database.
    pub no: i64,
    /// Id of the job.
    pub id: String,
    /// State of the job.
    pub state: JobState,
    /// Output as it is stored.
    pub output: Option<String>,
    /// The reason why it did not succeed.
    pub error: Option<Value>,
}

/// A task or item as it is kept.
#[derive(Clone, Debug)]
pub struct Task {
    /// Number of the task in the database.
    pub no: i64,
    /// Place among the tasks of the job, from 0.
    pub position: usize,
    /// Place in the list of its mapped task, from 0; `None` if it is no item.
    pub item: Option<usize>,
    /// State of the task.
    pub state: TaskState,
    /// Number of its latest attempt.
    pub attempt: u32,
    /// Attempts that count against the budget.
    pub failures: u32,
    /// Start of the latest attempt, in milliseconds since 1970.
    pub started_at: Option<i64>,
    /// Time at which it became final.
    pub finished_at: Option<i64>,
    /// The reason why it did not succeed.
    pub error: Option<Value>,
    /// Output as it is stored.
    pub output: Option<String>,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct Dead {
    /// `submit`, `task`, `result` or `unrouted`.
    pub from: String,
    /// Reason, as a code.
    pub code: String,
    /// Reason, in words.
    pub message: String,
    /// The first bytes of the message.
    pub body: Vec<u8>,
}

impl Database {
    /// Opens the file.
    ///
    /// # Panics
    /// If it isn't there.
    pub fn open(path: &Path) -> Self {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap_or_else(|error| panic!("opening {}: {error}", path.display()));
        connection.busy_timeout(Duration::from_secs(10)).expect("a connection has a busy timeout");
        let view = Sqlite::view_of(path).unwrap_or_else(|error| panic!("opening {}: {error}", path.display()));
        Self { connection, view }
    }

    /// The names of all queues.
    pub fn queues(&self) -> Vec<String> {
        self.list("SELECT name FROM queues", [], |row| row.get(0))
    }

    /// All jobs, oldest first.
    pub fn jobs(&self) -> Vec<Job> {
        self.list("SELECT no, id, state, output, error FROM jobs ORDER BY no", [], job)
    }

    /// A job.
    pub fn job(&self, id: &str) -> Option<Job> {
        self.list("SELECT no, id, state, output, error FROM jobs WHERE id = ?1", [id], job).pop()
    }

    /// The tasks of a job and their items.
    pub fn tasks(&self, job: i64) -> Vec<Task> {
        let sql = "SELECT no, position, item, state, attempt, failures, started_at, finished_at, error, output \
                   FROM tasks WHERE job = ?1 ORDER BY position, item";
        self.list(sql, [job], task)
    }

    /// Outcomes of the tries of a task before the latest, oldest first.
    pub fn outcomes(&self, task: i64) -> Vec<Outcome> {
        let sql = "SELECT outcome FROM attempts WHERE task = ?1 ORDER BY attempt";
        self.list(sql, [task], |row| word(Outcome::ALL, row.get(0)?))
    }

    /// Number of tries with this outcome that were followed by another one, in all jobs.
    pub fn outcome_count(&self, outcome: Outcome) -> i64 {
        let place = Outcome::ALL.iter().position(|known| *known == outcome).expect("all are listed");
        self.number(&format!("SELECT count(*) FROM attempts WHERE outcome = {place}"))
    }

    /// The events of a job by number.
    pub fn events(&self, job: i64) -> Vec<Value> {
        let page = self.view.read(|snapshot| snapshot.job_events(JobNo(job), 0, usize::MAX));
        let page = page.expect("events can be read");
        assert!(!page.more, "more errors than fit on a page");
        page.items.iter().map(|event| serde_json::to_value(event).expect("an event is JSON")).collect()
    }

    /// Everything that is wrong with the events of all jobs.
    pub fn event_faults(&self) -> Vec<String> {
        let faults = |job: &Job| {
            let faults = crate::events::faults(&self.events(job.no), self.tasks(job.no).len());
            faults.into_iter().map(|fault| format!("{}: {fault}", job.id)).collect::<Vec<_>>()
        };
        self.jobs().iter().flat_map(faults).collect()
    }

    /// Dead letters, oldest first.
    pub fn dead(&self) -> Vec<Dead> {
        self.list("SELECT source, code, message, body FROM dead ORDER BY no", [], |row| {
            Ok(Dead { from: row.get(0)?, code: row.get(1)?, message: row.get(2)?, body: row.get(3)? })
        })
    }

    /// Jobs that are not final.
    pub fn open_jobs(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs WHERE state < 2")
    }

    /// Jobs that are final.
    pub fn final_jobs(&self) -> i64 {
        self.number("SELECT count(*) FROM jobs WHERE state >= 2")
    }

    /// Attempts that are out and not ended.
    pub fn open_attempts(&self) -> i64 {
        self.number("SELECT count(*) FROM tasks WHERE dispatch_no IS NOT NULL")
    }

    /// Tells whether SQLite finds the file sound.
    pub fn is_sound(&self) -> bool {
        let verdict: Vec<String> = self.list("PRAGMA quick_check", [], |row| row.get(0));
        verdict == ["ok"]
    }

    fn number(&self, sql: &str) -> i64 {
        self.connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    fn list<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Vec<T> {
        let mut statement = self.connection.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let rows = statement.query_map(parameters, read).unwrap_or_else(|error| panic!("{sql}: {error}"));
        rows.collect::<Result<_, _>>().unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    let state = word(JobState::ALL, row.get(2)?)?;
    Ok(Job { no: row.get(0)?, id: row.get(1)?, state, output: text(row, 3)?, error: json(row, 4)? })
}

fn task(row: &Row<'_>) -> rusqlite::Result<Task> {
    Ok(Task {
        no: row.get(0)?,
        position: row.get(1)?,
        item: row.get(2)?,
        state: word(TaskState::ALL, row.get(3)?)?,
        attempt: row.get(4)?,
        failures: row.get(5)?,
        started_at: row.get(6)?,
        finished_at: row.get(7)?,
        error: json(row, 8)?,
        output: text(row, 9)?,
    })
}

fn word<T: Copy>(all: &[T], place: usize) -> rusqlite::Result<T> {
    all.get(place).copied().ok_or(rusqlite::Error::IntegralValueOutOfRange(0, -1))
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    let bytes: Option<Vec<u8>> = row.get(column)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
}

fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Value>> {
    Ok(text(row, column)?.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text))))
}
