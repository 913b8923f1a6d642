//! The surroundings of every Warrener process: configuration, telemetry, metrics, clocks, shutdown, health.
//!
//! Nothing here knows what a job is.

pub mod address;
pub mod clock;
pub mod config;
pub mod descriptors;
pub mod health;
pub mod metrics;
pub mod shutdown;
pub mod spans;
pub mod telemetry;
pub mod threads;
