//! Taking connections.

use std::convert::Infallible;
use std::fs::File;
use std::io;
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
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::body::Guarded;
use super::seats::{Admission, Seat, Seats};
use super::socket::{Lateness, Socket};
use super::{Arrival, Edge, descriptors, farewell};

/// Bytes of a head, and of what is read of a body at once.
const READ_BUFFER: usize = 64 * 1024;
/// Longest wait for the place of a connection that was told to go. It only has to be looked at by its own task.
const HANDOVER: Duration = Duration::from_secs(1);
/// Pause after a failure to accept that has nothing to do with the client.
const REST: Duration = Duration::from_millis(100);

/// Answers requests on one listener.
#[derive(Debug)]
pub(in super::super) struct Server {
    edge: Arc<Edge>,
    router: Router,
    seats: Arc<Seats>,
    stop: CancellationToken,
    /// How long requests may take once the process was told to stop.
    grace: Duration,
    tasks: TaskTracker,
    /// A descriptor to give up when there is no other, so that whoever knocks can be sent away.
    reserve: Option<File>,
}

impl Server {
    pub(in super::super) fn new(edge: Arc<Edge>, router: Router, stop: CancellationToken, grace: Duration) -> Self {
        let (ordinary, spare) = descriptors::places(edge.max_connections, edge.descriptors);
        let seats = Seats::new(ordinary, spare);
        Self { edge, router, seats, stop, grace, tasks: TaskTracker::new(), reserve: reserve() }
    }

    /// Takes connections until told to stop, and returns once the last of them is closed.
    pub(in super::super) async fn run(mut self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => self.admit(stream).await,
                Err(error) => self.recover(&listener, &error).await,
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn admit(&self, stream: TcpStream) {
        let until = tokio::time::Instant::now() + HANDOVER;
        loop {
            match self.seats.admit() {
                Admission::Seated(seat) => {
                    self.serve(stream, seat);
                    return;
                }
                Admission::Wait if tokio::time::timeout_at(until, self.seats.freed()).await.is_ok() => {}
                Admission::Wait | Admission::Full => {
                    refused("connections");
                    stream.try_write(&farewell::full()).ok();
                    return;
                }
            }
        }
    }

    fn serve(&self, stream: TcpStream, seat: Arc<Seat>) {
        let Ok(local) = stream.local_addr() else { return };
        // An answer is written at once; nothing more comes that it could wait for.
        stream.set_nodelay(true).ok();
        let arrival = Arrival { local, spare: seat.is_spare };
        let socket = Socket::new(stream, seat.clone(), self.edge.times);
        let connection = connection(socket, seat, self.router.clone(), arrival, self.stop.clone(), self.grace);
        self.tasks.spawn(connection);
    }

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
            stream.try_write(&farewell::full()).ok();
        }
        self.reserve = reserve();
        tokio::time::sleep(REST).await;
    }
}

fn reserve() -> Option<File> {
    File::open("/dev/null").ok()
}

async fn connection(
    socket: Socket,
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
        .serve_connection(TokioIo::new(socket), answers);
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
    let socket = connection.into_parts().io.into_inner();
    match (evicted, socket.lateness()) {
        (true, _) => {
            refused("evicted");
            // Between two requests a word would be taken for the answer of the next.
            if !seat.has_served() {
                socket.close_with(&farewell::full());
            }
        }
        (false, Some(Lateness::Head)) => refused("head_timeout"),
        (false, Some(Lateness::Answer)) => refused("write_timeout"),
        (false, Some(Lateness::Idle) | None) => {}
    }
}

fn refused(reason: &'static str) {
    metrics::counter!("warrener_http_refused_total", "reason" => reason).increment(1);
}
