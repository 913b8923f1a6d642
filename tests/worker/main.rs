//! A worker in this process against a real broker; the test plays the orchestrator.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod claims;
mod deaf;
mod faults;
mod refused;
mod stage;
mod work;
