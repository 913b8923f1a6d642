//! The guard: first checks of every request, then a count and a clock. Is it for us, and may its page ask?

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::super::problem::Problem;
use super::host::Stranger;
use super::{Arrival, Edge};
use crate::access::Access;

/// Methods that a page of a listed origin may use.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
/// Request headers that a page of a listed origin may send.
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, if-match, last-event-id, traceparent");
/// Response headers that a page of a listed origin may read.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, location, retry-after");
/// Time for which a browser may remember the answer to its preflight, in seconds.
const PREFLIGHT_SECONDS: HeaderValue = HeaderValue::from_static("600");

/// Checks, answers, counts and times a request. A refusal here has touched nothing else.
pub(in super::super) async fn guard(
    State((edge, access)): State<(Arc<Edge>, Arc<Access>)>,
    request: Request,
    next: Next,
) -> Response {
    let begun = Instant::now();
    let method = method(&request);
    let path =
        request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = answer(&edge, &access, request, next).await.unwrap_or_else(IntoResponse::into_response);
    share(&edge, origin, response.headers_mut());
    let status = response.status().as_u16().to_string();
    metrics::counter!("warrener_http_requests_total", "method" => method, "path" => path.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("warrener_http_request_seconds", "method" => method, "path" => path)
        .record(begun.elapsed().as_secs_f64());
    response
}

/// Answers a preflight, or passes the request on, after the checks.
async fn answer(edge: &Edge, access: &Access, request: Request, next: Next) -> Result<Response, Problem> {
    let arrival = request.extensions().get::<Arrival>().copied();
    check(edge, access, &request, arrival)?;
    if is_preflight(edge, &request) {
        return Ok(preflight());
    }
    Ok(next.run(request).await)
}

/// Checks that the request is for us and, if it changes something, that its page may ask.
fn check(edge: &Edge, access: &Access, request: &Request, arrival: Option<Arrival>) -> Result<(), Problem> {
    let local = arrival.map(|arrival| arrival.local);
    let peer = arrival.map(|arrival| arrival.peer.ip());
    let host = match access.proxies.forwarded(peer, request.headers()).host {
        // The proxy asks us by whatever name; what counts is the one that its client asked.
        Some(host) => edge.hosts.check_forwarded(host, local).map(Some),
        None => edge.hosts.check(request.version(), request.uri(), request.headers(), local),
    };
    let checked = host.and_then(|own| match request.method().is_safe() {
        true => Ok(()),
        false => edge.hosts.check_page(request.headers(), own.as_ref()),
    });
    checked.map_err(|stranger| {
        let text = stranger.to_string();
        match stranger {
            Stranger::NoHost => Problem::bad_host(text),
            Stranger::UnknownHost(_) => Problem::unknown_host(text),
            Stranger::CrossSite(_) => Problem::cross_site(text),
        }
    })
}

/// Method as a label of metrics. Clients make up methods freely, labels must be few.
fn method(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        _ => "other",
    }
}

/// Tells a preflight: a browser asks, in the name of a page of a listed origin, whether it may ask.
fn is_preflight(edge: &Edge, request: &Request) -> bool {
    let headers = request.headers();
    *request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
        && headers.get(header::ORIGIN).is_some_and(|origin| is_listed(edge, origin))
}

/// Tells whether pages of this origin may use the interface.
fn is_listed(edge: &Edge, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|origin| edge.hosts.allows(origin))
}

/// Answer to a preflight.
fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

/// Adds headers that say who may use an answer, and that a browser must not guess its type.
fn share(edge: &Edge, origin: Option<HeaderValue>, headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !edge.hosts.allows_any() {
        headers
            .insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin.filter(|origin| is_listed(edge, origin)) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}
