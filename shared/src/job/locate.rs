//! From a JSON pointer back to a line and a column.

use super::raw::{Raw, Sort};

/// The line and column (both from 1, columns in characters) of the place that a JSON pointer names: of a
/// member its key, of an element its first byte. Where the pointer goes further than the document, the last
/// place on the way is given.
///
/// `None` if the bytes are not JSON.
pub fn locate(bytes: &[u8], pointer: &str) -> Option<(usize, usize)> {
    crate::json::check(bytes, usize::MAX).ok()?;
    Some(line_and_column(bytes, offset_of(bytes, pointer)))
}

/// The byte offset of the place that a pointer names in checked bytes.
pub(crate) fn offset_of(bytes: &[u8], pointer: &str) -> usize {
    let mut value = Raw::checked(bytes);
    let mut at = value.offset();
    for step in pointer.split('/').skip(1) {
        let Some((place, next)) = step_into(value, &step.replace("~1", "/").replace("~0", "~")) else { break };
        (at, value) = (place, next);
    }
    at
}

fn step_into<'a>(value: Raw<'a>, step: &str) -> Option<(usize, Raw<'a>)> {
    match value.sort() {
        // The last one, because that is the one that a repeated key is reported for.
        Sort::Object => value.entries().filter(|entry| entry.key == step).last().map(|e| (e.key_at, e.value)),
        Sort::List => value.elements().nth(step.parse().ok()?).map(|element| (element.offset(), element)),
        _ => None,
    }
}

/// The line and column, both from 1, of a byte offset.
pub(crate) fn line_and_column(bytes: &[u8], offset: usize) -> (usize, usize) {
    let before = &bytes[..offset.min(bytes.len())];
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    (line, 1 + String::from_utf8_lossy(&before[start..]).chars().count())
}

#[cfg(test)]
mod tests;
