//! `GET /audit`: who changed what. The cursor is the number of the last row seen.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::documented::{Example, says};
use super::http::ReadLane;
use super::problem::Problem;
use super::query::Parameters;
use super::route::{AUDIT_FILTER, CURSOR, Demand, LIMIT, Reach, Route};
use super::shape::List;
use crate::access::Scope;
use crate::filter;
use crate::store::view::filter::Filter;
use crate::store::view::{AuditRecord, Snapshot};

/// Row of the table of all routes.
pub(super) const ROUTE: Route = Route {
    method: Method::GET,
    path: "/api/v1/audit",
    demand: Demand::Scope(Scope::Admin, Reach::Nothing),
    lane: ReadLane::List,
    query: Some(&[AUDIT_FILTER, CURSOR, LIMIT]),
    document: Some(|| says("Who changed what, the newest first").list::<AuditResource>("A page of changes.")),
    handler: || get(list),
};

/// A row of the audit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditRow)]
pub(super) struct AuditResource {
    /// Time of the change.
    pub(super) time: String,
    /// Name of the token, or of the person whom a proxy signed in.
    pub(super) who: String,
    /// Address that the request came from; null if it did not come over HTTP.
    pub(super) from: Option<String>,
    /// Verb of the change, such as `job.cancel`.
    pub(super) verb: String,
    /// Target of the change: an id, an address or a name.
    pub(super) target: String,
    /// `done`, or `refused` where the state of things did not allow it.
    pub(super) outcome: String,
    /// Reason of a refusal.
    pub(super) reason: Option<String>,
}

impl Example for AuditResource {
    fn example() -> Self {
        Self {
            time: "2026-11-24T15:03:23.120Z".to_owned(),
            who: "ci".to_owned(),
            from: Some("192.0.2.7".to_owned()),
            verb: "job.cancel".to_owned(),
            target: "order-4711".to_owned(),
            outcome: "done".to_owned(),
            reason: None,
        }
    }
}

impl From<AuditRecord> for AuditResource {
    fn from(record: AuditRecord) -> Self {
        let row = record.row;
        Self {
            time: row.time.to_rfc3339(),
            who: row.who.to_string(),
            from: row.from,
            verb: row.verb.into_owned(),
            target: row.target,
            outcome: row.outcome.into_owned(),
            reason: row.reason,
        }
    }
}

/// Page of the audit, the newest first.
pub(super) async fn list(State(app): State<Arc<App>>, parameters: Parameters) -> Result<Response, Problem> {
    let wanted = AuditWanted::of(&parameters)?;
    app.answer(move |app, snapshot| wanted.read(app, snapshot)).await
}

/// The part of the audit that is asked for.
#[derive(Debug)]
pub(super) struct AuditWanted {
    filter: Filter,
    before: Option<i64>,
    limit: usize,
}

impl AuditWanted {
    /// Parameters of a request as what they ask for.
    pub(super) fn of(parameters: &Parameters) -> Result<Self, Problem> {
        let filter = parameters.get("q").unwrap_or("");
        let filter = filter::parse_audit(filter).map_err(|why| Problem::parameter("q", why))?;
        let before = parameters.cursor(|text| text.parse().ok().filter(|no: &i64| *no > 0))?;
        Ok(Self { filter, before, limit: parameters.limit()? })
    }

    /// Reads it.
    pub(super) fn read(&self, app: &App, snapshot: &Snapshot<'_>) -> Result<List<AuditResource>, Problem> {
        let page = snapshot.audit(&self.filter, self.before, self.limit, app.shared.now())?;
        let next_cursor = page.items.last().filter(|_| page.more).map(|last| last.no.to_string());
        Ok(List { items: page.items.into_iter().map(AuditResource::from).collect(), next_cursor })
    }
}
