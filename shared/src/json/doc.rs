//! A JSON document that is shared, not copied.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::index::{Children, Index, IndexSlot, Span, key_of};
use super::text::unescape;

/// A JSON value: bytes that are known to be one, shared cheaply, indexed level by level at first need.
///
/// Clones and the documents that [`Doc::get`] gives share the bytes and the indexes, so that looking up a path
/// costs the length of the path, however large the document is.
#[derive(Clone)]
pub struct Doc {
    buffer: Arc<[u8]>,
    span: Span,
    /// `None` for scalars, which have no children.
    index: Option<IndexSlot>,
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into an object, by key.
    Key(String),
    /// Into a list, by position from 0; negative counts from the end.
    Index(i64),
}

/// Sort of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A number of any size.
    Number,
    /// A string.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Number => "a number",
            Self::Text => "a string",
            Self::List => "a list",
            Self::Object => "an object",
        })
    }
}

impl Doc {
    /// Takes bytes that are known to be one JSON value; white space around it is dropped.
    pub fn trusted(bytes: impl Into<Arc<[u8]>>) -> Self {
        let buffer = bytes.into();
        let start = buffer.len() - buffer.trim_ascii_start().len();
        let end = start + buffer.trim_ascii().len();
        Self::part(buffer, Span::new(start, end), IndexSlot::default)
    }

    /// The document `null`.
    pub fn null() -> Self {
        Self::trusted(*b"null")
    }

    /// A string.
    pub fn text(text: &str) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 2);
        super::push_string(&mut bytes, text);
        Self::trusted(bytes)
    }

    /// The bytes of the value as they came.
    pub fn bytes(&self) -> &[u8] {
        self.span.of(&self.buffer)
    }

    /// Bytes that this keeps in memory: those of the whole document that it is a part of.
    pub fn kept_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// Sort of the value.
    pub fn kind(&self) -> Kind {
        match self.bytes().first() {
            Some(b'n') => Kind::Null,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'"') => Kind::Text,
            Some(b'[') => Kind::List,
            Some(b'{') => Kind::Object,
            _ => Kind::Number,
        }
    }

    /// Tells whether the value is `null`.
    pub fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    /// The value if it is a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self.bytes() {
            b"true" => Some(true),
            b"false" => Some(false),
            _ => None,
        }
    }

    /// The text if the value is a string; `None` also if it has a lone surrogate, which no text can hold.
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        match unescape(self.quoted()?) {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
        }
    }

    /// The number as it is written, if the value is a number.
    pub fn as_number(&self) -> Option<&str> {
        if self.kind() == Kind::Number { std::str::from_utf8(self.bytes()).ok() } else { None }
    }

    /// Text between the quotes, escapes as they came, if the value is a string.
    pub fn quoted(&self) -> Option<&[u8]> {
        self.bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")
    }

    /// Number of children of a list or object; `None` for scalars.
    pub fn len(&self) -> Option<usize> {
        self.index().map(Index::len)
    }

    /// Tells whether the value is a list or object without children.
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// The value at the end of the path, if there is one.
    pub fn get(&self, path: &[Step]) -> Option<Self> {
        path.iter().try_fold(self.clone(), |doc, step| doc.step(step))
    }

    /// The value one step below, if there is one.
    pub fn step(&self, step: &Step) -> Option<Self> {
        match step {
            Step::Key(key) => self.field(key),
            Step::Index(at) => self.element(*at),
        }
    }

    /// The value of a key, if this is an object that has it.
    pub fn field(&self, key: &str) -> Option<Self> {
        let index = self.index()?;
        self.child(index, index.find(&self.buffer, key.as_bytes())?)
    }

    /// The element at a position from 0, or from the end if negative, if this is a list that has it.
    pub fn element(&self, at: i64) -> Option<Self> {
        let index = self.index()?;
        let Children::List(spans) = &index.children else { return None };
        let from_start = if at < 0 { at.checked_add_unsigned(spans.len() as u64)? } else { at };
        self.child(index, usize::try_from(from_start).ok()?)
    }

    /// The elements, if this is a list.
    pub fn elements(&self) -> Option<impl ExactSizeIterator<Item = Self> + '_> {
        let index = self.index().filter(|_| self.kind() == Kind::List)?;
        Some((0..index.len()).map(move |at| self.child(index, at).unwrap_or_else(Self::null)))
    }

    /// The entries in order, if this is an object. Of a repeated key only the last is there; a lone surrogate in
    /// a key is shown as U+FFFD.
    pub fn entries(&self) -> Option<impl ExactSizeIterator<Item = (String, Self)> + '_> {
        let index = self.index().filter(|_| self.kind() == Kind::Object)?;
        Some((0..index.len()).map(move |at| self.entry(at).unwrap_or_else(|| (String::new(), Self::null()))))
    }

    /// The entry at a position from 0, if this is an object that has it.
    pub fn entry(&self, at: usize) -> Option<(String, Self)> {
        let index = self.index()?;
        let Children::Object(entries, _) = &index.children else { return None };
        let key = String::from_utf8_lossy(&key_of(&self.buffer, entries.get(at)?)).into_owned();
        Some((key, self.child(index, at)?))
    }

    fn index(&self) -> Option<&Index> {
        let slot = self.index.as_ref()?;
        Some(slot.get_or_init(|| Index::read(&self.buffer[..self.span.end as usize], self.span.start as usize)))
    }

    fn child(&self, index: &Index, at: usize) -> Option<Self> {
        let span = index.span(at)?;
        Some(Self::part(Arc::clone(&self.buffer), span, || index.slot(at, span)))
    }

    fn part(buffer: Arc<[u8]>, span: Span, slot: impl FnOnce() -> IndexSlot) -> Self {
        let has_children = matches!(buffer.get(span.start as usize), Some(b'[' | b'{'));
        Self { index: has_children.then(slot), buffer, span }
    }
}

/// Two documents are the same if their bytes are; [`super::canonical`] says whether they mean the same.
impl PartialEq for Doc {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Doc {}

impl fmt::Debug for Doc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.bytes()[..self.bytes().len().min(DEBUG_BYTES)];
        let more = if shown.len() < self.bytes().len() { "…" } else { "" };
        write!(f, "Doc({}{more})", String::from_utf8_lossy(shown))
    }
}

/// A log line needs the beginning of a document, never megabytes.
const DEBUG_BYTES: usize = 200;
