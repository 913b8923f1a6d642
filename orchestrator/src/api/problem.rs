//! Errors as problem documents (RFC 9457), each with a stable code.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use warrener_shared::job;

use crate::store::StoreError;

/// Why a request was not answered as wished.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: String,
    errors: Option<Vec<job::Problem>>,
    parameter: Option<String>,
    retry_after: Option<u32>,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [job::Problem]>,
}

impl Problem {
    fn new(status: StatusCode, code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, title, detail: detail.into(), errors: None, parameter: None, retry_after: None }
    }

    /// There is no such job, task, queue or dead letter.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is no such thing", detail)
    }

    /// Nothing is served under this path.
    pub(super) fn no_such_path(path: &str) -> Self {
        let detail = format!("{path} is not a path of this interface; it starts at /api/v1/jobs");
        Self::new(StatusCode::NOT_FOUND, "unknown_path", "There is no such path", detail)
    }

    /// The path does not take this method.
    pub(super) fn method(method: &str, path: &str) -> Self {
        let detail = format!("{path} does not take {method}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not take this method", detail)
    }

    /// A query parameter cannot be used.
    pub(super) fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        let detail = format!("{name}: {why}");
        let problem = Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", "A parameter cannot be used", detail);
        Self { parameter: Some(name.to_owned()), ..problem }
    }

    /// The body did not arrive as a whole.
    pub(super) fn body(why: impl std::fmt::Display) -> Self {
        let detail = format!("reading the body: {why}");
        Self::new(StatusCode::BAD_REQUEST, "unreadable_body", "The body could not be read", detail)
    }

    /// The body is encoded in a way that is not understood.
    pub(super) fn encoding(given: &str) -> Self {
        let detail = format!("content-encoding is {given:?}; send the job as plain JSON in utf-8");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Self::new(status, "content_encoding", "The body is encoded", detail)
    }

    /// The body is larger than the limit.
    pub(super) fn too_large(limit: usize) -> Self {
        let detail = format!(
            "a job may have {limit} bytes (limits.submit_bytes, http.max_body); put large data in a store and its \
             address in the input"
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The job is too large", detail)
    }

    /// The request names no host, or several.
    pub(super) fn bad_host(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_host", "The request does not say to whom it is sent", detail)
    }

    /// The request was sent to a name that is not ours.
    pub(super) fn unknown_host(detail: String) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, "unknown_host", "The request is for somebody else", detail)
    }

    /// A page of another site tried to change something through a person's browser.
    pub(super) fn cross_site(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "cross_site", "The request comes from another site", detail)
    }

    /// The body stopped coming.
    pub(super) fn slow_body(limit: std::time::Duration) -> Self {
        let detail = format!("nothing more of the body came within {} s", limit.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "slow_body", "The body did not come in time", detail)
    }

    /// A bound is reached that others have to leave first.
    pub(super) fn busy(code: &'static str, detail: &str) -> Self {
        metrics::counter!("warrener_http_refused_total", "reason" => code).increment(1);
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, code, "Too much is asked at once", detail);
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..problem }
    }

    /// It cannot be done in the state that things are in.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It cannot be done now", detail)
    }

    /// The job is not kept: everything that is wrong with it.
    pub(super) fn refused(errors: Vec<job::Problem>) -> Self {
        let conflicts = !errors.is_empty() && errors.iter().all(|problem| problem.code == "conflict");
        let detail = match errors.as_slice() {
            [] => "the job was refused".to_owned(),
            [only] => in_words(only),
            [first, rest @ ..] => format!("{}; and {} more", in_words(first), rest.len()),
        };
        let problem = if conflicts {
            Self::new(StatusCode::CONFLICT, "conflict", "Another job holds the id or the key", detail)
        } else {
            Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_job", "The job is not valid", detail)
        };
        Self { errors: Some(errors), ..problem }
    }

    /// Nothing can be kept at the moment.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let problem = Self::new(status, "unavailable", "Nothing can be changed at the moment", detail);
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..problem }
    }

    /// Our fault.
    pub(super) fn internal(why: impl std::fmt::Display) -> Self {
        tracing::error!(%why, "a request could not be answered");
        let detail = "this is a fault of the orchestrator; its log says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The request could not be answered", detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_transient() { Self::unavailable(error.to_string()) } else { Self::internal(error) }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            kind: format!("urn:warrener:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
            errors: self.errors.as_deref(),
        };
        let body = serde_json::to_vec(&document).expect("a problem has text keys only");
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = (self.status, [kind], body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn in_words(problem: &job::Problem) -> String {
    let place = if problem.pointer.is_empty() { "the request" } else { &problem.pointer };
    format!("{place}: {}", problem.detail)
}

/// A full disk or a busy database is tried again each second.
const RETRY_AFTER_SECONDS: u32 = 2;
