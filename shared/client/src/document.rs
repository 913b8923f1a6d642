//! A job as the bytes that are submitted.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A job as JSON bytes. Only its being a JSON object is certain; whether it is a sound job is for the
/// orchestrator to say, or for `warrener_shared::job::parse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDocument {
    bytes: Vec<u8>,
    id: Option<String>,
    is_id_in_body: bool,
}

/// Reasons why bytes are no job document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not JSON.
    #[error("reading the job: {0}")]
    NotJson(#[from] serde_json::Error),
    /// The bytes are JSON, but no object.
    #[error("reading the job: it must be an object with `kind` (one task) or `tasks` (a graph)")]
    NotAnObject,
}

impl JobDocument {
    /// Takes JSON bytes as they are; numbers and key order stay as written.
    ///
    /// # Errors
    /// [`DocumentError`] if they are not one JSON object.
    pub fn from_json(bytes: impl Into<Vec<u8>>) -> Result<Self, DocumentError> {
        let bytes = bytes.into();
        let document: &RawValue = serde_json::from_slice(&bytes)?;
        if !document.get().starts_with('{') {
            return Err(DocumentError::NotAnObject);
        }
        let id = id_of(document);
        Ok(Self { is_id_in_body: id.is_some(), bytes, id })
    }

    /// The JSON bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The id that every submit of it will have: its own, or the one that it was pinned to. `None` means that
    /// each submit gets a fresh one and makes a job of its own.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Makes all submits of this document one job: gives it a fresh id unless it has one. Its bytes stay as
    /// they are; the id travels beside them. So an uncertain submit can be repeated.
    #[must_use]
    pub fn pinned(mut self) -> Self {
        self.id.get_or_insert_with(fresh_id);
        self
    }

    /// The id for one submit.
    pub(crate) fn submit_id(&self) -> String {
        self.id.clone().unwrap_or_else(fresh_id)
    }

    /// Tells whether the bytes name the id.
    pub(crate) fn is_id_in_body(&self) -> bool {
        self.is_id_in_body
    }
}

fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

fn id_of(document: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    // A document with two ids or an id of another type is refused by the orchestrator with better words.
    let head: Head<'_> = serde_json::from_str(document.get()).ok()?;
    serde_json::from_str::<Cow<'_, str>>(head.id?.get()).ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests;
