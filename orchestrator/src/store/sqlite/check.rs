//! Check of the file: at the start if it is small, else beside the work, one table after the other.
//!
//! Every page of every table and index is looked at, and whether tables and their indexes say the same. A flipped bit
//! inside of a payload is not found: only whoever knows the payload could tell.

use std::path::Path;
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::{Connection, InterruptHandle};

use super::soundness::Soundness;
use super::{StoreError, failed};

/// Most bytes of file and log for which a start waits for the check: a fraction of a second.
const AT_START: u64 = 32 * 1024 * 1024;

/// A check that goes on beside the work, on a thread of its own. It ends when this is dropped.
pub(super) struct Check {
    /// Ends the statement that is being carried out.
    interrupt: InterruptHandle,
    /// The thread; `None` only while this is dropped.
    thread: Option<JoinHandle<()>>,
}

impl Check {
    /// Checks a small file at once, through the connection, and begins to check a large one through another.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if a small file is damaged.
    pub(super) fn start(
        path: &Path,
        connection: &Connection,
        reader: impl FnOnce() -> Result<Connection, StoreError>,
        soundness: &Soundness,
    ) -> Result<Option<Self>, StoreError> {
        if size(path) <= AT_START {
            return match finding(connection, "PRAGMA integrity_check(1)")? {
                None => Ok(None),
                Some(what) => Err(StoreError::Corrupt(what)),
            };
        }
        let reader = reader()?;
        let interrupt = reader.get_interrupt_handle();
        let soundness = soundness.clone();
        let run = move || match check(&reader) {
            Ok(None) => {}
            Ok(Some(what)) => {
                tracing::error!(%what, "the database file is damaged; nothing is read or written any more");
                soundness.damaged(what);
            }
            Err(error) => tracing::warn!(%error, "the database file was not checked to its end"),
        };
        let thread = std::thread::Builder::new().name("check".to_owned()).spawn(run);
        let thread = thread.map_err(|error| StoreError::Unwritable(format!("begin to check the file: {error}")))?;
        Ok(Some(Self { interrupt, thread: Some(thread) }))
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        self.interrupt.interrupt();
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and nobody waits for its work.
            thread.join().ok();
        }
    }
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").finish_non_exhaustive()
    }
}

/// Checks table by table, since the log cannot be begun anew while one is looked at. Gives the first finding.
fn check(connection: &Connection) -> Result<Option<String>, StoreError> {
    let doing = failed("check the file");
    let began = Instant::now();
    let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").map_err(&doing)?;
    let tables = statement.query_map([], |row| row.get::<_, String>(0)).map_err(&doing)?;
    let tables = tables.collect::<Result<Vec<_>, _>>().map_err(&doing)?;
    drop(statement);
    for table in tables.iter().map(String::as_str).chain(["sqlite_schema"]) {
        if let Some(what) = finding(connection, &format!("PRAGMA integrity_check('{table}')"))? {
            return Ok(Some(format!("table {table}: {what}")));
        }
    }
    tracing::info!(seconds = began.elapsed().as_secs_f32(), "checked the database file: it is sound");
    Ok(None)
}

/// First finding of a check; `None` if it finds nothing.
fn finding(connection: &Connection, statement: &str) -> Result<Option<String>, StoreError> {
    match connection.query_row(statement, [], |row| row.get::<_, String>(0)).map_err(failed("check the file")) {
        Ok(soundness) if soundness == "ok" => Ok(None),
        // It says on which tree and page, on lines of their own.
        Ok(what) => Ok(Some(what.lines().map(str::trim).collect::<Vec<_>>().join(" "))),
        Err(StoreError::Corrupt(what)) => Ok(Some(what)),
        Err(other) => Err(other),
    }
}

/// Bytes of the file and its log; what is missing counts nothing.
fn size(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    [path.as_os_str(), &log].iter().filter_map(|path| Path::new(path).metadata().ok()).map(|found| found.len()).sum()
}
