//! A route: a method of a path, as data. The router, the gate's checks and the document of the API come from a table of
//! these.

use std::sync::Arc;

use axum::http::Method;
use axum::routing::MethodRouter;

use super::app::App;
use super::documented::RouteDocument;
use super::http::ReadLane;
pub(super) use super::parameter::{
    AFTER, AUDIT_FILTER, CURSOR, DELAYED_FILTER, DRY_RUN, EVENT_FILTER, FILTER, FOLLOW, ITEMS, KEEP, KEY_FILTER, LIMIT,
    QueryParameter, SORT, TICKS, WAIT,
};
use crate::access::Scope;

/// A method of a path.
pub(super) struct Route {
    /// Method. `GET` takes nothing from the writer: it answers while the writer is stopped.
    pub(super) method: Method,
    /// Path as the router writes it, with a name in braces for each part that varies.
    pub(super) path: &'static str,
    /// Demand on the caller.
    pub(super) demand: Demand,
    /// Lane whose permit it takes.
    pub(super) lane: ReadLane,
    /// Parameters that its query may have; `None` for a path that is asked by probes, which send what they like.
    pub(super) query: Option<&'static [&'static QueryParameter]>,
    /// Makes its description in the document of the API; `None` of a page.
    pub(super) document: Option<fn() -> RouteDocument>,
    /// Handler that answers.
    pub(super) handler: fn() -> MethodRouter<Arc<App>>,
}

/// Demand on whoever asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    /// No demand: the answer tells no more than that there is an orchestrator, and comes before all others.
    Nothing,
    /// Scope that the caller must have, and its reach if only some jobs exist for it.
    Scope(Scope, Reach),
}

/// Reach of a caller for whom only some jobs exist (`only`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The job that this part of the path names, if it is one of them.
    Job(&'static str),
    /// The dead letter that this part of the path names, if it is of one of them.
    Letter(&'static str),
    /// Things that belong to them: the handler leaves out the rest.
    Own,
    /// Reach to everything, because it is of no job.
    Everything,
    /// No reach: the route is closed to such a caller.
    Nothing,
}
