//! The socket as the client library sees it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use async_rs::Runtime;
use async_rs::traits::Reactor;
use async_rs::util::RuntimeParts;
use futures_io::{AsyncRead, AsyncWrite};
use futures_util::task::AtomicWaker;
use lapin::tcp::{AMQPUriTcpExt, AsyncTcpStream, OwnedTLSConfig};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};

use super::frames::Frames;

/// Handle of a connection whose socket the library owns: to cut it off, and to learn the broker's version.
#[derive(Debug, Default)]
pub(crate) struct SocketHandle {
    cut: AtomicBool,
    reader: AtomicWaker,
    version: OnceLock<String>,
}

impl SocketHandle {
    /// Ends the connection at once. The library writes nothing to a broker that has blocked it, not even a farewell,
    /// and waits for a greeting without limit; its thread and socket would stay.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
    }

    /// The broker's version; empty before it has greeted.
    pub(crate) fn version(&self) -> &str {
        self.version.get().map_or("", String::as_str)
    }
}

/// Connects through a socket that can be cut and whose frames are harmless.
pub(crate) async fn connect(
    uri: AMQPUri,
    properties: ConnectionProperties,
    tls: OwnedTLSConfig,
    line: Arc<SocketHandle>,
) -> lapin::Result<Connection> {
    warm_up();
    let sockets = Runtime::tokio_current();
    let limit = uri.query.connection_timeout.map_or(Duration::MAX, Duration::from_millis);
    let runtime = Runtime::new(RuntimeParts::new(async_rs::Tokio::current(), Sockets(async_rs::Tokio::current())));
    let open = async move |uri: AMQPUri, _| {
        let connecting = uri.connect_with_config_async(tls.as_ref(), &sockets);
        let socket = tokio::time::timeout(limit, connecting).await.map_err(io::Error::from)??;
        Ok(AsyncTcpStream::Plain(Stream::new(socket, Arc::clone(&line))))
    };
    Connection::connector(uri, runtime, open, properties).await
}

/// Outside of our runtime, as on the library's own thread when a connection ends, its sockets fall back to a runtime
/// of their own. That is made at first use: if no descriptor is free then, it panics, and so does every use after it.
fn warm_up() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let made = std::thread::spawn(|| drop(async_compat::Compat::new(()))).join();
        if made.is_err() {
            tracing::error!("too few files may be open: connections to the broker will not end in order");
        }
    });
}

type TcpSocket = AsyncTcpStream<<async_rs::Tokio as Reactor>::TcpStream>;

/// A socket, plain or TLS, with the frames that come in cleaned.
pub(crate) struct Stream {
    socket: TcpSocket,
    frames: Frames,
    read: Box<[u8]>,
    clean: Vec<u8>,
    /// Bytes of `clean` that the library has taken.
    given: usize,
    line: Arc<SocketHandle>,
}

impl Stream {
    fn new(socket: TcpSocket, line: Arc<SocketHandle>) -> Self {
        let read = vec![0; READ_AT_ONCE].into_boxed_slice();
        Self { socket, frames: Frames::default(), read, clean: Vec::new(), given: 0, line }
    }

    fn give(&mut self, buffer: &mut [u8]) -> usize {
        let count = buffer.len().min(self.clean.len() - self.given);
        buffer[..count].copy_from_slice(&self.clean[self.given..self.given + count]);
        self.given += count;
        count
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        // Before the look at the mark, so that a cut in between wakes us.
        this.line.reader.register(cx.waker());
        if this.line.cut.load(Ordering::Acquire) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "we ended the connection")));
        }
        while this.given == this.clean.len() {
            this.clean.clear();
            this.given = 0;
            let count = ready!(Pin::new(&mut this.socket).poll_read(cx, &mut this.read))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            this.frames.feed(&this.read[..count], &mut this.clean)?;
            if let Some(version) = this.frames.take_version() {
                this.line.version.get_or_init(|| version);
            }
        }
        Poll::Ready(Ok(this.give(buffer)))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, parts)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// Tokio, but for the type of its sockets.
#[derive(Clone, Debug)]
struct Sockets(async_rs::Tokio);

impl Reactor for Sockets {
    type TcpStream = Stream;
    type Sleep = <async_rs::Tokio as Reactor>::Sleep;

    /// The library connects by address only.
    fn register<H: io::Read + io::Write + Send + 'static>(
        &self,
        _: H,
    ) -> io::Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
        Err::<Stream, _>(io::ErrorKind::Unsupported.into())
    }

    fn sleep(&self, time: Duration) -> Self::Sleep {
        self.0.sleep(time)
    }

    fn interval(&self, time: Duration) -> impl futures_util::Stream<Item = Instant> + Send + 'static {
        self.0.interval(time)
    }

    fn tcp_connect_addr(&self, address: SocketAddr) -> impl Future<Output = io::Result<Stream>> + Send + 'static {
        let connecting = self.0.tcp_connect_addr(address);
        async move { Ok(Stream::new(AsyncTcpStream::Plain(connecting.await?), Arc::default())) }
    }
}

/// Half of what the library reads at once.
const READ_AT_ONCE: usize = 64 * 1024;
