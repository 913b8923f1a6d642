//! Reading for others: the API and the publisher of events. Never waits for the writer.

mod counts;
mod dead;
mod events;
pub mod filter;
mod jobs;
mod logs;
mod tasks;
mod walk;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

pub use self::counts::{Mapped, Opened};
pub use self::dead::{DeadHead, DeadRow};
pub use self::events::{ChunkHead, EventChunk};
pub use self::jobs::JobRecord;
pub use self::logs::LogLine;
use super::super::StoreError;
use super::{failed, open};

/// Connections that are kept open while nobody reads; more are closed after use.
const IDLE: usize = 8;
/// Bytes of payloads on one page of a list; a page that reaches them ends early, after at least one element.
pub const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Readers of the database.
#[derive(Debug)]
pub struct View {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

/// The database at one moment.
#[derive(Debug)]
pub struct Snapshot<'a> {
    connection: &'a Connection,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Whether there are more after them.
    pub more: bool,
}

impl View {
    /// Readers of the database in this file, which exists.
    ///
    /// # Errors
    /// [`StoreError::Open`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let first = open::reader(path)?;
        Ok(Self { path: path.to_owned(), idle: Mutex::new(vec![first]) })
    }

    /// Reads several things as they were at one and the same moment. Blocks while the disk is read.
    ///
    /// # Errors
    /// Those of `look`, and [`StoreError`] if the database cannot be read.
    pub fn read<T, E: From<StoreError>>(&self, look: impl FnOnce(&Snapshot<'_>) -> Result<T, E>) -> Result<T, E> {
        let mut connection = self.take()?;
        let transaction = connection.transaction().map_err(failed("begin to read"))?;
        let outcome = look(&Snapshot { connection: &transaction });
        // Nothing was written, so there is nothing to commit.
        transaction.finish().map_err(failed("end reading"))?;
        self.give_back(connection);
        outcome
    }

    fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| open::reader(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

/// Takes elements until the page is full, by number or by bytes, and tells whether there are more.
fn page<T>(
    mut rows: rusqlite::Rows<'_>,
    limit: usize,
    read: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<(T, usize)>,
) -> rusqlite::Result<Page<T>> {
    let mut pages = Pages::new(limit);
    while let Some(row) = rows.next()? {
        if pages.add(|| read(row))?.is_break() {
            break;
        }
    }
    Ok(pages.page)
}

/// A page that is being filled.
struct Pages<T> {
    page: Page<T>,
    limit: usize,
    bytes: usize,
}

impl<T> Pages<T> {
    const fn new(limit: usize) -> Self {
        Self { page: Page { items: Vec::new(), more: false }, limit, bytes: 0 }
    }

    /// Takes one more element, of so many bytes, or finds the page full: then there is more.
    fn add(&mut self, read: impl FnOnce() -> rusqlite::Result<(T, usize)>) -> rusqlite::Result<ControlFlow<()>> {
        if self.page.items.len() == self.limit || self.bytes >= PAGE_BYTES {
            self.page.more = true;
            return Ok(ControlFlow::Break(()));
        }
        let (item, size) = read()?;
        self.page.items.push(item);
        self.bytes += size;
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests;
