//! Graphs in the words of other programs.

use std::fmt::Write as _;

use super::GraphNode;
use crate::shown;

/// The graph in the language that `dot -Tsvg` reads.
pub fn dot(id: &str, nodes: &[GraphNode]) -> String {
    let mut text = format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", quoted(id));
    for node in nodes {
        let label = format!("{}\n{}", label(node), node.state);
        writeln!(text, "  {} [label={}];", quoted(&node.task), quoted(&label)).expect("a text grows");
    }
    for node in nodes {
        for need in node.needs.iter().filter_map(|need| nodes.get(*need)) {
            writeln!(text, "  {} -> {};", quoted(&need.task), quoted(&node.task)).expect("a text grows");
        }
    }
    text + "}\n"
}

/// The graph as a Mermaid flowchart.
pub fn mermaid(nodes: &[GraphNode]) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (at, node) in nodes.iter().enumerate() {
        let shown = shown::line(&format!("{}<br>{}", label(node), node.state)).replace('"', "#quot;");
        writeln!(text, "  t{at}[\"{shown}\"]").expect("a text grows");
    }
    for (at, node) in nodes.iter().enumerate() {
        for need in node.needs.iter().filter(|need| **need < nodes.len()) {
            writeln!(text, "  t{need} --> t{at}").expect("a text grows");
        }
    }
    text
}

/// The name of a task, and how many items it has.
pub(super) fn label(node: &GraphNode) -> String {
    let total = node.items.as_ref().map(|items| items.iter().map(|(_, count)| count).sum::<u64>());
    total.map_or_else(|| node.task.clone(), |total| format!("{} ×{total}", node.task))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
