//! Copying what is committed from the log into the database file, on a thread of its own, so that no commit waits
//! for it.
//!
//! The thread comes up to where the log ended when it began, while the writer goes on; under steady load it never
//! meets the end, and the log would grow for ever. So the writer itself copies the little that is left when the log
//! has become long: then its next commit begins the log anew.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, failed};

/// How often the thread copies: little enough at a time that the disk is not taken from the commits.
const EVERY: Duration = Duration::from_millis(250);
/// Pages in the log after which the thread begins to copy: less would be copied again and again.
const FEW: i64 = 1_000;
/// Pages in the log after which the writer copies the rest: 64 MiB.
const MANY: i64 = 16_384;

/// The thread; ends with this.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Pages in the log when the thread last looked.
    pages: Arc<AtomicI64>,
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Starts the thread for the database in this file.
    ///
    /// # Errors
    /// [`StoreError`] if the file or the thread cannot be had.
    pub(super) fn start(path: &Path) -> Result<Self, StoreError> {
        let refuse = |why: String| StoreError::Open { place: path.display().to_string(), why };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| refuse(error.to_string()))?;
        connection.execute_batch("PRAGMA synchronous = FULL").map_err(|error| refuse(error.to_string()))?;
        let pages = Arc::new(AtomicI64::new(0));
        let (stop, stopped) = sync_channel::<()>(0);
        let seen = pages.clone();
        let run = move || {
            let mut copied = 0;
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                match grown(&connection, copied) {
                    Ok(None) => {}
                    Ok(Some(log)) => {
                        seen.store(log.pages, Ordering::Relaxed);
                        copied = log.copied;
                    }
                    Err(error) => tracing::warn!(%error, "the log of the database grows"),
                }
            }
        };
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(run);
        let thread = thread.map_err(|error| refuse(format!("no thread for it: {error}")))?;
        Ok(Self { pages, stop: Some(stop), thread: Some(thread) })
    }

    /// After a commit: copies the rest if the log has become long. The commit stands, whatever comes of this.
    pub(super) fn committed(&self, writer: &Connection) {
        if self.pages.load(Ordering::Relaxed) < MANY {
            return;
        }
        // A reader may stand in the way; it is tried again after the thread has looked.
        self.pages.store(0, Ordering::Relaxed);
        match copy(writer) {
            Ok(log) => tracing::debug!(log.pages, log.copied, "copied the rest of the log"),
            Err(error) => tracing::warn!(%error, "the log of the database grows"),
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed, and nobody waits for its work.
            thread.join().ok();
        }
    }
}

/// What stands in the log.
struct Log {
    pages: i64,
    /// Those of them that are in the database file too.
    copied: i64,
}

/// Copies if so much was added since the last time that it is worth it.
fn grown(connection: &Connection, copied: i64) -> Result<Option<Log>, StoreError> {
    let doing = failed("look at the log");
    // Tells the length of the log without copying anything.
    let pages: i64 = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1)).map_err(&doing)?;
    // The writer began it anew if it is shorter than before.
    let added = if pages < copied { pages } else { pages - copied };
    if added < FEW { Ok(None) } else { copy(connection).map(Some) }
}

/// Copies what can be copied without making anybody wait.
fn copy(connection: &Connection) -> Result<Log, StoreError> {
    let doing = failed("copy the log into the database");
    let log = |row: &rusqlite::Row<'_>| Ok(Log { pages: row.get(1)?, copied: row.get(2)? });
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], log).map_err(&doing)
}
