//! The edge of the HTTP interface: who may ask, how much at once, and for how long.
//!
//! Everything that a stranger can hold (connections, heads, bodies, permits, memory, descriptors) has a bound here, so
//! that the resources behind it need none.

mod accept;
mod answers;
mod body;
mod bound;
mod descriptors;
mod farewell;
mod guard;
mod host;
mod lanes;
mod room;
mod seats;
mod socket;
mod upload;
mod worded;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::body::Bodies;
use self::host::Hosts;
use self::lanes::Lanes;
use super::problem::{self, Problem};
use crate::config::Http;

pub(super) use self::accept::Server;
pub(super) use self::body::{Received, receive};
pub(super) use self::bound::BodyBound;
pub(super) use self::guard::guard;
pub(super) use self::lanes::ReadLane;
pub(super) use self::seats::ClientLine;

/// The edge: its rules, and what is left of each bound. One for all listeners of a process.
#[derive(Debug)]
pub(crate) struct Edge {
    /// Hosts and origins that are ours.
    hosts: Hosts,
    /// Permits to read.
    lanes: Lanes,
    /// Memory for large bodies.
    bodies: Bodies,
    /// Permits of submits that wait for the end of their job.
    waiting: Semaphore,
    /// Permits of those who follow streams.
    streams: Arc<Semaphore>,
    /// Longest times.
    times: Times,
    /// Connections that are wished for.
    max_connections: usize,
    /// Descriptors that the process may have open.
    descriptors: usize,
}

/// Longest times that a client may take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Time for the head of a request, from its first byte or from the start of the connection.
    head: Duration,
    /// Time between two pieces of a body.
    body: Duration,
    /// Time for taking the next part of an answer.
    write: Duration,
    /// Time between two requests.
    idle: Duration,
}

/// Connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Address of this machine that was asked.
    pub(super) local: SocketAddr,
    /// Address that asks, perhaps a proxy's.
    pub(super) peer: SocketAddr,
    /// True for a connection beyond the ordinary ones, on which only liveness and readiness are answered.
    pub(super) spare: bool,
}

impl Edge {
    /// Edge as it is configured, for a process that may have so many descriptors open.
    pub(crate) fn new(http: &Http, descriptors: usize) -> Self {
        Self {
            hosts: Hosts::new(http),
            lanes: Lanes::new(http),
            bodies: Bodies::new(http),
            waiting: Semaphore::new(http.max_waiting),
            streams: Arc::new(Semaphore::new(http.max_streams.min(Semaphore::MAX_PERMITS))),
            times: Times {
                head: http.head_timeout,
                body: http.body_timeout,
                write: http.write_timeout,
                idle: http.idle_timeout,
            },
            max_connections: http.max_connections,
            descriptors,
        }
    }

    /// Waits for a permit to answer in this lane; `None` where none is needed.
    pub(super) async fn enter(&self, lane: ReadLane) -> Result<Option<tokio::sync::SemaphorePermit<'_>>, Problem> {
        self.lanes.enter(lane).await
    }

    /// Takes room for an answer until it is sent. Gives a refusal instead if there is none in time. `permit` is dropped
    /// before others are waited for.
    pub(super) async fn send<P: Send>(
        &self,
        response: axum::response::Response,
        line: Option<ClientLine>,
        permit: P,
    ) -> axum::response::Response {
        self.bodies.send(response, line, permit).await
    }

    /// Takes a place among the submits that wait for the end of their job, given back when the permit is dropped. Busy
    /// if all are taken.
    pub(super) fn wait(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
        self.waiting.try_acquire().map_err(|_| {
            Problem::busy(
                problem::TOO_MANY_WAITING,
                "as many requests as may (http.max_waiting) wait for the end of their jobs; submit without `wait` and \
                 look at the job later",
            )
        })
    }

    /// A place among those who follow streams, for as long as it is held.
    pub(super) fn follow(&self) -> Result<OwnedSemaphorePermit, Problem> {
        self.streams.clone().try_acquire_owned().map_err(|_| {
            metrics::counter!("warrener_http_refused_total", "reason" => "streams").increment(1);
            Problem::busy(
                problem::TOO_MANY_STREAMS,
                "as many streams as may be (http.max_streams) are followed; ask for pages, or try again in a moment",
            )
        })
    }
}
