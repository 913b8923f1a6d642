//! An answer, as it came and as we read it.

use serde::de::DeserializeOwned;

use super::error::HttpError;

/// A JSON document from the API: the text as it came, for programs, and what we read in it.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The HTTP status.
    pub status: u16,
    /// The document, byte for byte, so that 30-digit numbers and new fields survive.
    pub text: String,
    /// Content of the answer, as far as we read it.
    pub value: T,
}

impl<T: DeserializeOwned> Answer<T> {
    pub(super) fn read(what: &str, status: u16, text: String) -> Result<Self, HttpError> {
        match serde_json::from_str(&text) {
            Ok(value) => Ok(Self { status, text, value }),
            Err(error) => Err(HttpError::Unreadable { what: what.to_owned(), why: error.to_string() }),
        }
    }
}
