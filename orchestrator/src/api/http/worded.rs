//! Refusals by the HTTP library, of what it cannot read as a request. It sends them with an empty body; here each gets
//! the problem document that every refusal has.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::farewell;
use super::seats::Seat;

/// Stream of a connection on which the library's own refusals get words.
#[derive(Debug)]
pub(super) struct Worded<C> {
    /// The stream.
    pub(super) carrier: C,
    seat: Arc<Seat>,
    /// Words that are written in place of what the library wrote; empty for none.
    words: Vec<u8>,
    /// Bytes of them that were taken.
    taken: usize,
}

impl<C> Worded<C> {
    /// Stream of the connection on this seat.
    pub(super) const fn new(carrier: C, seat: Arc<Seat>) -> Self {
        Self { carrier, seat, words: Vec::new(), taken: 0 }
    }

    /// Begins to say more if this is a refusal without words. True while there is something to be said in its place.
    fn is_to_be_worded(&mut self, bytes: &[u8]) -> bool {
        // Answers of ours are sent while their request is worked on.
        if self.words.is_empty() && bytes.starts_with(b"HTTP/1.1 4") && self.seat.is_resting() {
            self.words = words_for(bytes).unwrap_or_default();
            self.taken = 0;
        }
        !self.words.is_empty()
    }
}

/// Refusal with its words in place of one that is empty; `None` for anything else.
fn words_for(bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    // A refusal of ours has a type, also as the answer to a HEAD.
    let is_empty = text.contains("\r\ncontent-length: 0") && !text.contains("content-type:");
    let status = text.get("HTTP/1.1 ".len()..)?.get(..3)?;
    if is_empty { farewell::unreadable(status) } else { None }
}

impl<C: AsyncWrite + Unpin> Worded<C> {
    /// Writes the words, to their end. Then as many bytes of the library count as written as it gave.
    fn poll_words(&mut self, cx: &mut Context<'_>, instead_of: usize) -> Poll<io::Result<usize>> {
        while self.taken < self.words.len() {
            let count = ready!(Pin::new(&mut self.carrier).poll_write(cx, &self.words[self.taken..]))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.taken += count;
        }
        self.words.clear();
        Poll::Ready(Ok(instead_of))
    }
}

impl<C: AsyncRead + Unpin> AsyncRead for Worded<C> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.carrier).poll_read(cx, buf)
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Worded<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.is_to_be_worded(bytes) {
            return self.poll_words(cx, bytes.len());
        }
        Pin::new(&mut self.carrier).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bytes.iter().find(|slice| !slice.is_empty());
        if let Some(first) = first.filter(|first| self.is_to_be_worded(first)) {
            return self.poll_words(cx, first.len());
        }
        Pin::new(&mut self.carrier).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.carrier.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.carrier).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.carrier).poll_shutdown(cx)
    }
}
