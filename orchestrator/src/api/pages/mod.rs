//! The dashboard: pages for people, over what the API reads and does.
//!
//! Every page is made here, of the resources of the API, and needs no JavaScript to be read. The URL is the state.

mod action;
mod answer;
mod asset;
mod audit;
mod backfill;
mod badge;
mod bulk;
mod columns;
mod config;
mod cookie;
mod dead;
mod encoding;
mod form;
mod frame;
mod graph;
mod job;
mod jobs;
mod limits;
mod list;
mod log;
mod overview;
mod queues;
mod refusal;
mod schedules;
mod sign_in;
mod submit;
mod table;
mod task;
mod timeline;
mod tree;
mod value;
mod visit;
mod when;
mod why;
mod workers;

pub(super) use self::cookie::{SESSION, find as find_cookie};
pub(super) use self::refusal::as_page;
pub(super) use self::table::PAGES;

#[cfg(test)]
mod tests;
