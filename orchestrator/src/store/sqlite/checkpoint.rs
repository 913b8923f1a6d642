//! Checkpoints: copying what is committed from the log into the database file, on a thread of its own, so that no
//! commit waits for it.
//!
//! The thread comes up to where the log ended when it began, while the writer goes on; under steady load it never meets
//! the end, and the log would grow for ever. So the writer itself copies what is left when the log has become long:
//! then its next commit begins the log anew. That is little, because the thread has just copied and synced the rest:
//! SQLite syncs the file only at the end of the log, so all of it would wait for the writer otherwise.

use std::fs::File;
use std::mem::ManuallyDrop;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{StoreError, failed};

/// Time between two looks of the thread: little enough to copy at a time that the disk is not taken from the commits.
const EVERY: Duration = Duration::from_millis(250);
/// Least pages added to the log for which the thread copies: less would be copied again and again.
const FEW: i64 = 1_000;
/// Pages in the log from which on the writer copies the rest: 64 MiB.
const MANY: i64 = 16_384;
/// Most pages that the writer should be left to copy: a few milliseconds.
const REST: i64 = 256;
/// Most times that the thread tries to leave so few, before the writer copies what there is.
const TRIES: usize = 4;

/// The thread that copies. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Pages in the log when the thread last looked.
    pages: Arc<AtomicI64>,
    /// Sender whose end stops the thread.
    stop: Option<SyncSender<()>>,
    /// The thread; `None` only while this is dropped.
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
        // Never closed: closing any handle of a file gives up all locks that the process has on it, SQLite's too.
        let file = ManuallyDrop::new(File::open(path).map_err(|error| refuse(error.to_string()))?);
        let pages = Arc::new(AtomicI64::new(0));
        let (stop, stopped) = sync_channel::<()>(0);
        let seen = pages.clone();
        let run = move || {
            let mut copied = 0;
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                match grown(&connection, &file, copied) {
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

    /// Copies the rest after a commit, if the log has become long. The commit stands, whatever comes of this.
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

/// Length of the log, in pages.
struct Log {
    /// Pages in the log.
    pages: i64,
    /// Pages of them that are in the database file too.
    copied: i64,
}

/// Copies if enough was added since the last time, when `copied` pages were in the file. `None` if not.
fn grown(connection: &Connection, file: &File, copied: i64) -> Result<Option<Log>, StoreError> {
    let pages = length(connection)?;
    // The writer began it anew if it is shorter than before.
    let added = if pages < copied { pages } else { pages - copied };
    if added < FEW {
        return Ok(None);
    }
    leave_little(|| copy_and_sync(connection, file), || length(connection)).map(Some)
}

/// Copies once, and again where the writer is to copy the rest, until little is left or [`TRIES`] did not bring that
/// about. Each copy takes less time than the one before, so less is committed meanwhile.
fn leave_little<E>(
    mut copy: impl FnMut() -> Result<Log, E>,
    mut length: impl FnMut() -> Result<i64, E>,
) -> Result<Log, E> {
    let mut log = copy()?;
    for _ in 0..TRIES {
        if log.pages < MANY || length()? - log.copied <= REST {
            break;
        }
        log = copy()?;
    }
    Ok(log)
}

/// Number of pages in the log. Copies nothing.
fn length(connection: &Connection) -> Result<i64, StoreError> {
    let pages = connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get(1));
    pages.map_err(failed("look at the log"))
}

/// Copies what can be copied, and syncs the file, so that the writer need not.
fn copy_and_sync(connection: &Connection, file: &File) -> Result<Log, StoreError> {
    let log = copy(connection)?;
    // A failure here is one of SQLite's own next sync too, which is the one that counts.
    file.sync_data().map_err(|error| StoreError::Unwritable(format!("sync the database: {error}")))?;
    Ok(log)
}

/// Copies what can be copied without making anybody wait.
fn copy(connection: &Connection) -> Result<Log, StoreError> {
    let doing = failed("copy the log into the database");
    let log = |row: &rusqlite::Row<'_>| Ok(Log { pages: row.get(1)?, copied: row.get(2)? });
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], log).map_err(&doing)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Number of copies, and of pages left, while so many in a hundred of the pages that a copy took come meanwhile.
    fn copies(pages: i64, percent: i64) -> (usize, i64) {
        let (end, copied, count) = (Cell::new(pages), Cell::new(0), Cell::new(0));
        let copy = || {
            let taken = end.get() - copied.get();
            copied.set(end.get());
            end.set(end.get() + taken * percent / 100);
            count.set(count.get() + 1);
            Ok::<_, ()>(Log { pages: copied.get(), copied: copied.get() })
        };
        leave_little(copy, || Ok(end.get())).unwrap();
        (count.get(), end.get() - copied.get())
    }

    #[test]
    fn the_writer_is_left_little() {
        // Nobody is to copy the rest of a short log, and of a long one not while more comes than is copied.
        assert_eq!(copies(MANY / 2, 50), (1, MANY / 4));
        assert_eq!(copies(MANY, 1), (1, MANY / 100));
        assert_eq!(copies(2 * MANY, 10), (3, 32));
        assert_eq!(copies(MANY, 100).0, 1 + TRIES);
    }
}
