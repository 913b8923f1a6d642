//! Graphs as pictures.

use std::fmt::Write as _;

use super::text::label;
use super::{GraphDrawing, GraphNode, NODE_HEIGHT, NODE_WIDTH};
use crate::shown;

/// Characters of a line in a box.
const CHARACTERS: usize = 22;

/// Draws the graph. Colours are attributes, which a style sheet may overrule by the classes; `link` says where a task
/// leads to, if anywhere.
pub fn svg(
    title: &str,
    nodes: &[GraphNode],
    drawing: &GraphDrawing,
    link: impl Fn(&GraphNode) -> Option<String>,
) -> String {
    let GraphDrawing { width, height, corners, edges } = drawing;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"sans-serif\" font-size=\"13\">\n<title>{}</title>\n",
        escaped(title)
    );
    for edge in edges {
        let path = curve(&edge.points);
        line(&mut text, format_args!("<path class=\"edge\" d=\"{path}\" fill=\"none\" stroke=\"#8a93a2\"/>"));
    }
    for (node, corner) in nodes.iter().zip(corners) {
        boxed(&mut text, node, *corner, link(node));
    }
    text + "</svg>\n"
}

/// A smooth line through points, each pair of which lies side by side.
fn curve(points: &[(f64, f64)]) -> String {
    let Some((x, y)) = points.first() else { return String::new() };
    let mut path = format!("M{x:.1} {y:.1}");
    for pair in points.windows(2) {
        let ((x, y), (to_x, to_y)) = (pair[0], pair[1]);
        let piece = if (y - to_y).abs() < 0.05 {
            format!(" L{to_x:.1} {to_y:.1}")
        } else {
            let middle = f64::midpoint(x, to_x);
            format!(" C{middle:.1} {y:.1} {middle:.1} {to_y:.1} {to_x:.1} {to_y:.1}")
        };
        path.push_str(&piece);
    }
    path
}

fn boxed(text: &mut String, node: &GraphNode, (x, y): (f64, f64), link: Option<String>) {
    let state = escaped(&node.state);
    let color = color(&node.state);
    let whole = label(node);
    let link = link.map(|link| escaped(&link));
    if let Some(link) = &link {
        line(text, format_args!("<a href=\"{link}\">"));
    }
    line(
        text,
        format_args!(
            "<g class=\"node {state}\"><title>{whole}: {kind}, {state}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" \
             width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"6\" fill=\"#fff\" stroke=\"{color}\" \
             stroke-width=\"2\"/>",
            whole = escaped(&whole),
            kind = escaped(&node.kind),
        ),
    );
    line(
        text,
        format_args!(
            "<text class=\"name\" x=\"{:.1}\" y=\"{:.1}\" fill=\"#1b1f27\">{}</text><text class=\"word\" x=\"{:.1}\" \
             y=\"{:.1}\" fill=\"{color}\" font-size=\"11\">{} {}</text>",
            x + 10.0,
            y + 18.0,
            escaped(&cut(&whole)),
            x + 10.0,
            y + 34.0,
            mark(&node.state),
            escaped(&node.state.replace('_', " ")),
        ),
    );
    bar(text, node, (x, y));
    text.push_str(if link.is_some() { "</g></a>\n" } else { "</g>\n" });
}

/// The states of the items of a mapped task, side by side.
fn bar(text: &mut String, node: &GraphNode, (x, y): (f64, f64)) {
    let Some(items) = &node.items else { return };
    let total: u64 = items.iter().map(|(_, count)| count).sum();
    let (mut left, width) = (x + 90.0, NODE_WIDTH - 100.0);
    for (state, count) in items.iter().filter(|(_, count)| *count > 0) {
        let share = width * *count as f64 / total as f64;
        line(
            text,
            format_args!(
                "<rect class=\"part {}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{share:.1}\" height=\"6\" fill=\"{}\"/>",
                escaped(state),
                y + 28.0,
                color(state),
            ),
        );
        left += share;
    }
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a text grows");
}

fn cut(text: &str) -> String {
    if text.chars().count() <= CHARACTERS {
        return text.to_owned();
    }
    text.chars().take(CHARACTERS - 1).chain(['…']).collect()
}

/// A sign for a state beside its colour, which not everybody sees.
fn mark(state: &str) -> char {
    match state {
        "succeeded" => '✓',
        "failed" => '✗',
        "cancelled" => '⊘',
        "timed_out" => '⊗',
        "skipped" => '»',
        "dispatched" => '▶',
        "retrying" => '↻',
        "ready" => '◎',
        _ => '○',
    }
}

fn color(state: &str) -> &'static str {
    match state {
        "succeeded" => "#1a7f37",
        "failed" | "timed_out" => "#cf222e",
        "dispatched" => "#0969da",
        "retrying" => "#9a6700",
        _ => "#6e7781",
    }
}

fn escaped(text: &str) -> String {
    // A name has one line here, whatever stands in it.
    shown::line(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
