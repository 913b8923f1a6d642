//! Writing new documents from text and from the bytes of other documents.

use super::text::push_escaped;

/// Appends the text as a JSON string, quotes included.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text.as_bytes());
    out.push(b'"');
}

/// A document would have more bytes than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the document has more than {limit} bytes")]
pub struct TooLarge {
    /// Most bytes that it may have.
    pub limit: usize,
}

/// Writes a list from values that are JSON already.
#[derive(Debug)]
pub struct ListWriter {
    container: Container,
}

impl ListWriter {
    /// An empty list of at most so many bytes, brackets included.
    pub fn new(limit: usize) -> Self {
        Self { container: Container::new(b'[', limit) }
    }

    /// Adds an element: bytes that are known to be one JSON value.
    ///
    /// # Errors
    /// If the list becomes too large; it is unchanged then.
    pub fn push(&mut self, value: &[u8]) -> Result<(), TooLarge> {
        self.container.push(&[], value)
    }

    /// The bytes of the list.
    ///
    /// # Errors
    /// If even the brackets are too large.
    pub fn finish(self) -> Result<Vec<u8>, TooLarge> {
        self.container.finish(b']')
    }
}

/// Writes an object from values that are JSON already.
#[derive(Debug)]
pub struct ObjectWriter {
    container: Container,
    key: Vec<u8>,
}

impl ObjectWriter {
    /// An empty object of at most so many bytes, braces included.
    pub fn new(limit: usize) -> Self {
        Self { container: Container::new(b'{', limit), key: Vec::new() }
    }

    /// Adds an entry: a key as text, and bytes that are known to be one JSON value.
    ///
    /// # Errors
    /// If the object becomes too large; it is unchanged then.
    pub fn push(&mut self, key: &str, value: &[u8]) -> Result<(), TooLarge> {
        self.key.clear();
        push_string(&mut self.key, key);
        self.key.push(b':');
        self.container.push(&self.key, value)
    }

    /// The bytes of the object.
    ///
    /// # Errors
    /// If even the braces are too large.
    pub fn finish(self) -> Result<Vec<u8>, TooLarge> {
        self.container.finish(b'}')
    }
}

#[derive(Debug)]
struct Container {
    out: Vec<u8>,
    limit: usize,
}

impl Container {
    fn new(open: u8, limit: usize) -> Self {
        Self { out: vec![open], limit }
    }

    fn push(&mut self, before: &[u8], value: &[u8]) -> Result<(), TooLarge> {
        let comma = usize::from(self.out.len() > 1);
        // The closing bracket needs room too.
        if self.out.len() + comma + before.len() + value.len() + 1 > self.limit {
            return Err(TooLarge { limit: self.limit });
        }
        self.out.extend_from_slice(&b","[..comma]);
        self.out.extend_from_slice(before);
        self.out.extend_from_slice(value);
        Ok(())
    }

    fn finish(mut self, close: u8) -> Result<Vec<u8>, TooLarge> {
        self.out.push(close);
        if self.out.len() > self.limit { Err(TooLarge { limit: self.limit }) } else { Ok(self.out) }
    }
}
