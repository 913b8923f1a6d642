//! The real binary against a small server that answers documents of the API's shape.

#![expect(clippy::unwrap_used, reason = "a test may panic, and clippy takes only functions marked #[test] for tests")]

mod confusions;
mod documents;
mod help;
mod offline;
mod reading;
mod server;
mod steering;
mod submitting;
mod terminal;
