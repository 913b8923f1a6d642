//! The content by which two submits with one id are the same submit.

use super::raw::Raw;
use crate::json;

/// The content of a submitted job without its top-level `id`, written so that equal content gives equal
/// bytes: white space and key order don't count, spellings of numbers do.
///
/// The bytes must be a JSON object that [`super::parse`] accepted.
pub fn canonical_content(bytes: &[u8]) -> Vec<u8> {
    let root = Raw::checked(bytes);
    let mut rest = Vec::with_capacity(root.bytes().len());
    rest.push(b'{');
    for entry in root.entries().filter(|entry| entry.key != "id") {
        if rest.len() > 1 {
            rest.push(b',');
        }
        let end = entry.value.offset() + entry.value.bytes().len();
        rest.extend_from_slice(&bytes[entry.key_at..end]);
    }
    rest.push(b'}');
    json::canonical(&rest)
}

#[cfg(test)]
mod tests;
