//! Views of the database: reading for the API and the publisher of events. A view never waits for the writer.

mod audit;
mod bulk;
mod counts;
mod dead;
mod delayed;
mod ended;
mod events;
pub mod filter;
mod jobs;
mod logs;
mod order;
mod rows;
mod schedules;
mod tasks;
mod traces;
mod walk;
mod window;

use std::ops::ControlFlow;

pub use self::audit::AuditRecord;
pub(crate) use self::bulk::Matching;
pub use self::counts::{Mapped, Opened};
pub use self::dead::{DeadGroup, DeadHead, DeadRow};
pub use self::delayed::DELAYED_SLICE;
pub use self::ended::EndedMark;
pub(crate) use self::events::CommittedChunk;
pub use self::events::{ChunkHead, EventChunk};
pub use self::jobs::{JobPage, JobRecord};
pub use self::logs::LogLine;
pub use self::order::JobOrder;
pub use self::schedules::{OpenTicks, TickRecord};
pub use self::tasks::TaskMark;
use super::StoreError;
use super::sql::{Reader, Readers, Row, Value};

/// Bytes of payloads after which a page of a list ends early, though not before its first element.
pub const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Readers of a database, behind which either SQLite or PostgreSQL stands. Shared by all requests.
#[derive(Debug)]
pub struct View {
    /// Pool of connections.
    readers: Box<dyn Readers>,
}

/// The database at one moment. Whatever is read of it belongs together.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// Connection in a transaction that only reads.
    reader: &'a dyn Reader,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// Elements of this page, in the order of the list.
    pub items: Vec<T>,
    /// True if there are more after them.
    pub more: bool,
}

impl View {
    /// View over a pool of connections.
    pub(super) fn over(readers: impl Readers + 'static) -> Self {
        Self { readers: Box::new(readers) }
    }

    /// Reads several things as they were at one and the same moment. Blocks while the database is read.
    ///
    /// # Errors
    /// Those of `look`, and [`StoreError`] if the database cannot be read.
    pub fn read<T, E: From<StoreError>>(&self, look: impl FnOnce(&mut Snapshot<'_>) -> Result<T, E>) -> Result<T, E> {
        let (mut look, mut outcome) = (Some(look), None);
        self.readers.show(&mut |reader| outcome = look.take().map(|look| look(&mut Snapshot { reader })))?;
        outcome.expect("readers show the database once, or say why they cannot")
    }
}

impl Snapshot<'_> {
    /// Reads elements until the page is full, by number or by bytes. `read` gives an element and its bytes.
    fn page<T>(
        &self,
        doing: &'static str,
        statement: &str,
        values: &[Value<'_>],
        limit: usize,
        read: impl Fn(&dyn Row) -> Result<(T, usize), StoreError>,
    ) -> Result<Page<T>, StoreError> {
        let mut pages = Pages::new(limit);
        self.reader.each(doing, statement, values, &mut |row| pages.add(|| read(row)))?;
        Ok(pages.page)
    }
}

/// Number of rows that a page asks for: one more than fits, enough to know whether there are more.
fn one_more(limit: usize) -> Value<'static> {
    super::sql::limit(limit.saturating_add(1))
}

/// A page that is being filled.
struct Pages<T> {
    /// The page so far.
    page: Page<T>,
    /// Most elements.
    limit: usize,
    /// Bytes of the payloads so far.
    bytes: usize,
}

impl<T> Pages<T> {
    /// Empty page of at most `limit` elements.
    const fn new(limit: usize) -> Self {
        Self { page: Page { items: Vec::new(), more: false }, limit, bytes: 0 }
    }

    /// Adds the next element with its bytes. Breaks if the page is full: then there is more.
    fn add(&mut self, read: impl FnOnce() -> Result<(T, usize), StoreError>) -> Result<ControlFlow<()>, StoreError> {
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
