//! Last words to a client that has not asked anything that can be read, and so can't be answered by the routes.

use super::super::problem::{self, ProblemSort};

/// Response to a client that comes when every seat is taken.
pub(super) fn full() -> Vec<u8> {
    const WHY: &str = "as many connections as may be (http.max_connections) are open; try again in a moment";
    words(&problem::TOO_MANY_CONNECTIONS, WHY)
}

/// Response to a client that began a request and did not go on.
pub(super) fn slow_head() -> Vec<u8> {
    words(&problem::SLOW_HEAD, "the head of the request did not come in time (http.head_timeout)")
}

/// Response in place of one with this status and no words; `None` for a status that no unreadable request has.
pub(super) fn unreadable(status: &str) -> Option<Vec<u8>> {
    match status {
        "400" => Some(words(&problem::UNREADABLE_REQUEST, "this is no request of HTTP/1.1")),
        "414" => Some(words(&problem::URI_TOO_LONG, "path and query together may have about 64 KiB")),
        "431" => Some(words(&problem::HEAD_TOO_LARGE, "the head of a request may have about 64 KiB and 100 headers")),
        _ => None,
    }
}

/// Whole HTTP response with a problem document, to be written at once before the connection is closed.
fn words(sort: &ProblemSort, detail: &str) -> Vec<u8> {
    let ProblemSort { status, code, title } = sort;
    let number = status.as_u16();
    let body =
        format!(r#"{{"type":"urn:warrener:problem:{code}","title":"{title}","status":{number},"code":"{code}","#)
            + &format!(r#""detail":"{detail}"}}"#);
    let wait = if number == 503 || number == 408 { "retry-after: 1\r\n" } else { "" };
    let length = body.len();
    format!(
        "HTTP/1.1 {number} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {length}\r\n\
         {wait}connection: close\r\n\r\n{body}",
        status.canonical_reason().unwrap_or_default()
    )
    .into_bytes()
}
