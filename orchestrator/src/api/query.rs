//! Query parameters. An unknown one is refused, so that a misspelt one is not taken for none.

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;

use super::parameter::{LIMIT_DEFAULT, LIMIT_MAX, QueryParameter};
use super::problem::Problem;

/// Query parameters of one request, by name and value.
#[derive(Clone, Debug)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads the query of a request that takes these parameters. Refuses unknown ones, and any that is given twice.
    pub(super) fn read(uri: &Uri, known: &[&QueryParameter]) -> Result<Self, Problem> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| Problem::parameter("the query", error.body_text()))?;
        for (at, (name, _)) in pairs.iter().enumerate() {
            if !known.iter().any(|parameter| parameter.name == *name) {
                let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
                let takes = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(Problem::parameter(name, format_args!("unknown; the parameters here are: {takes}")));
            }
            if pairs[..at].iter().any(|(earlier, _)| earlier == name) {
                return Err(Problem::parameter(name, "given twice"));
            }
        }
        Ok(Self(pairs))
    }

    /// Value of a parameter, if it is given.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Value of a parameter that is true or false; false without it, true for an empty one.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true" | "") => Ok(true),
            Some(other) => Err(Problem::parameter(name, format_args!("{other:?} is neither true nor false"))),
        }
    }

    /// Number of elements that a page may have: from 1 to [`LIMIT_MAX`], [`LIMIT_DEFAULT`] unless given.
    pub(super) fn limit(&self) -> Result<usize, Problem> {
        let Some(text) = self.get("limit") else { return Ok(LIMIT_DEFAULT) };
        let limit = text.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
        limit.ok_or_else(|| Problem::parameter("limit", format_args!("{text:?} is not a number from 1 to {LIMIT_MAX}")))
    }

    /// Place at which the list goes on; `None` for its beginning. Refuses a cursor that `read` does not understand.
    pub(super) fn cursor<T>(&self, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
        let Some(text) = self.get("cursor") else { return Ok(None) };
        let cursor = read(text);
        let wrong = || Problem::parameter("cursor", "not a next_cursor of this list; leave it out to start anew");
        cursor.map(Some).ok_or_else(wrong)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(parts.extensions.get::<Self>().cloned().expect("the gate has read them"))
    }
}
