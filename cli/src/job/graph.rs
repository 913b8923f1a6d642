//! `warrener job graph`: which task waits for which.

use std::collections::HashMap;

use clap::ValueEnum;
use warrener_client::http::resource::Task;
use warrener_shared::graph::{self, GraphNode};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Cell, Table};
use crate::talk;

/// Form of a drawn graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// As --output says
    #[default]
    Text,
    /// For Graphviz
    Dot,
    /// For Mermaid, which Markdown knows
    Mermaid,
    /// A picture
    Svg,
}

pub(super) async fn graph(context: &Context, id: &str, format: GraphFormat) -> Result<Exit, Failure> {
    let (mut tasks, pages) = super::all_tasks(&context.http()?, id).await?;
    let nodes = nodes(&tasks);
    match format {
        GraphFormat::Dot => talk::words(&graph::dot(id, &nodes))?,
        GraphFormat::Mermaid => talk::words(&graph::mermaid(&nodes))?,
        GraphFormat::Svg => talk::words(&graph::svg(id, &nodes, &graph::draw(&nodes), |_| None))?,
        GraphFormat::Text => {
            let layers = graph::columns(&nodes);
            // Stable, so that tasks of one layer stay as written.
            let mut order: Vec<_> = (0..tasks.len()).collect();
            order.sort_by_key(|&task| layers[task]);
            tasks = order.into_iter().map(|task| tasks[task].clone()).collect();
            return context.print(&pages, &tasks, |task| task.address(), || table(&tasks));
        }
    }
    Ok(Exit::Ok)
}

/// The tasks as nodes; a need that is not among them is left out.
fn nodes(tasks: &[Task]) -> Vec<GraphNode> {
    let places: HashMap<&str, usize> = tasks.iter().enumerate().map(|(at, task)| (task.task.as_str(), at)).collect();
    let node = |task: &Task| GraphNode {
        task: task.task.clone(),
        kind: task.kind.clone(),
        state: task.state.as_str().to_owned(),
        items: task.total.map(|_| task.items.iter().map(|(state, count)| (state.to_string(), *count)).collect()),
        needs: task.needs.iter().filter_map(|need| places.get(need.as_str()).copied()).collect(),
    };
    tasks.iter().map(node).collect()
}

fn table(tasks: &[Task]) -> Table {
    let mut table = Table::new(&["TASK", "STATE", "KIND", "NEEDS"]);
    for task in tasks {
        table.row(vec![
            task.task.as_str().into(),
            Cell::state(task.state.as_str()),
            task.kind.as_str().into(),
            task.needs.join(", ").into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tasks_become_nodes_with_the_needs_that_are_there() {
        let task = |name: &str, needs: &[&str]| {
            let task = json!({"job": "j", "task": name, "kind": "k", "queue": "q", "state": "waiting", "needs": needs});
            serde_json::from_value::<Task>(task).expect("a task")
        };
        let nodes = nodes(&[task("b", &["a", "elsewhere"]), task("a", &[])]);
        assert_eq!(nodes[0].needs, [1]);
        assert_eq!(graph::columns(&nodes), [1, 0]);
    }
}
