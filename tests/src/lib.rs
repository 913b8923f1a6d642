//! The library of the tests of the whole: real brokers, started and broken at will, and clusters of real processes.

pub mod broker;
pub mod certificates;
pub mod client;
pub mod cluster;
pub mod database;
pub mod events;
pub mod postgres;
pub mod raw;
pub mod wait;
