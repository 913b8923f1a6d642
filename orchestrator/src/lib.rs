//! The orchestrator: keeps jobs, dispatches their tasks in order, tracks what workers report.
//!
//! The rules are in the crate `warrener-engine`. Here are the loop that applies them ([`driver`]), the database that
//! keeps them ([`store`]), the broker side and the HTTP interface.

pub mod access;
mod api;
mod broker;
pub mod config;
mod delays;
pub mod driver;
pub mod filter;
pub mod limits;
mod notices;
mod pulse;
mod queues;
mod rows;
pub mod service;
pub mod shared;
pub mod store;
mod traces;
