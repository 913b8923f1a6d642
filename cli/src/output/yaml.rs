//! A JSON value as YAML in block style.

use super::tree::Tree;

/// The value as YAML 1.2, ending with a line break.
pub(super) fn yaml(tree: &Tree) -> String {
    let mut out = String::new();
    write(&mut out, tree, 0);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn write(out: &mut String, tree: &Tree, indent: usize) {
    match tree {
        Tree::Scalar(text) => out.push_str(&scalar(text)),
        Tree::List(items) if items.is_empty() => out.push_str("[]"),
        Tree::Map(members) if members.is_empty() => out.push_str("{}"),
        Tree::List(items) => lines(out, items, indent, |item, out| {
            out.push_str("- ");
            write(out, item, indent + 1);
        }),
        Tree::Map(members) => lines(out, members, indent, |(name, value), out| {
            out.push_str(&text(name));
            out.push(':');
            below(out, value, indent);
        }),
    }
}

/// A member's value: behind the colon, or in lines of its own.
fn below(out: &mut String, value: &Tree, indent: usize) {
    let is_block = match value {
        Tree::Scalar(_) => false,
        Tree::List(items) => !items.is_empty(),
        Tree::Map(members) => !members.is_empty(),
    };
    out.push_str(if is_block { "\n" } else { " " });
    if is_block {
        out.push_str(&"  ".repeat(indent + 1));
    }
    write(out, value, indent + 1);
}

/// Writes a line for each element, the first of them at the present place.
fn lines<T>(out: &mut String, elements: &[T], indent: usize, write: impl Fn(&T, &mut String)) {
    for (at, element) in elements.iter().enumerate() {
        if at > 0 {
            out.push_str(&"  ".repeat(indent));
        }
        write(element, out);
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
}

fn scalar(json: &str) -> String {
    match serde_json::from_str::<String>(json) {
        Ok(decoded) => text(&decoded),
        Err(_) => json.to_owned(),
    }
}

/// Plain where no reader could take it for anything but text, else in quotes.
fn text(text: &str) -> String {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./ ".contains(c);
    let is_plain = starts_well && text.chars().all(plain) && !text.ends_with(' ') && !is_word(text);
    if is_plain { text.to_owned() } else { serde_json::to_string(text).expect("text is always JSON") }
}

/// Words that YAML 1.1 or 1.2 readers take for something else.
fn is_word(text: &str) -> bool {
    let words = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    words.contains(&text.to_ascii_lowercase().as_str())
}
