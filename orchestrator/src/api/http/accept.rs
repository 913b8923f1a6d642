//! Acceptance of connections: each gets a seat, a task and clocks, or is sent away with the reason.

use std::convert::Infallible;
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use nix::errno::Errno;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::body::Guarded;
use super::seats::{Admission, Seat, Seats};
use super::socket::{Lateness, Socket};
use super::{Arrival, Edge, descriptors, farewell};

/// Most bytes of a request's head, and of what is read of a body at once.
const READ_BUFFER: usize = 64 * 1024;
/// Longest wait for the seat of a connection that was told to go. It only has to be looked at by its own task.
const HANDOVER: Duration = Duration::from_secs(1);
/// Pause after a failure to accept that is no fault of a client.
const REST: Duration = Duration::from_millis(100);

/// Server of one listener.
#[derive(Debug)]
pub(in super::super) struct Server {
    /// Bounds and times of the edge.
    edge: Arc<Edge>,
    /// Handlers of all requests.
    router: Router,
    /// Settings of TLS; `None` for HTTP in the clear.
    tls: Option<Arc<ServerConfig>>,
    /// Seats for connections.
    seats: Arc<Seats>,
    /// Token that is cancelled when the process is to stop.
    stop: CancellationToken,
    /// Longest time that requests may take once the process was told to stop.
    grace: Duration,
    /// Tasks of the open connections.
    tasks: TaskTracker,
    /// Descriptor to give up when there is no other, so that whoever knocks can be sent away.
    reserve: Option<File>,
}

impl Server {
    /// Server with as many seats as are configured and the descriptors allow.
    pub(in super::super) fn new(
        edge: Arc<Edge>,
        router: Router,
        tls: Option<Arc<ServerConfig>>,
        stop: CancellationToken,
        grace: Duration,
    ) -> Self {
        let (ordinary, spare) = descriptors::places(edge.max_connections, edge.descriptors);
        let seats = Seats::new(ordinary, spare);
        Self { edge, router, tls, seats, stop, grace, tasks: TaskTracker::new(), reserve: reserve() }
    }

    /// Takes connections until told to stop. Returns once the last of them is closed.
    pub(in super::super) async fn run(mut self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer).await,
                Err(error) => self.recover(&listener, &error).await,
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Gives a new connection a seat, after another one gave way if need be, or sends it away.
    async fn admit(&self, stream: TcpStream, peer: SocketAddr) {
        let until = tokio::time::Instant::now() + HANDOVER;
        loop {
            match self.seats.admit() {
                Admission::Seated(seat) => {
                    self.serve(stream, peer, seat);
                    return;
                }
                Admission::Wait if tokio::time::timeout_at(until, self.seats.freed()).await.is_ok() => {}
                Admission::Wait | Admission::Full => {
                    refused("connections");
                    self.send_away(&stream);
                    return;
                }
            }
        }
    }

    /// Says why a connection is not taken, where that can be said without a TLS handshake.
    fn send_away(&self, stream: &TcpStream) {
        if self.tls.is_none() {
            stream.try_write(&farewell::full()).ok();
        }
    }

    /// Answers a connection on a task of its own.
    fn serve(&self, stream: TcpStream, peer: SocketAddr, seat: Arc<Seat>) {
        let Ok(local) = stream.local_addr() else { return };
        // An answer is written at once; nothing more comes that it could wait for.
        stream.set_nodelay(true).ok();
        let arrival = Arrival { local, peer, spare: seat.is_spare };
        let socket = Socket::new(stream, seat.clone(), self.edge.times, self.tls.is_none());
        let (router, stop, grace) = (self.router.clone(), self.stop.clone(), self.grace);
        match self.tls.clone() {
            None => drop(self.tasks.spawn(connection(socket, seat, router, arrival, stop, grace))),
            Some(config) => drop(self.tasks.spawn(async move {
                let acceptor = TlsAcceptor::from(config);
                if let Some(stream) = shake_hands(&acceptor, socket, &seat, &stop).await {
                    connection(stream, seat, router, arrival, stop, grace).await;
                }
            })),
        }
    }

