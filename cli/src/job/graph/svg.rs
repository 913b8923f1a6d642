//! The graph as a picture.

use std::fmt::Write as _;

use warrener_client::http::resource::Task;

use super::layout;

/// Draws a box for each task, in layers from top to bottom, and a line from each need.
pub(super) fn svg(id: &str, tasks: &[Task], layers: &[usize]) -> String {
    let rows = layout::rows(tasks, layers);
    let longest = tasks.iter().map(label_width).max().unwrap_or(0);
    let width = (longest as f64 * CHARACTER + 2.0 * PADDING).max(SLIMMEST);
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0) as f64;
    let (whole_width, whole_height) = (columns * (width + GAP) + GAP, rows.len() as f64 * (HEIGHT + DEPTH) + GAP);
    let mut left = vec![0.0; tasks.len()];
    for row in &rows {
        let start = (whole_width - row.len() as f64 * (width + GAP) + GAP) / 2.0;
        for (at, &task) in row.iter().enumerate() {
            left[task] = start + at as f64 * (width + GAP);
        }
    }
    let top = |task: usize| GAP + layers[task] as f64 * (HEIGHT + DEPTH);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole_width:.0} {whole_height:.0}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<title>{}</title>\n",
        escaped(id)
    );
    for (task, needs) in layout::needs(tasks).into_iter().enumerate() {
        for need in needs {
            let from = (left[need] + width / 2.0, top(need) + HEIGHT);
            // A line over several layers goes around the boxes between.
            let aside = if layers[task] > layers[need] + 1 { (width / 2.0 + GAP / 2.0) * 4.0 / 3.0 } else { 0.0 };
            line(&mut text, from, (left[task] + width / 2.0, top(task)), aside);
        }
    }
    for (at, task) in tasks.iter().enumerate() {
        boxed(&mut text, task, (left[at], top(at)), width);
    }
    text + "</svg>\n"
}

// Writing to a text can't fail.
fn line(text: &mut String, (x, y): (f64, f64), (to_x, to_y): (f64, f64), aside: f64) {
    let middle = f64::midpoint(y, to_y);
    let (first, second) = (x + aside, to_x + aside);
    writeln!(
        text,
        "<path d=\"M{x:.1} {y:.1} C{first:.1} {middle:.1} {second:.1} {middle:.1} {to_x:.1} {to_y:.1}\" fill=\"none\" \
         stroke=\"#999\"/>"
    )
    .ok();
}

fn boxed(text: &mut String, task: &Task, (x, y): (f64, f64), width: f64) {
    let state = task.state.as_str();
    let (centre, first, second) = (x + width / 2.0, y + 19.0, y + 36.0);
    writeln!(
        text,
        "<g><title>{kind}</title><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"6\" \
         fill=\"#fff\" stroke=\"{color}\" stroke-width=\"2\"/><text x=\"{centre:.1}\" y=\"{first:.1}\" \
         text-anchor=\"middle\">{name}</text><text x=\"{centre:.1}\" y=\"{second:.1}\" text-anchor=\"middle\" \
         fill=\"{color}\" font-size=\"11\">{state}</text></g>",
        kind = escaped(&task.kind),
        name = escaped(&label(task)),
        color = color(state),
    )
    .ok();
}

/// The name, and how many items it has.
fn label(task: &Task) -> String {
    task.total.map_or_else(|| task.task.clone(), |total| format!("{} ×{total}", task.task))
}

fn label_width(task: &Task) -> usize {
    label(task).chars().count().max(task.state.as_str().len())
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
    warrener_shared::shown::line(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Width of a character, on average.
const CHARACTER: f64 = 7.6;
const PADDING: f64 = 12.0;
const SLIMMEST: f64 = 90.0;
const HEIGHT: f64 = 46.0;
/// Space between two boxes side by side, and around everything.
const GAP: f64 = 16.0;
/// Space between two layers.
const DEPTH: f64 = 44.0;
