//! Submitting jobs to Warrener and following them, from Rust.
//!
//! - [`JobDocument`] is what is submitted; [`Job`] writes one with the help of the compiler.
//! - [`Client`] submits over AMQP, where the broker keeps a job even while no orchestrator runs.
//! - [`HttpClient`] submits over HTTP and reads and steers everything else.
//!
//! ```no_run
#![doc = include_str!("../examples/count_client.rs")]
//! ```

pub mod amqp;
pub mod builder;
mod document;
pub mod http;

pub use self::amqp::{Client, ClientError, Finished, OutputError, Receipt};
pub use self::builder::Job;
pub use self::document::{DocumentError, JobDocument};
pub use self::http::{HttpClient, HttpError};
