//! The orchestrator: keeps jobs, dispatches their tasks in order, tracks what workers report.
//!
//! The rules are in the crate `warrener-engine`. Here are the loop that applies them ([`driver`]), the database that
//! keeps them ([`store`]), the broker ([`broker`]) and the HTTP interface ([`api`]).

pub mod access;
pub mod api;
pub mod broker;
pub mod config;
pub mod delays;
pub mod driver;
pub mod filter;
pub mod limits;
pub mod notices;
pub mod pulse;
pub mod queues;
mod rows;
pub mod service;
pub mod shared;
pub mod store;
pub mod traces;
