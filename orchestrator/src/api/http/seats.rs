//! The connections that there are, and which of them makes room for another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// All places for connections.
#[derive(Debug)]
pub(super) struct Seats {
    ordinary: usize,
    spare: usize,
    book: Mutex<Book>,
    /// Told whenever a place becomes free.
    freed: Notify,
}

/// Connections with the places that they have.
#[derive(Debug, Default)]
struct Book {
    ordinary: SeatRow,
    spare: SeatRow,
    /// Grows with each rest that begins.
    rests: u64,
}

/// The places of one sort.
#[derive(Debug, Default)]
struct SeatRow {
    taken: usize,
    /// Connections among them that were told to go and are not gone yet.
    leaving: usize,
    /// The connections that wait for a request, the longest wait first.
    resting: BTreeMap<u64, Arc<Eviction>>,
}

/// The word to a connection that it has to go.
#[derive(Debug, Default)]
struct Eviction {
    told: Notify,
    /// Set while it was told to go and neither went nor stayed yet.
    is_leaving: AtomicBool,
}

/// The place of one connection, free again once this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    seats: Arc<Seats>,
    /// True if it is one of the spare places.
    pub(super) is_spare: bool,
    eviction: Arc<Eviction>,
    /// The number of the rest that it has now; 0 while a request is worked on.
    rest: AtomicU64,
    /// Set once a request was answered on it.
    served: AtomicBool,
    /// Number of changes between resting and working.
    turns: AtomicU64,
    /// Task that has to look at the clocks of the connection again when it begins to rest.
    watcher: AtomicWaker,
}

/// A request that is worked on; the connection rests again once this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Seat>);

/// Decision about a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// The connection has a place.
    Seated(Arc<Seat>),
    /// Another one was told to go; ask again once a place is free.
    Wait,
    /// Every place is taken by a connection that is being answered.
    Full,
}

impl Seats {
    pub(super) fn new(ordinary: usize, spare: usize) -> Arc<Self> {
        Arc::new(Self { ordinary, spare, book: Mutex::default(), freed: Notify::new() })
    }

    /// A place for one more. Connections that are being answered keep theirs; of the others the one that waited
    /// longest for its client gives way, so that whoever only holds connections keeps nobody out.
    pub(super) fn admit(self: &Arc<Self>) -> Admission {
        let mut book = self.book();
        if book.ordinary.taken < self.ordinary {
            return Admission::Seated(self.sit(&mut book, false));
        }
        if book.ordinary.evict() {
            return Admission::Wait;
        }
        if book.spare.taken < self.spare {
            return Admission::Seated(self.sit(&mut book, true));
        }
        if book.spare.evict() { Admission::Wait } else { Admission::Full }
    }

    /// Tells the connection to go that waited longest for its client. False if there is none.
    pub(super) fn evict(&self) -> bool {
        let mut book = self.book();
        book.ordinary.evict() || book.spare.evict()
    }

    /// Returns once a place became free since the last call.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    fn sit(self: &Arc<Self>, book: &mut Book, is_spare: bool) -> Arc<Seat> {
        let eviction = Arc::new(Eviction::default());
        book.rests += 1;
        let rest = book.rests;
        let row = book.row(is_spare);
        row.taken += 1;
        row.resting.insert(rest, eviction.clone());
        Arc::new(Seat {
            seats: self.clone(),
            is_spare,
            eviction,
            rest: AtomicU64::new(rest),
            served: AtomicBool::new(false),
            turns: AtomicU64::new(0),
            watcher: AtomicWaker::new(),
        })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    const fn row(&mut self, is_spare: bool) -> &mut SeatRow {
        if is_spare { &mut self.spare } else { &mut self.ordinary }
    }
}

impl SeatRow {
    fn evict(&mut self) -> bool {
        // The place of one that is on its way out is waited for before another one loses its own.
        if self.leaving > 0 {
            return true;
        }
        let Some((_, eviction)) = self.resting.pop_first() else { return false };
        eviction.is_leaving.store(true, Ordering::Relaxed);
        eviction.told.notify_one();
        self.leaving += 1;
        true
    }
}

impl Seat {
    /// Begins to work on a request.
    pub(super) fn begin(self: &Arc<Self>) -> Turn {
        let mut book = self.seats.book();
        book.row(self.is_spare).resting.remove(&self.rest.swap(0, Ordering::Relaxed));
        self.turns.fetch_add(1, Ordering::Relaxed);
        Turn(self.clone())
    }

    fn end(&self) {
        let mut book = self.seats.book();
        book.rests += 1;
        let rest = book.rests;
        book.row(self.is_spare).resting.insert(rest, self.eviction.clone());
        self.rest.store(rest, Ordering::Relaxed);
        self.served.store(true, Ordering::Relaxed);
        self.turns.fetch_add(1, Ordering::Relaxed);
        drop(book);
        self.watcher.wake();
    }

    /// Returns once the connection has to go.
    pub(super) async fn evicted(&self) {
        self.eviction.told.notified().await;
    }

    /// Tells whether the connection goes, as it was told. If a request came in the meantime it stays, and another one
    /// is asked.
    pub(super) fn gives_way(&self) -> bool {
        let goes = self.is_resting();
        if !goes {
            self.has_left(self.seats.book().row(self.is_spare));
            self.seats.freed.notify_one();
        }
        goes
    }

    fn has_left(&self, row: &mut SeatRow) {
        if self.eviction.is_leaving.swap(false, Ordering::Relaxed) {
            row.leaving -= 1;
        }
    }

    /// Tells whether the connection waits for a request.
    pub(super) fn is_resting(&self) -> bool {
        self.rest.load(Ordering::Relaxed) != 0
    }

    /// Tells whether the connection waits for a request; if not, the task is woken once it does.
    pub(super) fn poll_resting(&self, cx: &Context<'_>) -> bool {
        self.watcher.register(cx.waker());
        self.is_resting()
    }

    /// Tells whether a request was ever answered on the connection.
    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// A number that changes whenever the connection begins to rest or to work.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::Relaxed)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let seats = self.seats.clone();
        let mut book = seats.book();
        let row = book.row(self.is_spare);
        row.taken -= 1;
        row.resting.remove(&self.rest.load(Ordering::Relaxed));
        self.has_left(row);
        drop(book);
        self.seats.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
