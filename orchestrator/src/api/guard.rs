//! What every request passes: a count, a clock, and a check that no foreign web page is behind it.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

pub(super) async fn guard(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = method(&request);
    let path =
        request.extensions().get::<MatchedPath>().map_or_else(|| "other".to_owned(), |path| path.as_str().to_owned());
    let response = if request.method().is_safe() || is_ours(request.headers()) {
        next.run(request).await
    } else {
        Problem::foreign_page().into_response()
    };
    let status = response.status().as_u16().to_string();
    metrics::counter!("warrener_http_requests_total", "method" => method, "path" => path.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("warrener_http_request_seconds", "method" => method, "path" => path)
        .record(begun.elapsed().as_secs_f64());
    response
}

/// Methods are made up freely by clients, labels must not be.
fn method(request: &Request) -> &'static str {
    match request.method().as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "HEAD" => "HEAD",
        _ => "other",
    }
}

/// A browser sends a form or plain text anywhere without asking, so a page of another site could change things
/// here in the name of whoever looks at it. Programs send neither header.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(header::HOST.as_str())
}

#[cfg(test)]
mod tests;
