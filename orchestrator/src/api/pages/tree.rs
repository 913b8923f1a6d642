//! JSON as a tree that folds, made of the bytes as they are kept: no number and no text is read and written anew.

use maud::{Markup, html};
use warrener_shared::json::{Doc, Kind};
use warrener_shared::shown;

/// Places of one tree; more are only counted.
const PLACES: usize = 2_000;
/// Characters of one text; more are for whoever takes the whole.
const CHARACTERS: usize = 4_000;
/// Elements with which a list is still shown open.
const OPEN: usize = 12;
/// Levels that are shown open.
const OPEN_DEPTH: usize = 3;

/// A tree of a value.
pub(super) fn tree(json: &[u8]) -> Markup {
    let mut left = PLACES;
    html! { div.tree { (branch(None, &Doc::trusted(json), 0, &mut left)) } }
}

fn branch(key: Option<&str>, value: &Doc, depth: usize, left: &mut usize) -> Markup {
    *left = left.saturating_sub(1);
    let label = html! { @if let Some(key) = key { span.key { (shown::line(key)) } ": " } };
    let size = value.len().unwrap_or(0);
    match value.kind() {
        Kind::Object | Kind::List if size > 0 => {
            let is_object = value.kind() == Kind::Object;
            let count = if is_object { fields(size) } else { elements(size) };
            let parts = if is_object { object(value, depth, left) } else { array(value, depth, left) };
            html! {
                details open[depth < OPEN_DEPTH && size <= OPEN] {
                    summary { (label) span.muted { (count) } }
                    ul { (parts) }
                }
            }
        }
        _ => html! { div.leaf { (label) (leaf(value)) } },
    }
}

fn object(value: &Doc, depth: usize, left: &mut usize) -> Markup {
    let mut entries = value.entries().into_iter().flatten();
    let mut shown = 0usize;
    html! {
        @while let Some((key, part)) = more(&mut entries, *left) {
            li { (branch(Some(&key), &part, depth + 1, left)) }
            ({ shown += 1; "" })
        }
        (rest(value.len().unwrap_or(0) - shown))
    }
}

fn array(value: &Doc, depth: usize, left: &mut usize) -> Markup {
    let mut parts = value.elements().into_iter().flatten();
    let mut index = 0usize;
    html! {
        @while let Some(part) = more(&mut parts, *left) {
            li { (branch(Some(&index.to_string()), &part, depth + 1, left)) }
            ({ index += 1; "" })
        }
        (rest(value.len().unwrap_or(0) - index))
    }
}

/// The next one, as long as there is room.
fn more<T>(parts: &mut impl Iterator<Item = T>, left: usize) -> Option<T> {
    if left == 0 { None } else { parts.next() }
}

fn rest(count: usize) -> Markup {
    html! { @if count > 0 { li.muted { "and " (count) " more; take the whole to see them" } } }
}

fn fields(count: usize) -> String {
    if count == 1 { "{1 field}".to_owned() } else { format!("{{{count} fields}}") }
}

fn elements(count: usize) -> String {
    if count == 1 { "[1 element]".to_owned() } else { format!("[{count} elements]") }
}

fn leaf(value: &Doc) -> Markup {
    match value.kind() {
        Kind::Text => {
            let text = value.as_str().unwrap_or_default();
            let cut: String = text.chars().take(CHARACTERS).collect();
            let is_cut = cut.len() < text.len();
            html! {
                span.string { "\"" (shown::text(&cut)) @if !is_cut { "\"" } }
                @if is_cut { span.muted { " … " (size(text.len())) " in all" } }
            }
        }
        Kind::Number => html! { span.number { (value.as_number().unwrap_or_default()) } },
        Kind::Object => html! { span.muted { "{}" } },
        Kind::List => html! { span.muted { "[]" } },
        _ => html! { span.word { (String::from_utf8_lossy(value.bytes())) } },
    }
}

/// A number of bytes for people.
pub(super) fn size(bytes: usize) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_texts_stay_as_they_came() {
        let text = tree(br#"{"n": 12345678901234567890.10, "big": 9007199254740993, "s": "<b>&\"\u001b[31m"}"#);
        let text = text.into_string();
        for exact in ["12345678901234567890.10", "9007199254740993", "&lt;b&gt;&amp;"] {
            assert!(text.contains(exact), "{exact}: {text}");
        }
        assert!(!text.contains('\u{1b}') && !text.contains("<b>"), "{text}");
    }

    #[test]
    fn a_long_list_is_cut_and_counted() {
        let list = format!("[{}]", vec!["1"; 10_000].join(","));
        let text = tree(list.as_bytes()).into_string();
        assert!(text.contains("[10000 elements]") && text.contains("and 8001 more"), "{}", &text[text.len() - 300..]);
        let deep = format!("{}{}", "[".repeat(60), "]".repeat(60));
        assert_eq!(tree(deep.as_bytes()).into_string().matches("[1 element]").count(), 59);
    }
}
