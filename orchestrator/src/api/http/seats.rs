//! Seats: the connections that there are, and which of them makes room for another.
//!
//! A connection that rests, between two requests, may be told to go for a newcomer. One that is being answered never
//! is. A few spare seats are for probes while all others are busy.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// All seats of a listener.
#[derive(Debug)]
pub(super) struct Seats {
    /// Number of ordinary seats.
    ordinary: usize,
    /// Number of spare seats.
    spare: usize,
    /// Connections that have seats.
    book: Mutex<Book>,
    /// Notified whenever a seat becomes free.
    freed: Notify,
}

/// Connections by the sort of their seats.
#[derive(Debug, Default)]
struct Book {
    /// Connections on ordinary seats.
    ordinary: SeatRow,
    /// Connections on spare seats.
    spare: SeatRow,
    /// Number of rests begun so far, which numbers the next.
    rests: u64,
}

/// Seats of one sort.
#[derive(Debug, Default)]
struct SeatRow {
    /// Seats that are taken.
    taken: usize,
    /// Connections among them that were told to go and are not gone yet.
    leaving: usize,
    /// Connections that wait for a request, by the number of their rest: the longest wait first.
    resting: BTreeMap<u64, Arc<Eviction>>,
}

/// Word to a connection that it has to go.
#[derive(Debug, Default)]
struct Eviction {
    /// Notified when it has to go.
    told: Notify,
    /// True from when it was told to go until it went or stayed.
    is_leaving: AtomicBool,
}

/// Seat of one connection, free again once this is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    /// All seats.
    seats: Arc<Seats>,
    /// True if it is one of the spare seats.
    pub(super) is_spare: bool,
    /// Word that the connection has to go.
    eviction: Arc<Eviction>,
    /// Number of the rest that it has now; 0 while a request is worked on.
    rest: AtomicU64,
    /// True once a request was answered on it.
    served: AtomicBool,
    /// Number of changes between resting and working.
    turns: AtomicU64,
    /// Task that has to look at the clocks of the connection again when it begins to rest.
    watcher: AtomicWaker,
}

/// A request that is worked on. The connection rests again once this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Seat>);

/// Decision about a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// The connection has a place.
    Seated(Arc<Seat>),
    /// Another connection was told to go; ask again once a seat is free.
    Wait,
    /// Refusal: every seat is taken by a connection that is being answered.
    Full,
}

impl Seats {
    /// Seats, all free.
    pub(super) fn new(ordinary: usize, spare: usize) -> Arc<Self> {
        Arc::new(Self { ordinary, spare, book: Mutex::default(), freed: Notify::new() })
    }

    /// Decides about one more connection.
    ///
    /// Connections that are being answered keep their seats. Of the others the one that waited longest for its client
    /// gives way, so that whoever only holds connections keeps nobody out.
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

    /// Returns once a seat became free since the last call.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Takes a seat; the connection rests at first.
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

    /// Connections that have seats, locked. A holder that panicked leaves them usable.
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Seats of a sort.
    const fn row(&mut self, is_spare: bool) -> &mut SeatRow {
        if is_spare { &mut self.spare } else { &mut self.ordinary }
    }
}

impl SeatRow {
    /// Tells one to go, unless one is leaving already. False if none rests.
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

    /// Ends the work on a request: the connection rests.
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
    /// is told to go.
    pub(super) fn gives_way(&self) -> bool {
        let goes = self.is_resting();
        if !goes {
            self.has_left(self.seats.book().row(self.is_spare));
            self.seats.freed.notify_one();
        }
        goes
    }

    /// Notes that the connection, told to go, went or stayed.
    fn has_left(&self, row: &mut SeatRow) {
        if self.eviction.is_leaving.swap(false, Ordering::Relaxed) {
            row.leaving -= 1;
        }
    }

    /// Tells whether the connection waits for a request.
    pub(super) fn is_resting(&self) -> bool {
        self.rest.load(Ordering::Relaxed) != 0
    }

    /// Tells whether the connection waits for a request. If not, the task is woken once it does.
    pub(super) fn poll_resting(&self, cx: &Context<'_>) -> bool {
        self.watcher.register(cx.waker());
        self.is_resting()
    }

    /// Tells whether a request was ever answered on the connection.
    pub(super) fn has_served(&self) -> bool {
        self.served.load(Ordering::Relaxed)
    }

    /// Number that changes whenever the connection begins to rest or to work.
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
