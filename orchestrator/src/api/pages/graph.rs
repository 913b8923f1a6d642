//! The graph of a job as a page.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, PreEscaped, html};
use warrener_shared::graph::{self, GraphNode};
use warrener_shared::id::JobId;

use super::super::app::App;
use super::super::graph::JobGraph;
use super::super::job;
use super::super::path::JobPath;
use super::super::problem::Problem;
use super::super::query::Parameters;
use super::super::route::QueryParameter;
use super::frame::show;
use super::job::sheet;
use super::visit::Visit;

/// Nodes that are shown one by one unless all are asked for.
const NODES: usize = 300;
/// Most nodes that are shown one by one: beyond that a browser takes long to draw them, and nobody sees anything.
const NODES_MAX: usize = 5_000;

/// Asks for every task of a large graph.
pub(super) const ALL: &QueryParameter = &QueryParameter {
    name: "all",
    about: "Shows each task of a large graph.",
    schema: || serde_json::json!({ "type": "boolean", "default": false }),
    example: || serde_json::json!(true),
};

pub(super) async fn get(
    State(app): State<Arc<App>>,
    visit: Visit,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let all = parameters.flag("all")?;
    app.read(move |app, snapshot| {
        let entry = job::entry(app, snapshot, &id)?;
        let job = job::shown(app, snapshot, &id)?;
        let nodes = JobGraph::read(snapshot, &entry)?.nodes;
        let inner = picture(&visit, &id, &nodes, all);
        Ok(show(&visit, &sheet(&visit, &job, "graph", inner)))
    })
    .await
}

fn picture(visit: &Visit, id: &JobId, nodes: &[GraphNode], all: bool) -> Markup {
    let (is_large, is_huge) = (nodes.len() > NODES, nodes.len() > NODES_MAX);
    let all = all && !is_huge;
    let groups = if is_large && !all { Some(graph::grouped(nodes, NODES)) } else { None };
    let shown = groups.as_deref().unwrap_or(nodes);
    let link = |node: &GraphNode| match groups {
        // A group leads to all of them, since no page is of a group.
        Some(_) if node.task.contains('…') => None,
        _ => Some(visit.to(&["jobs", id.as_str(), "tasks", &node.task])),
    };
    let drawing = graph::draw(shown);
    html! {
        @if is_large {
            p.options {
                (nodes.len()) " tasks. "
                @if is_huge { "Those of one kind or place stand together: each would be more than one can see." }
                @else if all { a href=(visit.with(&[("all", "")])) { "Group them by kind" } }
                @else {
                    "Those of one kind stand together. " a href=(visit.with(&[("all", "true")])) { "Show each task" }
                }
            }
        }
        div.actions.zoom hidden {
            button type="button" data-zoom="in" { "Larger" }
            button type="button" data-zoom="out" { "Smaller" }
            button type="button" data-zoom="fit" { "All of it" }
            button type="button" data-zoom="running" aria-pressed="false" { "Follow what runs" }
        }
        div.canvas data-pan tabindex="0" role="group" aria-label="Graph of the tasks; the tab Tasks lists the same" {
            (PreEscaped(graph::svg(id.as_str(), shown, &drawing, link)))
        }
    }
}
