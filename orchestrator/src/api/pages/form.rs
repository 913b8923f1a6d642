//! Fields of a form that was sent.

use axum::body::Body;
use axum::http::Request;

use super::super::app::App;
use super::super::http::{BodyBound, receive};
use super::super::problem::Problem;

/// Most bytes of a form, unless it carries a document.
const FORM_MAX: BodyBound = BodyBound::fixed(64 * 1024);

/// Fields of a form that was sent.
pub(super) struct FormFields(Vec<(String, String)>);

impl FormFields {
    /// Reads the body of a request.
    pub(super) async fn receive(app: &App, request: Request<Body>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = receive(&app.edge, &parts.headers, body, FORM_MAX).await?.bytes;
        Ok(Self(form_urlencoded::parse(&bytes).into_owned().collect()))
    }

    /// Value of a field as it was written; empty if it is not there.
    pub(super) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Value of a field without spaces around it; `None` if nothing else was written.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|value| !value.is_empty())
    }
}
