//! The words and the wire contract that every part of Warrener shares.
//!
//! Nothing in this crate does IO, reads a clock, draws a random number or is async: values come in as
//! arguments, and what comes out is data. So the engine, the worker, the clients and the tests speak of a
//! job, a task or an attempt in exactly the same terms.
//!
//! - [`id`], [`time`], [`state`], [`retry`], [`error`], [`limits`]: the vocabulary.
//! - [`shown`]: words of others as a person may see them.
//! - [`json`]: documents whose bytes stay as they came.
//! - [`expr`]: `${{ … }}` expressions over those documents.
//! - [`job`]: what a client submits, parsed into a graph that is known to be sound.
//! - [`graph`]: the tasks of a job as a picture.
//! - `schedule`, with the feature of this name: when a job is to be submitted by itself.
//! - [`wire`]: the messages between clients, orchestrator and workers.

pub mod error;
pub mod expr;
pub mod graph;
pub mod id;
pub mod job;
pub mod json;
pub mod limits;
#[doc(hidden)]
pub mod mutant;
pub mod retry;
#[cfg(feature = "schedule")]
pub mod schedule;
pub mod shown;
pub mod state;
pub mod time;
pub mod wire;
