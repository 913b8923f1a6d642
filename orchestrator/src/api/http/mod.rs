//! The edge of the HTTP interface: who may ask, how much at once, and for how long.
//!
//! Everything that a stranger can hold (connections, heads, bodies, permits, memory, descriptors) has a bound here, so
//! that the resources behind it need none.

mod accept;
mod body;
mod descriptors;
mod farewell;
mod guard;
mod host;
mod lanes;
mod seats;
mod socket;

use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::Semaphore;

use self::body::Bodies;
use self::host::Hosts;
use self::lanes::Lanes;
use super::problem::{self, Problem};
use crate::config::Http;

pub(super) use self::accept::Server;
pub(super) use self::body::{Received, receive};
pub(super) use self::guard::guard;
pub(super) use self::lanes::ReadLane;

/// The rules of the edge and what is left of each bound.
#[derive(Debug)]
pub struct Edge {
    hosts: Hosts,
    lanes: Lanes,
    bodies: Bodies,
    waiting: Semaphore,
    times: Times,
    max_connections: usize,
    /// Descriptors that the process may have open.
    descriptors: usize,
}

/// The longest times at the edge.
#[derive(Clone, Copy, Debug)]
struct Times {
    head: Duration,
    body: Duration,
    write: Duration,
    idle: Duration,
}

/// The connection that a request came on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The address of this machine that was asked.
    pub(super) local: SocketAddr,
    /// The address that asks.
    pub(super) peer: SocketAddr,
    /// Whether the connection is one too many, on which only the process itself is asked after.
    pub(super) spare: bool,
}

impl Edge {
    /// The edge as it is configured, for a process that may have so many descriptors open.
    pub fn new(http: &Http, descriptors: usize) -> Self {
        Self {
            hosts: Hosts::new(http),
            lanes: Lanes::new(http),
            bodies: Bodies::new(http),
            waiting: Semaphore::new(http.max_waiting),
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

    /// A permit to answer in this lane; none where none is needed.
    pub(super) async fn enter(&self, lane: ReadLane) -> Result<Option<tokio::sync::SemaphorePermit<'_>>, Problem> {
        self.lanes.enter(lane).await
    }

    /// An answer that takes room until it is sent, or is given up for want of room.
    pub(super) async fn send(&self, response: axum::response::Response) -> axum::response::Response {
        self.bodies.send(response).await
    }

    /// A place among the submits that wait for the end of their job, for as long as it is held.
    pub(super) fn wait(&self) -> Result<tokio::sync::SemaphorePermit<'_>, Problem> {
        self.waiting.try_acquire().map_err(|_| {
            Problem::busy(
                problem::TOO_MANY_WAITING,
                "as many requests as may (http.max_waiting) wait for the end of their jobs; submit without `wait` and \
                 look at the job later",
            )
        })
    }
}
