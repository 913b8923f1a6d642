//! The check that bytes from outside are one JSON value.

use std::fmt;

use super::scan::{plain_until, skip_space};

/// Checks that the bytes are exactly one JSON value of RFC 8259 in UTF-8, nested at most `depth` deep.
///
/// A list or object inside nothing has depth 1. Lone surrogates in `\u` escapes are allowed and kept, as are
/// repeated keys and numbers of any size. One pass without recursion, so that hostile nesting costs nothing.
///
/// # Errors
/// The first thing that is wrong, and where.
pub fn check(bytes: &[u8], depth: usize) -> Result<(), JsonError> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(JsonError::at(bytes, error.valid_up_to(), JsonErrorKind::Invalid, "the text is not UTF-8"));
    }
    if bytes.starts_with(BYTE_ORDER_MARK) {
        let message = "the text starts with a byte order mark, which JSON does not have";
        return Err(JsonError::at(bytes, 0, JsonErrorKind::Invalid, message));
    }
    Checker { bytes, at: 0, open: Nesting::default(), limit: depth }.document()
}

/// The bytes without a byte order mark in front, which editors and some languages write and JSON does not have.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes)
}

/// Tells whether a text begins as JSON does, `NaN` and `Infinity` included, which some languages write for numbers:
/// whoever wrote it probably meant JSON.
pub fn begins_like_json(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    let number = text.strip_prefix(b"-").unwrap_or(text);
    matches!(text.first(), Some(b'{' | b'[' | b'"'))
        || number.first().is_some_and(u8::is_ascii_digit)
        || number.starts_with(b"NaN")
        || number.starts_with(b"Infinity")
}

/// The reason why bytes are not an acceptable JSON value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct JsonError {
    /// Bytes before the place.
    pub offset: usize,
    /// The place's line, from 1.
    pub line: usize,
    /// The place's column in characters, from 1.
    pub column: usize,
    /// Sort of the fault.
    pub kind: JsonErrorKind,
    /// Description of the fault.
    pub message: String,
}

/// Sort of fault in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonErrorKind {
    /// The document is nested more deeply than the limit.
    TooDeep,
    /// The document is not JSON.
    Invalid,
}

impl JsonError {
    fn at(bytes: &[u8], offset: usize, kind: JsonErrorKind, message: impl Into<String>) -> Self {
        let before = &bytes[..offset.min(bytes.len())];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let column = before[line_start..].iter().filter(|&&b| !is_continuation(b)).count() + 1;
        Self { offset, line, column, kind, message: message.into() }
    }
}

struct Checker<'a> {
    bytes: &'a [u8],
    at: usize,
    open: Nesting,
    limit: usize,
}

