//! What the tests of the whole share: real brokers, started and broken at will.

pub mod broker;
