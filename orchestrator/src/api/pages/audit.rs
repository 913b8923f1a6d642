//! The audit: who changed what.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;

use super::super::app::App;
use super::super::audit::{AuditResource, AuditWanted};
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::frame::{Sheet, show};
use super::list::{self, pages};
use super::visit::Visit;
use super::{badge, when};

pub(super) async fn list(
    State(app): State<Arc<App>>,
    visit: Visit,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let wanted = AuditWanted::of(&parameters)?;
    app.read(move |app, snapshot| {
        let list = wanted.read(app, snapshot)?;
        let body = html! {
            h1 { "Audit" }
            (list::search(&visit, &["audit"], "who:ci verb:job.* outcome:refused time:<1d"))
            @if list.items.is_empty() { p.empty { "Nothing was changed, or nothing fits." } }
            @else { (table(&visit, &list.items)) }
            (pages(&visit, list.next_cursor.as_deref()))
        };
        Ok(show(&visit, &Sheet { title: "Audit", place: "audit", body }))
    })
    .await
}

fn table(visit: &Visit, rows: &[AuditResource]) -> Markup {
    html! {
        (list::table(&["Time", "Who", "From", "What", "Of what", "Outcome", "Reason"], &html! {
            @for row in rows {
                    tr {
                        td data-label="Time" { (when::ago(Some(&row.time), visit.now)) }
                        td.main data-label="Who" { (shown::line(&row.who)) }
                        td data-label="From" { (row.from.as_deref().map_or_else(|| "–".into(), shown::line)) }
                        td data-label="What" { code { (shown::line(&row.verb)) } }
                        td.why data-label="Of what" { (target(visit, row)) }
                        td data-label="Outcome" { (badge::state(&row.outcome)) }
                        td.why data-label="Reason" { (shown::text(row.reason.as_deref().unwrap_or_default())) }
                    }
                }
        }))
    }
}

fn target(visit: &Visit, row: &AuditResource) -> Markup {
    html! {
        @if row.verb.starts_with("job.") { a href=(visit.to(&["jobs", &row.target])) { (shown::line(&row.target)) } }
        @else { (shown::line(&row.target)) }
    }
}
