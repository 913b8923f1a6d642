//! Sockets with clocks: a client has to send its head in time and to take what it asked for.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::seats::Seat;
use super::{Times, farewell};

/// Bytes that count as progress of an answer. A client that takes single bytes now and then holds the memory of its
/// answer as well as one that takes none.
const STEP: usize = 16 * 1024;

/// Longest time for reading what a refused client still sends.
const LINGER: Duration = Duration::from_secs(1);
/// Most bytes that are read of it.
const LINGER_BYTES: usize = 4 * 1024 * 1024;

/// Stream of one connection, which fails once its client is too slow.
#[derive(Debug)]
pub(super) struct Socket {
    /// The stream.
    stream: TcpStream,
    /// Seat of the connection, which knows whether it rests.
    seat: Arc<Seat>,
    /// Longest times.
    times: Times,
    /// True if HTTP is spoken on it in the clear, so that a last word can be said.
    is_plain: bool,
    /// Time by which a head must come.
    reading: Deadline,
    /// Time by which the client must take some of an answer.
    writing: Deadline,
    /// Bytes that arrived since the connection began to rest.
    arrived: usize,
    /// Turns of the seat when something was last read, which tell whether that rest still goes on.
    turns: u64,
    /// Bytes that were taken since the clock of writing was last set.
    written: usize,
    /// Slowness for which the connection was ended.
    lateness: Option<Lateness>,
}

/// Slowness of a client for which its connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lateness {
    /// Rest between two requests that took too long.
    Idle,
    /// Head that began and did not end, or a first request that never came.
    Head,
    /// Answer that was not taken.
    Answer,
}

/// A point in time that belongs to one thing that is waited for.
#[derive(Debug, Default)]
struct Deadline {
    /// Timer, kept for the next wait.
    sleep: Option<Pin<Box<Sleep>>>,
    /// Number of the wait that the time was set for; 0 for none.
    set_for: u64,
}

impl Deadline {
    /// Ready once `limit` has passed since this was first asked with the same `what`, a number other than 0.
    fn poll(&mut self, cx: &mut Context<'_>, what: u64, limit: Duration) -> Poll<()> {
        if self.set_for != what {
            self.set_for = what;
            let at = Instant::now() + limit;
            match &mut self.sleep {
                Some(sleep) => sleep.as_mut().reset(at),
                None => self.sleep = Some(Box::pin(tokio::time::sleep_until(at))),
            }
        }
        self.sleep.as_mut().expect("it was set").as_mut().poll(cx)
    }

    /// Ends the wait, so that the next one begins anew.
    const fn forget(&mut self) {
        self.set_for = 0;
    }
}

impl Socket {
    /// Socket of a connection that has just begun.
    pub(super) fn new(stream: TcpStream, seat: Arc<Seat>, times: Times, is_plain: bool) -> Self {
        Self {
            stream,
            seat,
            times,
            is_plain,
            reading: Deadline::default(),
            writing: Deadline::default(),
            arrived: 0,
            turns: 0,
            written: 0,
            lateness: None,
        }
    }

    /// Slowness for which the connection was ended; `None` if it was not.
    pub(super) const fn lateness(&self) -> Option<Lateness> {
        self.lateness
    }

    /// Says a last word, as far as it can be said without waiting, and closes.
    pub(super) fn close_with(self, word: &[u8]) {
        // A client that takes nothing gets nothing: there is no one to wait for.
        self.stream.try_write(word).ok();
    }

    /// Says that nothing more comes, and reads for a moment what the client still sends, so that it gets to read why it
    /// was refused.
    pub(super) async fn linger(mut self) {
        self.stream.shutdown().await.ok();
        let read = async {
            let (mut buffer, mut seen) = (vec![0; 16 * 1024], 0);
            while let Ok(count) = self.stream.read(&mut buffer).await {
                seen += count;
                if count == 0 || seen > LINGER_BYTES {
                    break;
                }
            }
        };
        tokio::time::timeout(LINGER, read).await.ok();
    }

    /// Ready once the client let its time for a head pass. Pending while a request is worked on.
    fn poll_lateness(&mut self, cx: &mut Context<'_>) -> Poll<Lateness> {
        // The answer may end after the last look at what comes next.
        if !self.seat.poll_resting(cx) {
            self.reading.forget();
            return Poll::Pending;
        }
        let (limit, lateness) = match self.arrived == 0 && self.seat.has_served() {
            true => (self.times.idle, Lateness::Idle),
            false => (self.times.head, Lateness::Head),
        };
        // The first byte of a head begins another wait than the rest before it.
        let what = self.turns * 2 + u64::from(self.arrived > 0) + 1;
        self.reading.poll(cx, what, limit).map(|()| lateness)
    }

    /// Notes why the connection ends, and makes the error that ends it.
    fn late(&mut self, lateness: Lateness) -> io::Error {
        self.lateness = Some(lateness);
        io::ErrorKind::TimedOut.into()
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let turns = self.seat.turns();
        if self.turns != turns {
            self.turns = turns;
            self.arrived = 0;
        }
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                self.arrived += buf.filled().len() - before;
                Poll::Ready(outcome)
            }
            Poll::Pending => {
                let lateness = ready!(self.poll_lateness(cx));
                if lateness == Lateness::Head && self.is_plain {
                    // Said now: whoever is told of the error next closes the stream.
                    self.stream.try_write(&farewell::slow_head()).ok();
                }
                Poll::Ready(Err(self.late(lateness)))
            }
        }
    }
}

impl Socket {
    /// Counts what the client took of an answer. An error once it took less than [`STEP`] bytes in its time.
    fn poll_progress(&mut self, cx: &mut Context<'_>, taken: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match taken {
            Poll::Ready(Ok(count)) => {
                self.written += count;
                if self.written >= STEP {
                    self.written = 0;
                    self.writing.forget();
                }
                Poll::Ready(Ok(count))
            }
            Poll::Pending => {
                let (what, limit) = (self.seat.turns() + 1, self.times.write);
                ready!(self.writing.poll(cx, what, limit));
                Poll::Ready(Err(self.late(Lateness::Answer)))
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_progress(cx, taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.poll_progress(cx, taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
