//! Seats: the connections that there are, and which of them makes room for another.
//!
//! A connection that rests, between two requests, may be told to go for a newcomer. One that is being answered never
//! is, unless its client has stopped to send its body. A few spare seats are for probes while all others are busy.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Context;

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

/// Time after which a body that does not come on makes its connection one that gives way.
const STALL: Duration = Duration::from_secs(1);

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
    /// Number of rests and stalls begun so far, which numbers the next.
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
    /// Connections whose bodies are awaited, by the number of their stall, with its start: the longest first.
    stalled: BTreeMap<u64, (Instant, Arc<Eviction>)>,
}

/// Stall of a body: it does not come on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stall {
    no: u64,
    since: Instant,
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
    /// Number of the stall that it has now; 0 while no body is awaited.
    stall: AtomicU64,
    /// True once the answer to the request that is worked on is there, and only has to be sent.
    answered: AtomicBool,
    /// Number of the turn that is cut short; 0 for none.
    cut: AtomicU64,
    /// Notified when a turn is to be cut short.
    told_cut: Notify,
    /// Number of changes between resting and working.
    turns: AtomicU64,
    /// Task that has to look at the clocks of the connection again when it begins to rest.
    watcher: AtomicWaker,
}

/// A request that is worked on. The connection rests again once this is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Seat>);

/// Line to a client, which can be cut while its request is worked on.
#[derive(Clone, Debug)]
pub(in super::super) struct ClientLine {
    seat: Weak<Seat>,
    /// Turn of the request.
    turn: u64,
}

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
    /// gives way, or else the one whose body stalls for longest, so that whoever only holds connections keeps nobody
    /// out.
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
            stall: AtomicU64::new(0),
            answered: AtomicBool::new(false),
            cut: AtomicU64::new(0),
            told_cut: Notify::new(),
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
        let eviction = match self.resting.pop_first() {
            Some((_, eviction)) => eviction,
            // It stays in its row: its body may still come before it goes.
            None => match self.stalled.first_key_value() {
                Some((_, (since, eviction))) if since.elapsed() >= STALL => eviction.clone(),
                _ => return false,
            },
        };
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
        self.answered.store(false, Ordering::Relaxed);
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
        let goes = self.is_resting() || self.is_stalled();
        if !goes {
            self.has_left(self.seats.book().row(self.is_spare));
            self.seats.freed.notify_one();
        }
        goes
    }

    /// Notes that the body of the request is awaited, since `before` if it was awaited then.
    pub(super) fn stall(&self, before: Option<Stall>) -> Stall {
        let mut book = self.seats.book();
        let stall = before.unwrap_or_else(|| {
            book.rests += 1;
            Stall { no: book.rests, since: Instant::now() }
        });
        book.row(self.is_spare).stalled.insert(stall.no, (stall.since, self.eviction.clone()));
        self.stall.store(stall.no, Ordering::Relaxed);
        stall
    }

    /// Notes that no body is awaited.
    pub(super) fn go_on(&self) {
        if self.stall.load(Ordering::Relaxed) != 0 {
            let mut book = self.seats.book();
            book.row(self.is_spare).stalled.remove(&self.stall.swap(0, Ordering::Relaxed));
        }
    }

    /// Tells whether a body is awaited that stalls for long enough to make the connection go.
    fn is_stalled(&self) -> bool {
        let mut book = self.seats.book();
        let stall = book.row(self.is_spare).stalled.get(&self.stall.load(Ordering::Relaxed));
        stall.is_some_and(|(since, _)| since.elapsed() >= STALL)
    }

    /// Notes that the answer to the request is there.
    pub(super) fn has_answer(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Tells whether a word may be said before the connection is closed. Between two requests it would be taken for
    /// the answer of the next, and beside an answer for that.
    pub(super) fn may_be_told(&self) -> bool {
        if self.is_resting() { !self.has_served() } else { !self.answered.load(Ordering::Relaxed) }
    }

    /// Returns once a turn is to be cut short.
    pub(super) async fn told_cut(&self) {
        self.told_cut.notified().await;
    }

    /// Tells whether the request that is worked on is the one to be cut short.
    pub(super) fn is_cut(&self) -> bool {
        !self.is_resting() && self.cut.load(Ordering::Relaxed) == self.turns()
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

impl ClientLine {
    /// Line of the request that a seat has begun to work on.
    pub(super) fn of(seat: &Arc<Seat>) -> Self {
        Self { seat: Arc::downgrade(seat), turn: seat.turns() }
    }

    /// Has the connection closed, unless the request is over.
    pub(in super::super) fn cut(&self) {
        let Some(seat) = self.seat.upgrade() else { return };
        seat.cut.store(self.turn, Ordering::Relaxed);
        seat.told_cut.notify_one();
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
        row.stalled.remove(&self.stall.load(Ordering::Relaxed));
        self.has_left(row);
        drop(book);
        self.seats.freed.notify_one();
    }
}

#[cfg(test)]
mod tests;
