//! The caller of a request, for handlers.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::access::Caller;

/// Caller that the gate let in. Only handlers behind a demand for a scope can take it.
#[derive(Clone, Debug)]
pub(super) struct AskedBy(pub Arc<Caller>);

impl AskedBy {
    /// Caller of a request that came through the gate. Panics for any other.
    pub(super) fn of(parts: &Parts) -> Self {
        parts.extensions.get::<Self>().cloned().expect("the gate has let somebody in")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AskedBy {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self::of(parts))
    }
}
