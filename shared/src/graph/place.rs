//! Heights of the points, in their order: near to their neighbours, and never one upon another.

use super::layers::Columns;
use super::{GraphDrawing, GraphEdge, NODE_HEIGHT, NODE_WIDTH};

/// Space around everything.
const MARGIN: f64 = 16.0;
/// Space between two boxes of a column.
const GAP: f64 = 14.0;
/// Height that a passing line takes.
const LINE: f64 = 10.0;
/// Space between two columns.
const BETWEEN: f64 = 70.0;
/// Ways there and back.
const ROUNDS: usize = 8;

/// Gives every point its place.
pub(super) fn place(columns: &Columns, rows: &[Vec<usize>], tasks: usize) -> GraphDrawing {
    let height = |point: usize| if point < tasks { NODE_HEIGHT } else { LINE };
    let mut middle = vec![0.0; columns.column.len()];
    for row in rows {
        let mut y = 0.0;
        for &point in row {
            middle[point] = y + height(point) / 2.0;
            y += height(point) + GAP;
        }
    }
    for _ in 0..ROUNDS {
        for row in rows {
            settle(row, &columns.before, &height, &mut middle);
        }
        for row in rows.iter().rev() {
            settle(row, &columns.after, &height, &mut middle);
        }
    }
    let top = (0..middle.len()).map(|point| middle[point] - height(point) / 2.0).fold(f64::INFINITY, f64::min);
    let bottom = (0..middle.len()).map(|point| middle[point] + height(point) / 2.0).fold(0.0, f64::max);
    let top = if top.is_finite() { top } else { 0.0 };
    let left = |point: usize| MARGIN + columns.column[point] as f64 * (NODE_WIDTH + BETWEEN);
    let y = |point: usize| middle[point] - top + MARGIN;
    let edges = columns.lines.iter().map(|points| {
        let last = points.len() - 1;
        let at = |(step, &point): (usize, &usize)| match step {
            0 => vec![(left(point) + NODE_WIDTH, y(point))],
            step if step == last => vec![(left(point), y(point))],
            _ => vec![(left(point), y(point)), (left(point) + NODE_WIDTH, y(point))],
        };
        GraphEdge { from: points[0], to: points[last], points: points.iter().enumerate().flat_map(at).collect() }
    });
    GraphDrawing {
        width: columns.count as f64 * (NODE_WIDTH + BETWEEN) - BETWEEN.min(columns.count as f64 * BETWEEN)
            + 2.0 * MARGIN,
        height: (bottom - top).max(0.0) + 2.0 * MARGIN,
        corners: (0..tasks).map(|task| (left(task), y(task) - NODE_HEIGHT / 2.0)).collect(),
        edges: edges.collect(),
    }
}

/// Moves the points of a column as near to their neighbours as their order allows: the least sum of squares.
fn settle(row: &[usize], neighbours: &[Vec<usize>], height: &impl Fn(usize) -> f64, middle: &mut [f64]) {
    // Without the room that those above take, an order is a rising sequence; of these the nearest is found by
    // pooling neighbours that are out of order.
    let mut pools: Vec<(f64, f64)> = Vec::with_capacity(row.len());
    let mut rooms = Vec::with_capacity(row.len());
    let mut room = 0.0;
    for (at, &point) in row.iter().enumerate() {
        if at > 0 {
            room += (height(row[at - 1]) + height(point)) / 2.0 + GAP;
        }
        rooms.push(room);
        let around = &neighbours[point];
        let wished = match around.len() {
            0 => middle[point],
            count => around.iter().map(|one| middle[*one]).sum::<f64>() / count as f64,
        };
        let mut pool = (wished - room, 1.0);
        while let Some(last) = pools.last().copied().filter(|last| last.0 > pool.0) {
            pools.pop();
            pool = ((last.0 * last.1 + pool.0 * pool.1) / (last.1 + pool.1), last.1 + pool.1);
        }
        pools.push(pool);
    }
    let mut at = 0;
    for (value, size) in pools {
        let end = row.len().min(at + size.round() as usize);
        for (point, room) in row[at..end].iter().zip(&rooms[at..end]) {
            middle[*point] = value + room;
        }
        at = end;
    }
}
