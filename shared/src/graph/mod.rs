//! The graph of a job as a picture: every task has a place, left of everything that needs it.
//!
//! Tasks stand in columns by the longest way to them. Lines that pass a column have a place in it too, so that they
//! run between the boxes; then each column is ordered and moved so that lines are short and few of them cross.

mod group;
mod layers;
mod order;
mod place;
mod svg;
mod text;

pub use self::group::grouped;
pub use self::svg::svg;
pub use self::text::{dot, mermaid};

/// A task of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphNode {
    /// Name of the task.
    pub task: String,
    /// Kind of the task.
    pub kind: String,
    /// Word for its state.
    pub state: String,
    /// Of a mapped task, how many items there are in each state; states without any may be left out.
    pub items: Option<Vec<(String, u64)>>,
    /// Positions of the tasks that it needs, in the same list; one that is not there is left out of the picture.
    pub needs: Vec<usize>,
}

/// A graph with a place for everything, in pixels from the upper left corner.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphDrawing {
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
    /// Upper left corner of each node, in the order of the nodes.
    pub corners: Vec<(f64, f64)>,
    /// The lines, one for each need.
    pub edges: Vec<GraphEdge>,
}

/// The line from a task to one that needs it.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEdge {
    /// Position of the task that is needed.
    pub from: usize,
    /// Position of the task that needs it.
    pub to: usize,
    /// Points from the right side of one to the left side of the other.
    pub points: Vec<(f64, f64)>,
}

/// Width of a box.
pub const NODE_WIDTH: f64 = 180.0;
/// Height of a box.
pub const NODE_HEIGHT: f64 = 44.0;

/// Column of each node: the longest way to it from one without needs. What is on a cycle stands in the first.
pub fn columns(nodes: &[GraphNode]) -> Vec<usize> {
    layers::longest_ways(&needs(nodes))
}

/// Gives everything its place. A foreign graph with a cycle has a picture too.
pub fn draw(nodes: &[GraphNode]) -> GraphDrawing {
    let columns = layers::Columns::of(&needs(nodes));
    let order = order::order(&columns);
    place::place(&columns, &order, nodes.len())
}

/// The needs of each node that are there, each once.
fn needs(nodes: &[GraphNode]) -> Vec<Vec<usize>> {
    let of = |node: &GraphNode| {
        let mut needs: Vec<usize> = node.needs.iter().copied().filter(|need| *need < nodes.len()).collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    };
    nodes.iter().map(of).collect()
}

#[cfg(test)]
mod tests;
