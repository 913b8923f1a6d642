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
use super::jobs::pages;
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
        let filter = visit.get("q").unwrap_or("");
        let body = html! {
            h1 { "Audit" }
            form.search method="get" action=(visit.to(&["audit"])) role="search" {
                label for="q" { "Filter" }
                input #q name="q" type="search" value=(filter) autocomplete="off" spellcheck="false" maxlength="2000"
                    placeholder="who:ci verb:job.* outcome:refused time:<1d";
                button type="submit" { "Show" }
            }
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
        table.list data-list {
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Who" } th scope="col" { "From" } th scope="col" { "What" }
                th scope="col" { "Of what" } th scope="col" { "Outcome" } th scope="col" { "Reason" }
            } }
            tbody {
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
            }
        }
    }
}

fn target(visit: &Visit, row: &AuditResource) -> Markup {
    html! {
        @if row.verb.starts_with("job.") { a href=(visit.to(&["jobs", &row.target])) { (shown::line(&row.target)) } }
        @else { (shown::line(&row.target)) }
    }
}
