//! The worker: takes tasks from queues, has them done by code, programs or endpoints, and reports.
//!
//! [`Worker`] is the whole of it for a program. Inside, [`session`] holds the rules as a pure state machine, the
//! driver connects it to the broker, and `exec` works on one attempt.

mod config;
mod context;
mod demo;
mod driver;
mod exec;
mod failure;
mod handler;
mod registry;
mod report;
pub mod session;
mod worker;

pub use self::config::{KindSection, Settings, WorkerSection};
pub use self::context::Context;
pub use self::failure::Failure;
pub use self::worker::{Worker, WorkerError};
