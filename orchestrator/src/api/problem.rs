//! Errors as problem documents (RFC 9457), each with a stable code.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use warrener_shared::job;

use crate::store::StoreError;

/// A sort of refusal. Every sort of this interface is a constant here.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProblemSort {
    /// HTTP status.
    pub(super) status: StatusCode,
    /// Stable word for programs.
    pub(super) code: &'static str,
    /// Name of the sort for people, in a few words.
    pub(super) title: &'static str,
}

/// Sort of refusal with these three.
const fn sort(status: StatusCode, code: &'static str, title: &'static str) -> ProblemSort {
    ProblemSort { status, code, title }
}

/// Refusal of a job, task, queue, worker or dead letter that is not there, or does not exist for the caller.
pub(super) const NOT_FOUND: ProblemSort = sort(StatusCode::NOT_FOUND, "not_found", "There is no such thing");
/// Refusal of a path under which nothing is served.
pub(super) const UNKNOWN_PATH: ProblemSort = sort(StatusCode::NOT_FOUND, "unknown_path", "There is no such path");
/// Refusal of a method that the path does not take.
pub(super) const METHOD: ProblemSort =
    sort(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The path does not take this method");
/// Refusal of a query parameter that is unknown or cannot be read.
pub(super) const PARAMETER: ProblemSort =
    sort(StatusCode::BAD_REQUEST, "invalid_parameter", "A parameter cannot be used");
/// Refusal of a body that did not arrive as a whole, or is not JSON.
pub(super) const BODY: ProblemSort = sort(StatusCode::BAD_REQUEST, "unreadable_body", "The body could not be read");
/// Refusal of a body that is encoded in a way that is not understood.
pub(super) const ENCODING: ProblemSort =
    sort(StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_encoding", "The body is encoded");
/// Refusal of a body that is larger than the limit.
pub(super) const TOO_LARGE: ProblemSort = sort(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "The body is too large");
/// Refusal of what is no request.
pub(super) const UNREADABLE_REQUEST: ProblemSort =
    sort(StatusCode::BAD_REQUEST, "unreadable_request", "The request could not be read");
/// Refusal of a request whose head stopped coming.
pub(super) const SLOW_HEAD: ProblemSort =
    sort(StatusCode::REQUEST_TIMEOUT, "slow_head", "The head did not come in time");
/// Refusal of a path and query that are too long.
pub(super) const URI_TOO_LONG: ProblemSort =
    sort(StatusCode::URI_TOO_LONG, "uri_too_long", "The path or query is too long");
/// Refusal of a head that is too large, or has too many headers.
pub(super) const HEAD_TOO_LARGE: ProblemSort =
    sort(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head_too_large", "The head is too large");
/// Refusal of a request that names no host, or several.
pub(super) const BAD_HOST: ProblemSort =
    sort(StatusCode::BAD_REQUEST, "bad_host", "The request does not say to whom it is sent");
/// Refusal of a request that was sent to a name that is not ours.
pub(super) const UNKNOWN_HOST: ProblemSort =
    sort(StatusCode::MISDIRECTED_REQUEST, "unknown_host", "The request is for somebody else");
/// Refusal of a page of another site that tried to change something through a browser.
pub(super) const CROSS_SITE: ProblemSort =
    sort(StatusCode::FORBIDDEN, "cross_site", "The request comes from another site");
/// Refusal of a caller with no token, or with one that is unknown or has expired.
pub(super) const UNAUTHENTICATED: ProblemSort =
    sort(StatusCode::UNAUTHORIZED, "unauthenticated", "The caller is not known");
/// Refusal of a caller whose token lacks the scope, or is for some jobs only.
pub(super) const NOT_ALLOWED: ProblemSort = sort(StatusCode::FORBIDDEN, "not_allowed", "The caller may not do this");
/// Refusal of a body that stopped coming.
pub(super) const SLOW_BODY: ProblemSort =
    sort(StatusCode::REQUEST_TIMEOUT, "slow_body", "The body did not come in time");
/// Refusal while as many lists as may be are being made.
pub(super) const TOO_MANY_READS: ProblemSort =
    sort(StatusCode::SERVICE_UNAVAILABLE, "too_many_reads", "Too much is asked at once");
/// Refusal while as many connections as may be are being answered.
pub(super) const TOO_MANY_CONNECTIONS: ProblemSort =
    sort(StatusCode::SERVICE_UNAVAILABLE, "too_many_connections", "Too much is asked at once");
/// Refusal while as many submits as may be wait for the end of their jobs.
pub(super) const TOO_MANY_WAITING: ProblemSort =
    sort(StatusCode::SERVICE_UNAVAILABLE, "too_many_waiting", "Too much is asked at once");
/// Refusal while as many streams as may be are followed.
pub(super) const TOO_MANY_STREAMS: ProblemSort =
    sort(StatusCode::SERVICE_UNAVAILABLE, "too_many_streams", "Too much is asked at once");
/// Refusal while others hold the memory for large bodies.
pub(super) const NO_MEMORY: ProblemSort =
    sort(StatusCode::SERVICE_UNAVAILABLE, "no_memory", "Too much is asked at once");
/// Refusal of what cannot be done in the state that things are in.
pub(super) const CONFLICT: ProblemSort = sort(StatusCode::CONFLICT, "conflict", "It cannot be done now");
/// Refusal of a job that is not valid. Everything that is wrong with it is in `errors`.
pub(super) const INVALID_JOB: ProblemSort =
    sort(StatusCode::UNPROCESSABLE_ENTITY, "invalid_job", "The job is not valid");
/// Refusal of a schedule: everything that is wrong with it is in `errors`.
pub(super) const INVALID_SCHEDULE: ProblemSort =
    sort(StatusCode::UNPROCESSABLE_ENTITY, "invalid_schedule", "The schedule is not valid");
/// Refusal of a change to something that is not as `If-Match` or `If-None-Match` demands.
pub(super) const STALE: ProblemSort = sort(StatusCode::PRECONDITION_FAILED, "stale", "It was changed meanwhile");
/// The limit, or a key of it, is not set: everything that is wrong with it is in `errors`.
pub(super) const INVALID_LIMIT: ProblemSort =
    sort(StatusCode::UNPROCESSABLE_ENTITY, "invalid_limit", "The limit is not valid");
/// Refusal while the database cannot be read or written.
pub(super) const UNAVAILABLE: ProblemSort =
    sort(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Nothing can be changed at the moment");
/// Refusal for a fault of ours.
pub(super) const INTERNAL: ProblemSort =
    sort(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The request could not be answered");

/// Refusal of a request, with what is special about this case.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    /// Sort of refusal.
    pub(super) sort: ProblemSort,
    /// Description of this case, in a sentence.
    pub(super) detail: String,
    /// Each problem of a submitted job, if it is refused for them.
    pub(super) errors: Option<Vec<job::Problem>>,
    /// Name of the parameter that cannot be used.
    parameter: Option<String>,
    /// Seconds after which to ask again, if that may help.
    retry_after: Option<u32>,
}

/// Problem document as it is sent (RFC 9457).
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
    /// Refusal of a sort with its detail.
    fn new(sort: ProblemSort, detail: impl Into<String>) -> Self {
        Self { sort, detail: detail.into(), errors: None, parameter: None, retry_after: None }
    }

    /// Refusal of a job, task, queue, worker or dead letter that is not there, or does not exist for the caller.
    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(NOT_FOUND, detail)
    }

    /// Refusal of a path under which nothing is served.
    pub(super) fn no_such_path(path: &str) -> Self {
        let detail = format!("{path} is not a path of this interface; it starts at /api/v1/jobs");
        Self::new(UNKNOWN_PATH, detail)
    }

    /// Refusal of a method that the path does not take.
    pub(super) fn method(method: &str, path: &str) -> Self {
        let detail = format!("{path} does not take {method}");
        Self::new(METHOD, detail)
    }

    /// Refusal of a query parameter or header that cannot be used.
    pub(super) fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        let detail = format!("{name}: {why}");
        let problem = Self::new(PARAMETER, detail);
        Self { parameter: Some(name.to_owned()), ..problem }
    }

    /// Refusal of a body that did not arrive as a whole, or is not JSON.
    pub(super) fn body(why: impl std::fmt::Display) -> Self {
        let detail = format!("reading the body: {why}");
        Self::new(BODY, detail)
    }

    /// Refusal of a body that is encoded in a way that is not understood.
    pub(super) fn encoding(given: &str) -> Self {
        let detail = format!("content-encoding is {given:?}; send the job as plain JSON in utf-8");
        Self::new(ENCODING, detail)
    }

    /// Refusal of a body that is larger than this bound, which tells its bytes and who may change it.
    pub(super) fn too_large(bound: impl std::fmt::Display) -> Self {
        let detail = format!("it may have {bound}; put large data in a store and its address in the document");
        Self::new(TOO_LARGE, detail)
    }

    /// Refusal of a request that names no host, or several.
    pub(super) fn bad_host(detail: String) -> Self {
        Self::new(BAD_HOST, detail)
    }

    /// Refusal of a request that was sent to a name that is not ours.
    pub(super) fn unknown_host(detail: String) -> Self {
        Self::new(UNKNOWN_HOST, detail)
    }

    /// Refusal of a page of another site that tried to change something through a person's browser.
    pub(super) fn cross_site(detail: String) -> Self {
        Self::new(CROSS_SITE, detail)
    }

    /// Refusal of a caller that is not known, in the same words whatever it showed. Counted.
    pub(super) fn unauthenticated() -> Self {
        metrics::counter!("warrener_http_refused_total", "reason" => "unauthenticated").increment(1);
        let detail = "this needs a token that is known and has not expired: `Authorization: Bearer <token>`; the \
                      command line takes it from WARRENER_TOKEN or WARRENER_TOKEN_FILE";
        Self::new(UNAUTHENTICATED, detail)
    }

    /// Refusal of a caller that is known and may not do this. Counted.
    pub(super) fn not_allowed(detail: String) -> Self {
        metrics::counter!("warrener_http_refused_total", "reason" => "not_allowed").increment(1);
        Self::new(NOT_ALLOWED, detail)
    }

    /// Refusal of a body that did not come in time.
    pub(super) fn slow_body(why: &str) -> Self {
        Self::new(SLOW_BODY, why)
    }

    /// Refusal at a bound that others have to leave first. Counted, and to be tried again.
    pub(super) fn busy(sort: ProblemSort, detail: &str) -> Self {
        metrics::counter!("warrener_http_refused_total", "reason" => sort.code).increment(1);
        let problem = Self::new(sort, detail);
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..problem }
    }

    /// Refusal of what cannot be done in the state that things are in.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::new(CONFLICT, detail)
    }

    /// Refusal of a job with all that is wrong with it: 409 if each of the problems may pass by itself, else 422.
    pub(super) fn refused(errors: Vec<job::Problem>) -> Self {
        let conflicts =
            !errors.is_empty() && errors.iter().all(|problem| matches!(&*problem.code, "conflict" | "limited"));
        let detail = match errors.as_slice() {
            [] => "the job was refused".to_owned(),
            [only] => in_words(only),
            [first, rest @ ..] => format!("{}; and {} more", in_words(first), rest.len()),
        };
        let problem = if conflicts { Self::new(CONFLICT, detail) } else { Self::new(INVALID_JOB, detail) };
        Self { errors: Some(errors), ..problem }
    }

    /// The limit is not set: everything that is wrong with it.
    pub(super) fn invalid_limit(errors: Vec<job::Problem>) -> Self {
        let detail = errors.iter().map(in_words).collect::<Vec<_>>().join("; ");
        Self { errors: Some(errors), ..Self::new(INVALID_LIMIT, detail) }
    }

    /// Refusal while nothing can be kept or read. To be tried again.
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        let problem = Self::new(UNAVAILABLE, detail);
        Self { retry_after: Some(RETRY_AFTER_SECONDS), ..problem }
    }

    /// Tells whether the same may be answered in a moment.
    pub(super) fn is_transient(&self) -> bool {
        self.sort.status == StatusCode::SERVICE_UNAVAILABLE
    }

    /// Refusal of a schedule: everything that is wrong with it.
    pub(super) fn refused_schedule(errors: Vec<job::Problem>) -> Self {
        Self { sort: INVALID_SCHEDULE, ..Self::refused(errors) }
    }

    /// Refusal of a change to something that is not as the request demands.
    pub(super) fn stale(detail: impl Into<String>) -> Self {
        Self::new(STALE, detail)
    }

    /// Refusal for a fault of the orchestrator. The log has the reason, the client is not told.
    pub(super) fn internal(why: impl std::fmt::Display) -> Self {
        tracing::error!(%why, "a request could not be answered");
        let detail = "this is a fault of the orchestrator; its log says more";
        Self::new(INTERNAL, detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            // Nothing is wrong with the database: a limit was lowered below what is kept.
            StoreError::Unfit { .. } => Self::conflict(error.to_string()),
            error if error.is_transient() => Self::unavailable(error.to_string()),
            error => Self::internal(error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let document = Document {
            kind: format!("urn:warrener:problem:{}", self.sort.code),
            title: self.sort.title,
            status: self.sort.status.as_u16(),
            code: self.sort.code,
            detail: &self.detail,
            parameter: self.parameter.as_deref(),
            errors: self.errors.as_deref(),
        };
        let body = serde_json::to_vec(&document).expect("a problem has text keys only");
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        let mut response = (self.sort.status, [kind], body).into_response();
        if self.sort.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Bearer realm=\"warrener\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // A page tells the same in its own form.
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Problem of a job in a sentence: place and detail.
fn in_words(problem: &job::Problem) -> String {
    let place = if problem.pointer.is_empty() { "the request" } else { &problem.pointer };
    format!("{place}: {}", problem.detail)
}

/// Seconds after which a refused client may ask again. A full disk or a busy database is tried again each second.
const RETRY_AFTER_SECONDS: u32 = 2;

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}
