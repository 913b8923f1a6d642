//! The places of the `${{ … }}` in a text.

use std::ops::Range;

use super::token::string_length;

/// A piece of a text that is more than plain characters.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// `$${{` at this position: its first `$` is not part of the text.
    Escape(usize),
    /// An expression and its braces.
    Expression { outer: Range<usize>, inner: &'a str },
}

/// Finds expressions and escapes, in order.
///
/// # Errors
/// Why the end of an expression cannot be found, and what the expression begins with.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, (String, String)> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(dollar) = text[at..].find('$').map(|offset| at + offset) {
        let rest = &text[dollar..];
        if rest.starts_with("$${{") {
            found.push(Piece::Escape(dollar));
            at = dollar + 4;
        } else if rest.starts_with(OPEN) {
            let start = dollar + OPEN.len();
            let end = end(text.as_bytes(), start).map_err(|why| (why, beginning(rest)))?;
            found.push(Piece::Expression { outer: dollar..end + CLOSE.len(), inner: text[start..end].trim() });
            at = end + CLOSE.len();
        } else {
            at = dollar + 1;
        }
    }
    Ok(found)
}

/// The inside if the whole text is one `${{ … }}`, white space around it allowed.
pub(super) fn unwrapped(text: &str) -> &str {
    let text = text.trim();
    match pieces(text).as_deref() {
        Ok([Piece::Expression { outer, inner }]) if *outer == (0..text.len()) => inner,
        _ => text,
    }
}

/// The position of the `}}` that ends the expression which starts at `at`.
fn end(bytes: &[u8], mut at: usize) -> Result<usize, String> {
    let mut open: Vec<u8> = Vec::new();
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => {
                at += string_length(&bytes[at..]).ok_or_else(|| "a string in it has no end".to_owned())?;
                continue;
            }
            b'(' | b'[' | b'{' => open.push(byte),
            b'}' if open.is_empty() && bytes.get(at + 1) == Some(&b'}') => return Ok(at),
            b')' | b']' | b'}' if open.pop() != Some(partner(byte)) => {
                return Err(format!("`{}` closes nothing", char::from(byte)));
            }
            _ => {}
        }
        at += 1;
    }
    match open.last() {
        Some(&bracket) => Err(format!("`{}` is never closed", char::from(bracket))),
        None => Err("it has no end".to_owned()),
    }
}

fn partner(close: u8) -> u8 {
    match close {
        b')' => b'(',
        b']' => b'[',
        _ => b'{',
    }
}

fn beginning(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

const OPEN: &str = "${{";
const CLOSE: &str = "}}";
/// Enough of a broken expression to find it again.
const SHOWN: usize = 40;
