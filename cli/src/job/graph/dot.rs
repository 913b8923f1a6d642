//! The graph for Graphviz.

use std::fmt::Write as _;

use warrener_client::http::resource::Task;

/// Draws the graph in the language that `dot -Tsvg` reads.
pub(super) fn dot(id: &str, tasks: &[Task]) -> String {
    let mut text = format!("digraph {} {{\n  node [shape=box, style=rounded];\n", quoted(id));
    for task in tasks {
        let label = format!("{}\n{}", task.task, task.state.as_str());
        // Writing to a text can't fail.
        writeln!(text, "  {} [label={}];", quoted(&task.task), quoted(&label)).ok();
    }
    for task in tasks {
        for need in &task.needs {
            writeln!(text, "  {} -> {};", quoted(need), quoted(&task.task)).ok();
        }
    }
    text + "}\n"
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
