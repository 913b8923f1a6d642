//! Warrener from outside: real processes on a real broker, driven over AMQP as users do it.

#![allow(clippy::unwrap_used, reason = "a test that can't go on shall panic")]

mod choice;
mod conformance;
mod contract;
mod dashboard;
mod delays;
mod dev;
mod doctor;
mod edge;
mod graphs;
mod hostile;
mod kill;
mod openapi;
mod operate;
mod patterns;
mod polyglot;
mod rust;
mod schedules;
mod silence;
mod traces;
mod waiting;
