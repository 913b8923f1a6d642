//! Queues: what waits in them, who serves them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use warrener_shared::id::QueueName;
use warrener_shared::shown;

use super::super::app::App;
use super::super::asked_by::AskedBy;
use super::super::path::{PathText, no_queue};
use super::super::problem::Problem;
use super::super::queues::{self, QueueResource};
use super::action::go_to;
use super::encoding::percent;
use super::frame::{Sheet, show};
use super::list;
use super::visit::Visit;
use super::{badge, when};

pub(super) async fn list(State(app): State<Arc<App>>, visit: Visit) -> Result<Response, Problem> {
    app.read(move |app, snapshot| {
        let all = queues::resources(app, snapshot)?;
        let body = html! {
            h1 data-again="5" { "Queues" }
            @if all.is_empty() { p.empty { "There is no queue yet. One exists once a job or a worker names it." } }
            @else { (table(&visit, &all)) }
        };
        Ok(show(&visit, &Sheet { title: "Queues", place: "queues", body }))
    })
    .await
}

fn table(visit: &Visit, queues: &[QueueResource]) -> Markup {
    html! {
        (list::table(&["Queue", "Ready", "Oldest", "Dispatched", "Workers", "At the broker", ""], &html! {
            @for queue in queues { (row(visit, queue)) }
        }))
    }
}

fn row(visit: &Visit, queue: &QueueResource) -> Markup {
    let jobs = format!("{}?q={}", visit.to(&["jobs"]), percent(&format!("queue:{} state:running", queue.name)));
    let word = if queue.paused { "resume" } else { "pause" };
    html! {
        tr {
            td.main data-label="Queue" {
                a href=(jobs) { (queue.name) }
                @if queue.paused { " " (badge::state("paused")) }
            }
            td.number data-label="Ready" { (queue.ready) }
            td data-label="Oldest" { (when::ago(queue.oldest_ready_at.as_deref(), visit.now)) }
            td.number data-label="Dispatched" { (queue.dispatched) }
            td.number data-label="Workers" {
                @if queue.workers == 0 && queue.ready > 0 { strong.bad { "none" } } @else { (queue.workers) }
            }
            td data-label="At the broker" { code { (shown::line(&queue.address)) } }
            td data-label="" {
                @if visit.may_operate_all() {
                    form method="post" action=(visit.to(&["queues", &queue.name, "do", word])) {
                        button type="submit" { (if queue.paused { "Resume" } else { "Pause" }) }
                    }
                }
            }
        }
    }
}

pub(super) async fn steer(
    State(app): State<Arc<App>>,
    visit: Visit,
    AskedBy(caller): AskedBy,
    PathText((name, word)): PathText<(String, String)>,
) -> Result<Response, Problem> {
    let name = QueueName::new(&name).map_err(|_| no_queue(&name))?;
    let paused = match word.as_str() {
        "pause" => true,
        "resume" => false,
        _ => return Err(Problem::not_found("a queue can be paused and resumed, nothing else".to_owned())),
    };
    queues::steer(&app, &caller, &name, paused).await?;
    Ok(go_to(&visit.to(&["queues"])))
}
