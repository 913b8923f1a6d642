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
use super::seats::{Admission, ClientLine, Seat, Seats, Turn};
use super::socket::{Lateness, Socket};
use super::worded::Worded;
use super::{Arrival, Edge, descriptors, farewell, upload};

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
        let (stop, grace) = (self.stop.clone(), self.grace);
        let service = Service { router: self.router.clone(), edge: self.edge.clone(), arrival };
        match self.tls.clone() {
            None => drop(self.tasks.spawn(connection(socket, seat, service, stop, grace))),
            Some(config) => drop(self.tasks.spawn(async move {
                let acceptor = TlsAcceptor::from(config);
                if let Some(stream) = shake_hands(&acceptor, socket, &seat, &stop).await {
                    connection(stream, seat, service, stop, grace).await;
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
    service: Service,
    stop: CancellationToken,
    grace: Duration,
) {
    let answers = service_fn(|request| service.answer(request, &seat));
    let mut connection = http1::Builder::new()
        .keep_alive(!service.arrival.spare)
        .max_buf_size(READ_BUFFER)
        // The socket has a clock of its own, which tells a rest from a head.
        .header_read_timeout(None::<Duration>)
        .serve_connection(TokioIo::new(Worded::new(carrier, seat.clone())), answers);
    let end = loop {
        tokio::select! {
            // A request that has arrived is begun before anything else is looked at.
            biased;
            outcome = &mut connection => break match outcome {
                Err(error) if error.is_parse() => End::Unreadable,
                _ => End::Over,
            },
            () = seat.evicted() => if seat.gives_way() { break End::Evicted },
            () = seat.told_cut() => if seat.is_cut() { break End::Cut },
            () = stop.cancelled() => {
                std::pin::Pin::new(&mut connection).graceful_shutdown();
                tokio::time::timeout(grace, &mut connection).await.ok();
                return;
            }
        }
    };
    let may_be_told = seat.may_be_told();
    let carrier = connection.into_parts().io.into_inner().carrier;
    match (end, carrier.socket().lateness()) {
        (End::Evicted, _) => {
            refused("evicted");
            if let Some(socket) = carrier.into_plain().filter(|_| may_be_told) {
                socket.close_with(&farewell::full());
            }
        }
        (End::Unreadable, _) => {
            refused("unreadable");
            if let Some(socket) = carrier.into_plain() {
                socket.linger().await;
            }
        }
        (End::Over, Some(Lateness::Head)) => refused("head_timeout"),
        (End::Cut, _) | (End::Over, Some(Lateness::Answer)) => refused("write_timeout"),
        (End::Over, Some(Lateness::Idle) | None) => {}
    }
}

/// End of a connection.
enum End {
    /// End by the client, or by a clock.
    Over,
    /// End after something that is no request.
    Unreadable,
    /// End for somebody else who needs the seat.
    Evicted,
    /// End for others who need the memory of an answer that the client does not take.
    Cut,
}

/// Answers to the requests of one connection.
struct Service {
    router: Router,
    edge: Arc<Edge>,
    arrival: Arrival,
}

impl Service {
    /// Answers a request, once as much of its body came as somebody wants to read.
    fn answer(
        &self,
        mut request: Request<Incoming>,
        seat: &Arc<Seat>,
    ) -> impl Future<Output = Result<Response<Guarded<Turn>>, Infallible>> + use<> {
        let turn = seat.begin();
        request.extensions_mut().insert(self.arrival);
        request.extensions_mut().insert(ClientLine::of(seat));
        let (request, rest) = upload::part(request, seat);
        let answer = self.router.clone().oneshot(request);
        let (most, limit) = (self.edge.bodies.most_drained(), self.edge.times.body);
        async move {
            let Ok(response): Result<Response<Body>, Infallible> = answer.await;
            if let Some(rest) = rest {
                rest.drain(most, limit).await;
            }
            Ok(response.map(|body| Guarded::new(body, turn)))
        }
    }
}

/// Counts a refusal at the edge by its reason.
fn refused(reason: &'static str) {
    metrics::counter!("warrener_http_refused_total", "reason" => reason).increment(1);
}
