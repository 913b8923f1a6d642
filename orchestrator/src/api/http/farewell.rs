//! Last words to a client that has not asked anything yet, and so can't be answered by the routes.

/// Response to a client that comes when every seat is taken.
pub(super) fn full() -> Vec<u8> {
    const WHY: &str = "as many connections as may be (http.max_connections) are open; try again in a moment";
    words("503 Service Unavailable", "too_many_connections", WHY)
}

/// Response to a client that began a request and did not go on.
pub(super) fn slow_head() -> Vec<u8> {
    const WHY: &str = "the head of the request did not come in time (http.head_timeout)";
    words("408 Request Timeout", "slow_head", WHY)
}

/// Whole HTTP response with a problem document, to be written at once before the connection is closed.
fn words(status: &str, code: &str, detail: &str) -> Vec<u8> {
    let (number, title) = status.split_once(' ').unwrap_or((status, ""));
    let body =
        format!(r#"{{"type":"urn:warrener:problem:{code}","title":"{title}","status":{number},"code":"{code}","#)
            + &format!(r#""detail":"{detail}"}}"#);
    let length = body.len();
    let head = [
        &format!("HTTP/1.1 {status}"),
        "content-type: application/problem+json",
        &format!("content-length: {length}"),
        "retry-after: 1",
        "connection: close",
    ]
    .join("\r\n");
    format!("{head}\r\n\r\n{body}").into_bytes()
}
