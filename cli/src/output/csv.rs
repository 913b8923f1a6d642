//! Lists of the API as comma-separated values (RFC 4180), for spreadsheets.

use super::tree::Tree;

/// A line for each element of a list, or one for a thing that is none, below a line with the names of the fields. What
/// has parts itself stands there as JSON.
pub(super) fn csv(tree: &Tree) -> String {
    let rows = match tree.get("items") {
        Some(Tree::List(items)) => items.as_slice(),
        _ => std::slice::from_ref(tree),
    };
    let mut names: Vec<&str> = Vec::new();
    for row in rows {
        let Tree::Map(members) = row else { continue };
        for (name, _) in members {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    let head = line(names.iter().map(|name| (*name).to_owned()));
    let lines = rows.iter().map(|row| line(names.iter().map(|name| row.get(name).map(text).unwrap_or_default())));
    std::iter::once(head).chain(lines).collect()
}

/// A value as a cell; null is an empty one.
fn text(value: &Tree) -> String {
    match value {
        Tree::Scalar(text) if text == "null" => String::new(),
        Tree::Scalar(text) => serde_json::from_str::<String>(text).unwrap_or_else(|_| text.clone()),
        other => other.compact(),
    }
}

fn line(cells: impl Iterator<Item = String>) -> String {
    let quoted = |cell: String| match cell.contains([',', '"', '\n', '\r']) || cell.trim() != cell {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell,
    };
    cells.map(quoted).collect::<Vec<_>>().join(",") + "\r\n"
}
