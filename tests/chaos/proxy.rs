//! A proxy before the broker that understands frames: it cuts at a chosen moment, delays, and falls silent.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::frame::{ACK, DELIVER, Frame, PUBLISH};

/// See the module. Dropped, it takes no more connections.
#[derive(Debug)]
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

/// Treatment of everything that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Passes it on.
    Open,
    /// Passes it on, so much later.
    Slow(Duration),
    /// Reads nothing and passes nothing on; connections stay.
    Silent,
    /// Takes no connections.
    Closed,
}

/// A moment to cut a connection at, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trap {
    /// In the middle of a publish.
    Publish,
    /// After the broker took a publish, before its confirm arrives.
    Confirm,
    /// After a confirm arrived, before an acknowledgement gets through.
    Ack,
    /// In the middle of a delivery.
    Delivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToBroker,
    ToClient,
}

#[derive(Debug)]
struct State {
    broker: u16,
    mode: watch::Sender<Mode>,
    trap: Mutex<Option<Trap>>,
    /// Set once a confirm arrived after the trap was set.
    confirmed: AtomicBool,
    sprung: AtomicU32,
    /// Ends every connection of now.
    cut: Mutex<CancellationToken>,
    open: AtomicU32,
    end: CancellationToken,
}

impl Proxy {
    /// Starts one before the broker on this port.
    pub(crate) async fn start(broker: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let state = Arc::new(State {
            broker,
            mode: watch::Sender::new(Mode::Open),
            trap: Mutex::default(),
            confirmed: AtomicBool::default(),
            sprung: AtomicU32::default(),
            cut: Mutex::default(),
            open: AtomicU32::default(),
            end: CancellationToken::new(),
        });
        tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self { port, state })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.state.mode.send_replace(mode);
    }

    /// Ends all connections; tells how many there were.
    pub(crate) fn cut(&self) -> u32 {
        let mut cut = self.state.cut.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *cut).cancel();
        self.state.open.load(Ordering::Relaxed)
    }

    /// Sets a trap; whatever was set before is taken away.
    pub(crate) fn set_trap(&self, trap: Option<Trap>) {
        self.state.confirmed.store(false, Ordering::Relaxed);
        *self.state.trap.lock().unwrap_or_else(PoisonError::into_inner) = trap;
    }

    /// Number of traps that were sprung.
    pub(crate) fn sprung(&self) -> u32 {
        self.state.sprung.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.end.cancel();
        self.cut();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    loop {
        tokio::select! {
            () = state.end.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => drop(tokio::spawn(connection(client, Arc::clone(&state)))),
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

async fn connection(client: TcpStream, state: Arc<State>) {
    if *state.mode.borrow() == Mode::Closed {
        return;
    }
    let Ok(broker) = TcpStream::connect((Ipv4Addr::LOCALHOST, state.broker)).await else { return };
    // Without it small frames wait for one another.
    client.set_nodelay(true).ok();
    broker.set_nodelay(true).ok();
    let end = state.cut.lock().unwrap_or_else(PoisonError::into_inner).child_token();
    let ((from_client, to_client), (from_broker, to_broker)) = (client.into_split(), broker.into_split());
    state.open.fetch_add(1, Ordering::Relaxed);
    tokio::join!(
        pump(from_client, to_broker, Direction::ToBroker, &state, &end),
        pump(from_broker, to_client, Direction::ToClient, &state, &end),
    );
    state.open.fetch_sub(1, Ordering::Relaxed);
}

/// Passes frames on in one direction until the connection ends on either side.
async fn pump(from: OwnedReadHalf, to: OwnedWriteHalf, way: Direction, state: &State, end: &CancellationToken) {
    let (waiting, line) = mpsc::channel(LINE);
    tokio::select! {
        () = end.cancelled() => {}
        _ = async { tokio::join!(receive(from, way, state, waiting, end), send(to, way, state, line, end)) } => {}
    }
    end.cancel();
}

/// Part of the stream that waits, and the moment until which it does.
enum Passing {
    Greeting([u8; 8]),
    Frame(Instant, Frame),
}

async fn receive(
    mut from: OwnedReadHalf,
    way: Direction,
    state: &State,
    line: mpsc::Sender<Passing>,
    end: &CancellationToken,
) {
    let mut mode = state.mode.subscribe();
    if way == Direction::ToBroker {
        let mut greeting = [0; 8];
        if from.read_exact(&mut greeting).await.is_err() || line.send(Passing::Greeting(greeting)).await.is_err() {
            return end.cancel();
        }
    }
    loop {
        if mode.wait_for(|mode| *mode != Mode::Silent).await.is_err() {
            return end.cancel();
        }
        let Ok(frame) = Frame::read(&mut from).await else { return end.cancel() };
        let later = match *mode.borrow() {
            Mode::Slow(later) => later,
            _ => Duration::ZERO,
        };
        if line.send(Passing::Frame(Instant::now() + later, frame)).await.is_err() {
            return end.cancel();
        }
    }
}

async fn send(
    mut to: OwnedWriteHalf,
    way: Direction,
    state: &State,
    mut line: mpsc::Receiver<Passing>,
    end: &CancellationToken,
) {
    let mut mode = state.mode.subscribe();
    while let Some(passing) = line.recv().await {
        let sent = match passing {
            Passing::Greeting(bytes) => to.write_all(&bytes).await,
            Passing::Frame(at, frame) => {
                sleep_until(at).await;
                if mode.wait_for(|mode| *mode != Mode::Silent).await.is_err() {
                    break;
                }
                match state.springs(way, &frame) {
                    None => frame.write(&mut to).await,
                    Some(is_half) => {
                        if is_half {
                            frame.write_half(&mut to).await.ok();
                        }
                        break;
                    }
                }
            }
        };
        if sent.is_err() {
            break;
        }
    }
    end.cancel();
}

impl State {
    /// Springs the trap if this is its frame; then tells whether half of it still goes out.
    fn springs(&self, way: Direction, frame: &Frame) -> Option<bool> {
        let mut trap = self.trap.lock().unwrap_or_else(PoisonError::into_inner);
        let method = frame.method();
        let is_half = match ((*trap)?, way) {
            (Trap::Publish, Direction::ToBroker) if method == PUBLISH => true,
            (Trap::Delivery, Direction::ToClient) if method == DELIVER => true,
            (Trap::Confirm, Direction::ToClient) if method == ACK => false,
            (Trap::Ack, Direction::ToClient) if method == ACK => {
                self.confirmed.store(true, Ordering::Relaxed);
                return None;
            }
            (Trap::Ack, Direction::ToBroker) if method == ACK && self.confirmed.load(Ordering::Relaxed) => false,
            _ => return None,
        };
        *trap = None;
        self.sprung.fetch_add(1, Ordering::Relaxed);
        Some(is_half)
    }
}

/// Frames of one direction that wait, for a delay.
const LINE: usize = 1_024;
