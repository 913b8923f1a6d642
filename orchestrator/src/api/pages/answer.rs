//! Answering a task that waits for an event.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::response::Response;
use maud::{Markup, html};
use warrener_engine::row::{TaskRow, WaitsFor};
use warrener_shared::id::{JobId, TaskAddress};
use warrener_shared::shown;

use super::super::answer::{self, give};
use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::http::receive;
use super::super::job;
use super::super::path::{PathText, no_job, no_task};
use super::super::problem::Problem;
use super::action::go_to;
use super::visit::Visit;
use crate::access::Scope;
use crate::rows::message;

/// The form, for a task that waits for an answer and a caller who may give it.
pub(super) fn form(visit: &Visit, row: &TaskRow, job: &JobId, name: &str) -> Markup {
    let Some(WaitsFor::Event { event, key }) = &row.waits_for else { return html! {} };
    html! {
        @if visit.may(Scope::Submit) && !row.state.is_final() {
            section.value {
                h2 { "Answer it" }
                form method="post" action=(visit.to(&["jobs", job.as_str(), "tasks", name, "answer"])) {
                    label for="answer" {
                        "JSON for event " code { (shown::line(event)) } " with key " code { (shown::line(key)) }
                        "; every task that waits for it gets it as its output"
                    }
                    textarea #answer name="answer" rows="4" spellcheck="false" { "\ntrue" }
                    div.actions { button.first type="submit" { "Answer" } }
                }
            }
        }
    }
}

pub(super) async fn send(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText((id, task)): PathText<(String, String)>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let id = JobId::new(&id).map_err(|_| no_job(&id))?;
    let address: TaskAddress = task.parse().map_err(|_| no_task(id.as_str(), &task))?;
    let (parts, body) = request.into_parts();
    let bound = answer::bound(&app);
    let bytes = receive(&app.edge, &parts.headers, body, bound.in_form()).await?.bytes;
    let field = form_urlencoded::parse(&bytes).find(|(key, _)| key == "answer");
    let payload = field.map(|(_, value)| value.into_owned().into_bytes()).unwrap_or_default();
    if payload.len() > bound.bytes {
        return Err(Problem::too_large(bound));
    }
    let place = visit.to(&["jobs", id.as_str(), "tasks", &address.to_string()]);
    let waits_for = app.read(move |app, snapshot| {
        let entry = job::entry(app, snapshot, &id)?;
        let row = message::find(snapshot, &entry, &address)?;
        Ok(row.ok_or_else(|| no_task(id.as_str(), &address.to_string()))?.waits_for)
    });
    let Some(WaitsFor::Event { event, key }) = waits_for.await? else {
        return Err(Problem::conflict("the task waits for no answer (any more)"));
    };
    give(&app, &caller, (&event, &key), payload, None).await?;
    Ok(go_to(&place))
}
