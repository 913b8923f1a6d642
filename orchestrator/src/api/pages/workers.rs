//! Workers that were heard of lately.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::path::PathText;
use super::super::problem::Problem;
use super::super::workers::{self, WorkerResource};
use super::action::{go_to, question};
use super::frame::{Sheet, show};
use super::list;
use super::visit::Visit;
use super::when;
use crate::driver::Command;

/// Kinds of one worker that are named.
const KINDS: usize = 12;

pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit) -> Response {
    let all = workers::resources(&app);
    let body = html! {
        h1 data-again="5" { "Workers" }
        @for note in workers::wandering(&all) { div.notice { (shown::text(&note)) } }
        @if all.is_empty() {
            p.empty { "No worker was heard of in the last minute. RPC servers that send no heartbeat work unseen." }
        } @else {
            (list::table(&["Worker", "Slots", "Queues", "Kinds", "Version", "Heard of", ""], &html! {
                @for worker in &all { (row(&visit, worker)) }
            }))
        }
    };
    show(&visit, &Sheet { title: "Workers", place: "workers", body })
}

fn row(visit: &Visit, worker: &WorkerResource) -> Markup {
    let (used, slots) = (worker.running, worker.slots as usize);
    let width = (used.min(slots) * 100).checked_div(slots).unwrap_or(0);
    html! {
        tr {
            td.main data-label="Worker" {
                strong { (shown::line(&worker.id)) }
                @if worker.draining { " " span class="state paused" { "draining" } }
                @if let Some(why) = &worker.refused { div.bad { "takes nothing: " (shown::line(why)) } }
            }
            td data-label="Slots" {
                span.tally {
                    svg.bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                        rect.dispatched x="0" y="0" width=(width) height="8" {}
                    }
                    span.count { (used) "/" (slots) }
                }
            }
            td data-label="Queues" { (shown::line(&worker.queues.join(", "))) }
            td data-label="Kinds" { (kinds(&worker.kinds)) }
            td data-label="Version" { (shown::line(&worker.version)) }
            td data-label="Heard of" { (when::ago(Some(&worker.seen_at), visit.now)) }
            td data-label="" {
                @if visit.may_operate_all() && !worker.draining {
                    a.button href=(visit.to(&["workers", &worker.id, "drain"])) { "Drain" }
                }
            }
        }
    }
}

fn kinds(kinds: &[String]) -> Markup {
    html! {
        @if kinds.is_empty() { span.muted { "did not say" } }
        @for kind in kinds.iter().take(KINDS) { code { (shown::line(kind)) } " " }
        @if kinds.len() > KINDS { span.muted { "and " (kinds.len() - KINDS) " more" } }
    }
}

pub(super) async fn ask(
    State(app): State<Arc<App>>,
    visit: Visit,
    PathText(id): PathText<String>,
) -> Result<Response, Problem> {
    workers::live(&app, &id)?;
    let what = "It takes no more tasks, finishes those that it holds, and then ends.";
    Ok(question(&visit, "Drain", &id, what, &visit.to(&["workers"])))
}

pub(super) async fn drain(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText(id): PathText<String>,
) -> Result<Response, Problem> {
    workers::live(&app, &id)?;
    app.command(&caller, Command::Drain(Arc::from(id.as_str()))).await?;
    Ok(go_to(&visit.to(&["workers"])))
}
