//! The worker: takes tasks from queues, has them done by code, programs or endpoints, and reports.
//!
//! [`Worker`] is the whole of it for a program; `WARRENER_AMQP__URL` says where the broker is:
//!
//! ```no_run
#![doc = include_str!("../examples/count_worker.rs")]
//! ```
//!
//! Inputs and outputs are any types that serde reads and writes. A handler says no with a [`Failure`], which any error
//! becomes by `?`, and learns of its attempt from a [`Context`]. [`Worker::test`] runs handlers without a broker.
//! How many attempts run at once, the queues, programs and endpoints as handlers, the grace at the end: all that is
//! configuration, which `warrener config show` lists.
//!
//! Inside, [`session`] holds the rules as a pure state machine, the
//! driver connects it to the broker, and `exec` works on one attempt.

mod config;
mod context;
mod demo;
mod driver;
mod exec;
mod failure;
mod harness;
mod registry;
mod report;
pub mod session;
mod spans;
pub mod supervisor;
mod worker;

pub use self::config::{KindSection, Settings, WorkerSection};
pub use self::context::Context;
pub use self::failure::Failure;
pub use self::harness::{Trial, Tried};
pub use self::worker::{Worker, WorkerError};
