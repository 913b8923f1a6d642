//! One method of one path, as data: from a table of these come the router and what is checked before a handler runs.

use std::sync::Arc;

use axum::http::Method;
use axum::routing::MethodRouter;

use super::app::App;
use super::http::Lane;

/// One method of one path.
pub(super) struct Route {
    /// `GET` takes nothing from the writer: it answers while the writer is stopped.
    pub(super) method: Method,
    /// As the router writes it, with a name in braces for each part that varies.
    pub(super) path: &'static str,
    /// What others who ask the same have to leave to it.
    pub(super) lane: Lane,
    /// The parameters that its query may have; `None` for a path that is asked by probes, which send what they like.
    pub(super) query: Option<&'static [&'static Parameter]>,
    /// Who answers.
    pub(super) handler: fn() -> MethodRouter<Arc<App>>,
}

/// A parameter of a query.
#[derive(Debug)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: &'static str,
}

/// Where a list goes on.
pub(super) const CURSOR: &Parameter = &Parameter { name: "cursor" };
/// Elements of a page.
pub(super) const LIMIT: &Parameter = &Parameter { name: "limit" };
/// A filter.
pub(super) const FILTER: &Parameter = &Parameter { name: "q" };
/// Whether items of mapped tasks are listed too.
pub(super) const ITEMS: &Parameter = &Parameter { name: "items" };
/// Whether a submit is only judged.
pub(super) const DRY_RUN: &Parameter = &Parameter { name: "dry_run" };
/// How long a submit waits for the end of its job.
pub(super) const WAIT: &Parameter = &Parameter { name: "wait" };