impl Checker<'_> {
    fn document(mut self) -> Result<(), JsonError> {
        loop {
            let entered = self.value()?;
            if !entered && self.close()? {
                break;
            }
        }
        self.space();
        if self.at < self.bytes.len() { Err(self.unexpected("the end of the text")) } else { Ok(()) }
    }

    /// Reads a scalar, an empty list or object, or the opening of one that has content (then true).
    fn value(&mut self) -> Result<bool, JsonError> {
        self.space();
        match self.peek() {
            Some(b'{') => self.enter(true),
            Some(b'[') => self.enter(false),
            Some(b'"') => self.string().map(|()| false),
            Some(b'-' | b'0'..=b'9') => self.number().map(|()| false),
            Some(b't') => self.word("true"),
            Some(b'f') => self.word("false"),
            Some(b'n') => self.word("null"),
            _ => Err(self.unexpected("a value")),
        }
    }

    fn enter(&mut self, object: bool) -> Result<bool, JsonError> {
        if self.open.depth >= self.limit {
            let message = format!("lists and objects are nested more than {} deep (limit `json_depth`)", self.limit);
            return Err(JsonError::at(self.bytes, self.at, JsonErrorKind::TooDeep, message));
        }
        self.at += 1;
        self.space();
        if self.peek() == Some(if object { b'}' } else { b']' }) {
            self.at += 1;
            return Ok(false);
        }
        self.open.push(object);
        if object {
            self.key()?;
        }
        Ok(true)
    }

    /// Closes the containers that end after a value. True at the end of the document, false before a further value.
    fn close(&mut self) -> Result<bool, JsonError> {
        while let Some(object) = self.open.top() {
            self.space();
            match (self.peek(), object) {
                (Some(b','), object) => {
                    self.at += 1;
                    self.space();
                    if object {
                        self.key()?;
                    }
                    return Ok(false);
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    self.at += 1;
                    self.open.pop();
                }
                (_, true) => return Err(self.unexpected("`,` or `}`")),
                (_, false) => return Err(self.unexpected("`,` or `]`")),
            }
        }
        Ok(true)
    }

    fn key(&mut self) -> Result<(), JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.unexpected("a key in double quotes"));
        }
        self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.unexpected("`:`"));
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        loop {
            self.at = plain_until(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.invalid("a control character in a string must be escaped")),
                None => {
                    self.at = start;
                    return Err(self.invalid("the string that starts here has no end"));
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if self.bytes.get(self.at + 2..self.at + 6).is_some_and(is_hex) => 6,
            Some(b'u') => return Err(self.invalid("`\\u` needs four hexadecimal digits")),
            _ => return Err(self.invalid("unknown escape in a string; a backslash is written `\\\\`")),
        };
        self.at += length;
        Ok(())
    }

    fn number(&mut self) -> Result<(), JsonError> {
        self.accept(b"-");
        if self.peek() == Some(b'0') {
            self.at += 1;
            if self.peek().is_some_and(|b| b.is_ascii_digit()) {
                return Err(self.invalid("a number has no leading zeros"));
            }
        } else {
            self.digits()?;
        }
        if self.accept(b".") {
            self.digits()?;
        }
        if self.accept(b"eE") {
            self.accept(b"+-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("a digit")) } else { Ok(()) }
    }

    fn word(&mut self, word: &str) -> Result<bool, JsonError> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(false)
    }

    fn accept(&mut self, any: &[u8]) -> bool {
        let found = self.peek().is_some_and(|b| any.contains(&b));
        self.at += usize::from(found);
        found
    }

    fn space(&mut self) {
        self.at = skip_space(self.bytes, self.at);
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn unexpected(&self, expected: &str) -> JsonError {
        let rest = std::str::from_utf8(&self.bytes[self.at.min(self.bytes.len())..]).unwrap_or_default();
        self.invalid(&format!("expected {expected}, found {}", FoundText(rest)))
    }

    fn invalid(&self, message: &str) -> JsonError {
        JsonError::at(self.bytes, self.at, JsonErrorKind::Invalid, message)
    }
}

/// Text at the place of a fault, shortened for people.
struct FoundText<'a>(&'a str);

impl fmt::Display for FoundText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.0.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        match self.0.chars().next() {
            None => f.write_str("the end of the text"),
            Some(_) if !word.is_empty() && word.len() <= 20 => write!(f, "`{word}`"),
            Some(c) if c.is_control() => write!(f, "U+{:04X}", u32::from(c)),
            Some(c) => write!(f, "`{c}`"),
        }
    }
}

/// Stack of the open containers, innermost last, with a bit set for objects; the first 128 need no memory of their own.
#[derive(Default)]
struct Nesting {
    depth: usize,
    near: u128,
    far: Vec<bool>,
}

impl Nesting {
    fn push(&mut self, object: bool) {
        match self.depth {
            0..128 => self.near = self.near & !(1 << self.depth) | u128::from(object) << self.depth,
            _ => self.far.push(object),
        }
        self.depth += 1;
    }

    fn top(&self) -> Option<bool> {
        let last = self.depth.checked_sub(1)?;
        if last < 128 { Some(self.near >> last & 1 == 1) } else { self.far.last().copied() }
    }

    fn pop(&mut self) {
        self.far.pop();
        self.depth = self.depth.saturating_sub(1);
    }
}

fn is_hex(digits: &[u8]) -> bool {
    digits.iter().all(u8::is_ascii_hexdigit)
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xC0 == 0x80
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";