    /// Deals with a failure to accept. Without a descriptor a resting connection gives way, or the reserve is used to
    /// send the newcomer away.
    async fn recover(&mut self, listener: &TcpListener, error: &io::Error) {
        let no_descriptor = matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EMFILE | Errno::ENFILE));
        if !no_descriptor {
            // The client may be gone already; anything else is worth a word, and not worth the processor.
            if error.kind() != io::ErrorKind::ConnectionAborted {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(REST).await;
            }
            return;
        }
        if self.seats.evict() {
            tokio::time::timeout(HANDOVER, self.seats.freed()).await.ok();
            return;
        }
        tracing::warn!("no descriptor is left (ulimit -n): a connection is sent away");
        self.reserve = None;
        if let Ok(Ok((stream, _))) = tokio::time::timeout(REST, listener.accept()).await {
            refused("descriptors");
            self.send_away(&stream);
        }
        self.reserve = reserve();
        tokio::time::sleep(REST).await;
    }
}

/// A descriptor of nothing.
fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

/// Shakes hands for TLS. `None` if the client does not, the seat is needed, or the process stops. The clocks of the
/// socket run meanwhile.
async fn shake_hands(
    acceptor: &TlsAcceptor,
    socket: Socket,
    seat: &Seat,
    stop: &CancellationToken,
) -> Option<TlsStream<Socket>> {
    let mut handshake = Box::pin(acceptor.accept(socket));
    loop {
        tokio::select! {
            outcome = &mut handshake => match outcome {
                Ok(stream) => return Some(stream),
                Err(error) => {
                    refused("tls");
                    tracing::debug!(%error, "a client did not speak TLS");
                    return None;
                }
            },
            () = seat.evicted() => if seat.gives_way() {
                refused("evicted");
                return None;
            },
            () = stop.cancelled() => return None,
        }
    }
}

/// Stream that a connection goes over.
trait Carrier: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Socket below.
    fn socket(&self) -> &Socket;

    /// Socket, if words in the clear may be said on it.
    fn into_plain(self) -> Option<Socket>;
}

impl Carrier for Socket {
    fn socket(&self) -> &Socket {
        self
    }

    fn into_plain(self) -> Option<Socket> {
        Some(self)
    }
}

impl Carrier for TlsStream<Socket> {
    fn socket(&self) -> &Socket {
        self.get_ref().0
    }

    fn into_plain(self) -> Option<Socket> {
        None
    }
}

/// Answers the requests of one connection until the client or a clock ends it, the seat is needed, or the process
/// stops.
async fn connection<C: Carrier>(
    carrier: C,
    seat: Arc<Seat>,
    router: Router,
    arrival: Arrival,
    stop: CancellationToken,
    grace: Duration,
) {
    let answers = service_fn(|mut request: Request<Incoming>| {
        let turn = seat.begin();
        request.extensions_mut().insert(arrival);
        let answer = router.clone().oneshot(request.map(Body::new));
        async move {
            let Ok(response): Result<Response<Body>, Infallible> = answer.await;
            Ok::<_, Infallible>(response.map(|body| Guarded::new(body, turn)))
        }
    });
    let mut connection = http1::Builder::new()
        .keep_alive(!arrival.spare)
        .max_buf_size(READ_BUFFER)
        // The socket has a clock of its own, which tells a rest from a head.
        .header_read_timeout(None::<Duration>)
        .serve_connection(TokioIo::new(carrier), answers);
    let evicted = loop {
        tokio::select! {
            // A request that has arrived is begun before anything else is looked at.
            biased;
            _ = &mut connection => break false,
            () = seat.evicted() => if seat.gives_way() { break true },
            () = stop.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                tokio::time::timeout(grace, &mut connection).await.ok();
                return;
            }
        }
    };
    let carrier = connection.into_parts().io.into_inner();
    match (evicted, carrier.socket().lateness()) {
        (true, _) => {
            refused("evicted");
            // Between two requests a word would be taken for the answer of the next.
            if let Some(socket) = carrier.into_plain().filter(|_| !seat.has_served()) {
                socket.close_with(&farewell::full());
            }
        }
        (false, Some(Lateness::Head)) => refused("head_timeout"),
        (false, Some(Lateness::Answer)) => refused("write_timeout"),
        (false, Some(Lateness::Idle) | None) => {}
    }
}

/// Counts a refusal at the edge by its reason.
fn refused(reason: &'static str) {
    metrics::counter!("warrener_http_refused_total", "reason" => reason).increment(1);
}
