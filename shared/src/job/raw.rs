//! A walk over JSON bytes that were checked before: positions, keys and spellings as they came, no tree,
//! no recursion.

use std::borrow::Cow;

use crate::json::{MappedText, skip_space, skip_value};

/// A JSON value inside bytes that are known to be valid JSON.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    source: &'a [u8],
    start: usize,
    end: usize,
}

/// Sort of a JSON value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Null,
    Bool,
    Number,
    Text,
    List,
    Object,
}

impl Sort {
    /// The sort in words, for messages.
    pub(crate) const fn in_words(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "text",
            Self::List => "a list",
            Self::Object => "an object",
        }
    }
}

/// A member of an object.
pub(crate) struct Entry<'a> {
    /// The key, escapes resolved; a lone surrogate reads as U+FFFD.
    pub(crate) key: Cow<'a, str>,
    /// Byte offset of the key's first quote.
    pub(crate) key_at: usize,
    /// Value of the member.
    pub(crate) value: Raw<'a>,
}

impl<'a> Raw<'a> {
    /// The value in bytes that passed [`crate::json::check`].
    pub(crate) fn checked(source: &'a [u8]) -> Self {
        let start = skip_space(source, 0);
        Self { source, start, end: skip_value(source, start) }
    }

    /// The bytes of the value, as they came.
    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.source[self.start..self.end]
    }

    /// Offset of the first byte in the whole source.
    pub(crate) const fn offset(self) -> usize {
        self.start
    }

    pub(crate) fn sort(self) -> Sort {
        match self.source.get(self.start) {
            Some(b'{') => Sort::Object,
            Some(b'[') => Sort::List,
            Some(b'"') => Sort::Text,
            Some(b't' | b'f') => Sort::Bool,
            Some(b'n') => Sort::Null,
            _ => Sort::Number,
        }
    }

    /// Text of the value, if it is text.
    pub(crate) fn text(self) -> Option<Cow<'a, str>> {
        (self.sort() == Sort::Text).then(|| unquote(self.bytes()))
    }

    /// Spelling of the value, if it is a number.
    pub(crate) fn number(self) -> Option<&'a str> {
        let spelling = std::str::from_utf8(self.bytes()).ok()?;
        (self.sort() == Sort::Number).then_some(spelling)
    }

    /// Truth value, if it is one.
    pub(crate) fn boolean(self) -> Option<bool> {
        (self.sort() == Sort::Bool).then(|| self.bytes() == b"true")
    }

    /// Members in the order written; none if it is no object.
    pub(crate) fn entries(self) -> Entries<'a> {
        Entries(self.cursor(Sort::Object))
    }

    /// Elements of the list; none if it is no list.
    pub(crate) fn elements(self) -> Elements<'a> {
        Elements(self.cursor(Sort::List))
    }

    /// The last member with this key; the last wins where keys repeat.
    pub(crate) fn get(self, key: &str) -> Option<Self> {
        self.entries().filter(|entry| entry.key == key).last().map(|entry| entry.value)
    }

    /// The last members with these keys, found in one walk.
    pub(crate) fn get_all<const N: usize>(self, keys: [&str; N]) -> [Option<Self>; N] {
        let mut found = [None; N];
        for entry in self.entries() {
            if let Some(place) = keys.iter().position(|key| *key == entry.key) {
                found[place] = Some(entry.value);
            }
        }
        found
    }

    fn cursor(self, sort: Sort) -> Cursor<'a> {
        let at = if self.sort() == sort { self.start + 1 } else { self.end };
        Cursor { source: &self.source[..self.end], at }
    }
}

/// The members of an object.
pub(crate) struct Entries<'a>(Cursor<'a>);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let key = self.0.value()?;
        self.0.skip(b':');
        let value = self.0.value()?;
        Some(Entry { key: unquote(key.bytes()), key_at: key.start, value })
    }
}

/// The elements of a list.
pub(crate) struct Elements<'a>(Cursor<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Raw<'a>;

    fn next(&mut self) -> Option<Raw<'a>> {
        self.0.value()
    }
}

struct Cursor<'a> {
    source: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    /// The next value before the closing bracket.
    fn value(&mut self) -> Option<Raw<'a>> {
        self.skip(b',');
        let start = self.at;
        if matches!(self.source.get(start), None | Some(b'}' | b']')) {
            self.at = self.source.len();
            return None;
        }
        self.at = skip_value(self.source, start);
        Some(Raw { source: self.source, start, end: self.at })
    }

    /// Skips white space, one separator if it is there, and white space again.
    fn skip(&mut self, separator: u8) {
        self.at = skip_space(self.source, self.at);
        if self.source.get(self.at) == Some(&separator) {
            self.at = skip_space(self.source, self.at + 1);
        }
    }
}

/// The text inside a quoted JSON string; a lone surrogate reads as U+FFFD.
fn unquote(quoted: &[u8]) -> Cow<'_, str> {
    MappedText::new(inside(quoted)).text
}

/// The bytes between the quotes of a JSON string.
pub(crate) fn inside(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}
