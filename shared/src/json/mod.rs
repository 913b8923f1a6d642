//! JSON documents whose bytes stay as they came: 30-digit integers, `1e400`, `\u0000` and key order survive.

use std::sync::Arc;

/// A JSON document: bytes that are known to be one JSON value, shared cheaply, indexed at first need.
#[derive(Clone, Debug)]
pub struct Doc {
    bytes: Arc<[u8]>,
}

impl Doc {
    /// Takes bytes that are known to be one JSON value (no trailing white space matters).
    pub fn trusted(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { bytes: bytes.into() }
    }

    /// The document `null`.
    pub fn null() -> Self {
        Self::trusted(*b"null")
    }

    /// The bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
