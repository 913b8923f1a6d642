//! The meaning of the inside of a JSON string.
//!
//! A lone surrogate has no place in UTF-8, so decoded bytes are WTF-8: the surrogate takes three bytes that no
//! valid UTF-8 contains. Thus strings that differ stay different.

use std::borrow::Cow;

use super::scan::plain_until;

/// The inside of a string without its escapes, as WTF-8: valid UTF-8 unless it has a lone surrogate.
pub(crate) fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let end = plain_until(raw, at).max(at);
        out.extend_from_slice(&raw[at..end]);
        at = end;
        match raw.get(at) {
            Some(b'\\') => {
                let (code, length) = escape(&raw[at..]);
                push_code(&mut out, code);
                at += length;
            }
            Some(&byte) => {
                out.push(byte);
                at += 1;
            }
            None => {}
        }
    }
    Cow::Owned(out)
}

/// A string's text without escapes, and where each part of it stands in the string as it came.
pub(crate) struct MappedText<'a> {
    /// The text; a lone surrogate stands here as U+FFFD.
    pub(crate) text: Cow<'a, str>,
    /// Position in the text and in the raw bytes after each escape, ascending.
    shifts: Vec<(usize, usize)>,
}

impl<'a> MappedText<'a> {
    /// Decodes the inside of a string.
    pub(crate) fn new(raw: &'a [u8]) -> Self {
        match std::str::from_utf8(raw) {
            Ok(text) if !raw.contains(&b'\\') => Self { text: Cow::Borrowed(text), shifts: Vec::new() },
            _ => Self::mapped(raw),
        }
    }

    fn mapped(raw: &[u8]) -> Self {
        let (mut text, mut shifts, mut at) = (Vec::with_capacity(raw.len()), Vec::new(), 0);
        while let Some(&byte) = raw.get(at) {
            if byte == b'\\' {
                let (code, length) = escape(&raw[at..]);
                push_code(&mut text, if is_surrogate(code) { REPLACEMENT } else { code });
                at += length;
                shifts.push((text.len(), at));
            } else {
                text.push(byte);
                at += 1;
            }
        }
        let text = String::from_utf8(text).unwrap_or_default();
        Self { text: Cow::Owned(text), shifts }
    }

    /// The raw position of the character that starts at this position of the text.
    pub(crate) fn raw(&self, position: usize) -> usize {
        let before = self.shifts.partition_point(|&(text, _)| text <= position);
        match before.checked_sub(1).and_then(|last| self.shifts.get(last)) {
            Some(&(text, raw)) => raw + (position - text),
            None => position,
        }
    }
}

/// Appends WTF-8 as the inside of a JSON string, each text in one way only.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => push_unit(out, u16::from(byte)),
            0xED if text.get(at + 1).is_some_and(|&next| next >= 0xA0) => {
                let low = |offset: usize| u16::from(text.get(at + offset).copied().unwrap_or_default() & 0x3F);
                push_unit(out, 0xD000 | low(1) << 6 | low(2));
                at += 2;
            }
            _ => {
                let end = plain_until(text, at);
                let end = text[at..end].iter().skip(1).position(|&b| b == 0xED).map_or(end, |found| at + 1 + found);
                out.extend_from_slice(&text[at..end.max(at + 1)]);
                at = end.max(at + 1);
                continue;
            }
        }
        at += 1;
    }
}

fn push_unit(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[usize::from(unit >> shift & 0xF)]);
    }
}

/// Decodes the escape at the start; gives its code point, and its length in bytes.
fn escape(raw: &[u8]) -> (u32, usize) {
    let code = match raw.get(1) {
        Some(b'b') => 0x08,
        Some(b'f') => 0x0C,
        Some(b'n') => 0x0A,
        Some(b'r') => 0x0D,
        Some(b't') => 0x09,
        Some(b'u') => return unicode(raw),
        Some(&other) => u32::from(other),
        None => return (REPLACEMENT, 1),
    };
    (code, 2)
}

fn unicode(raw: &[u8]) -> (u32, usize) {
    let Some(first) = unit(raw) else { return (REPLACEMENT, raw.len().min(6)) };
    let second = raw.get(6..).and_then(unit).filter(|low| (0xDC00..0xE000).contains(low));
    match second {
        Some(low) if (0xD800..0xDC00).contains(&first) => (0x10000 + ((first - 0xD800) << 10) + (low - 0xDC00), 12),
        _ => (first, 6),
    }
}

fn unit(raw: &[u8]) -> Option<u32> {
    let digits = raw.strip_prefix(b"\\u")?.get(..4)?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn push_code(out: &mut Vec<u8>, code: u32) {
    match char::from_u32(code) {
        Some(c) => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        None => {
            let part = |shift: u32| 0x80 | u8::try_from(code >> shift & 0x3F).unwrap_or_default();
            out.extend_from_slice(&[0xED, part(6), part(0)]);
        }
    }
}

fn is_surrogate(code: u32) -> bool {
    (0xD800..0xE000).contains(&code)
}

const REPLACEMENT: u32 = 0xFFFD;
const HEX: &[u8; 16] = b"0123456789abcdef";
