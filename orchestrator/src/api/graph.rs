//! The graph of a job, with a place for every task.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use warrener_engine::slice::JobEntry;
use warrener_shared::graph::{self, GraphNode, NODE_HEIGHT, NODE_WIDTH};
use warrener_shared::state::TaskState;

use super::app::{App, respond, to_json};
use super::documented::RouteDocument;
use super::documented::{self, Example};
use super::job;
use super::path::JobPath;
use super::problem::Problem;
use super::query::Parameters;
use super::route::QueryParameter;
use super::shape::ByState;
use super::task::item_counts;
use crate::store::view::Snapshot;

/// Form of the picture.
pub(super) const FORMAT: &QueryParameter = &QueryParameter {
    name: "format",
    about: "`json` (places and lines), `svg`, `dot` or `mermaid`.",
    schema: || json!({ "type": "string", "enum": ["json", "svg", "dot", "mermaid"], "default": "json" }),
    example: || json!("json"),
};

/// Adds the graph's other forms to the description of its route.
pub(super) fn drawn(document: RouteDocument) -> RouteDocument {
    let document = document.or_text("image/svg+xml", "<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>");
    let document = document.or_text("text/vnd.graphviz", "digraph \"order-4711\" {}");
    document.or_text("text/plain", "flowchart LR")
}

/// A graph with places in pixels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Graph)]
pub(super) struct GraphResource {
    width: f64,
    height: f64,
    nodes: Vec<GraphNodeResource>,
    edges: Vec<GraphEdgeResource>,
}

/// A task in a graph.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GraphNode)]
struct GraphNodeResource {
    task: String,
    kind: String,
    #[schema(schema_with = documented::task_state)]
    state: TaskState,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    /// Of a mapped task, how many items are in each state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = documented::counts)]
    items: Option<ByState>,
}

/// A line of a graph.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = GraphEdge)]
struct GraphEdgeResource {
    /// Name of the task that is needed.
    from: String,
    /// Name of the task that needs it.
    to: String,
    /// Points of the line, `[x, y]`.
    #[schema(schema_with = documented::points)]
    points: Vec<(f64, f64)>,
}

impl Example for GraphResource {
    fn example() -> Self {
        let node = GraphNodeResource {
            task: "task".to_owned(),
            kind: "image.resize".to_owned(),
            state: TaskState::Succeeded,
            x: 16.0,
            y: 16.0,
            width: NODE_WIDTH,
            height: NODE_HEIGHT,
            items: None,
        };
        Self { width: 212.0, height: 76.0, nodes: vec![node], edges: Vec::new() }
    }
}

/// The tasks of a job as nodes, with their counts.
pub(super) struct JobGraph {
    /// Nodes in the order in which the tasks are written.
    pub(super) nodes: Vec<GraphNode>,
    states: Vec<(TaskState, Option<ByState>)>,
}

impl JobGraph {
    /// Reads the states of all tasks of a job.
    pub(super) fn read(snapshot: &Snapshot<'_>, job: &JobEntry) -> Result<Self, Problem> {
        let count = u32::try_from(job.spec.tasks.len()).expect("the parser limits the tasks");
        let marks = snapshot.task_marks(job.row.task_no(0), count)?;
        let (mut nodes, mut states) = (Vec::new(), Vec::new());
        for (spec, mark) in job.spec.tasks.iter().zip(marks) {
            let counts = spec.for_each.is_some().then(|| item_counts(mark.state, mark.map, spec));
            let words = |counts: &ByState| {
                let all = TaskState::ALL.iter().map(|state| (state.to_string(), u64::from(counts.0.get(*state))));
                all.filter(|(_, count)| *count > 0).collect()
            };
            nodes.push(GraphNode {
                task: spec.name.to_string(),
                kind: spec.kind.to_string(),
                state: mark.state.to_string(),
                items: counts.as_ref().map(words),
                needs: spec.needs.iter().map(|need| *need as usize).collect(),
            });
            states.push((mark.state, counts));
        }
        Ok(Self { nodes, states })
    }

    fn resource(self) -> GraphResource {
        let drawing = graph::draw(&self.nodes);
        let name = |at: usize| self.nodes[at].task.clone();
        let edges = drawing.edges.into_iter();
        let edges =
            edges.map(|edge| GraphEdgeResource { from: name(edge.from), to: name(edge.to), points: edge.points });
        let edges = edges.collect();
        let nodes = self.nodes.into_iter().zip(self.states).zip(drawing.corners);
        let nodes = nodes.map(|((node, (state, items)), (x, y))| GraphNodeResource {
            task: node.task,
            kind: node.kind,
            state,
            x,
            y,
            width: NODE_WIDTH,
            height: NODE_HEIGHT,
            items,
        });
        GraphResource { width: drawing.width, height: drawing.height, nodes: nodes.collect(), edges }
    }
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    JobPath(id): JobPath,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let format = parameters.get("format").unwrap_or("json").to_owned();
    if !["json", "svg", "dot", "mermaid"].contains(&format.as_str()) {
        return Err(Problem::parameter("format", "it can be json, svg, dot or mermaid"));
    }
    app.read(move |app, snapshot| {
        let entry = job::entry(app, snapshot, &id)?;
        let graph = JobGraph::read(snapshot, &entry)?;
        let (sort, text) = match format.as_str() {
            "svg" => ("image/svg+xml", graph::svg(id.as_str(), &graph.nodes, &graph::draw(&graph.nodes), |_| None)),
            "dot" => ("text/vnd.graphviz; charset=utf-8", graph::dot(id.as_str(), &graph.nodes)),
            "mermaid" => ("text/plain; charset=utf-8", graph::mermaid(&graph.nodes)),
            _ => return Ok(respond(StatusCode::OK, to_json(&graph.resource()))),
        };
        Ok(([(header::CONTENT_TYPE, sort)], text).into_response())
    })
    .await
}
