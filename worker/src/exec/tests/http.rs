use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::exec::{Endpoint, EndpointClient, Handler};

/// A server that answers one request with these bytes and tells what it was asked.
async fn serve(answer: impl Into<Vec<u8>>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://user:secret@{}/predict?x=1", listener.local_addr().unwrap());
    let answer = answer.into();
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let request = read_request(&mut stream).await;
        // A client that has heard enough hangs up.
        drop(stream.write_all(&answer).await);
        request
    });
    (url, asked)
}

async fn read_request(stream: &mut tokio::net::TcpStream) -> String {
    let mut request = String::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        request.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        let Some((head, body)) = request.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if count == 0 || body.len() >= length.parse().unwrap() {
            return request;
        }
    }
}

fn handler(url: &str) -> Handler {
    Handler::Http(Arc::new(Endpoint {
        url: url.parse().unwrap(),
        client: EndpointClient::new().unwrap(),
        pause_on_429: None,
    }))
}

async fn post(url: &str, patience: TimeLimits) -> Ending {
    attempt(handler(url), context(), br#"{"a":1}"#.to_vec(), patience).await
}

/// The ending with the server's address as `HOST`.
async fn answered(answer: &str) -> String {
    let (url, _) = serve(answer).await;
    let host = url.split(['@', '/']).nth(3).unwrap().to_owned();
    shown(&post(&url, FOR_EVER).await).replace(&host, "HOST")
}

#[tokio::test]
async fn the_input_is_posted_and_the_body_is_the_output() {
    let (url, asked) = serve("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"b\": 2}\n").await;
    assert_eq!(shown(&post(&url, FOR_EVER).await), r#"ok {"b": 2}"#);
    let asked = asked.await.unwrap().to_lowercase();
    assert!(asked.starts_with("post /predict?x=1 http/1.1\r\n") && asked.ends_with("\r\n\r\n{\"a\":1}"), "{asked}");
    for header in [
        "content-type: application/json",
        "warrener-job: j",
        "warrener-task: count.3",
        "warrener-attempt: 2",
        "idempotency-key: j.count.3",
        "traceparent: 00-1-2-01",
        "authorization: basic dxnlcjpzzwnyzxq=",
    ] {
        assert!(asked.contains(&format!("{header}\r\n")), "{header} in {asked}");
    }
}

#[tokio::test]
async fn an_empty_body_is_null_and_text_is_text() {
    assert_eq!(answered("HTTP/1.1 204 No Content\r\n\r\n").await, "ok null");
    assert_eq!(answered("HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nthree").await, r#"ok "three""#);
    let (url, _) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\xff".to_vec()).await;
    assert_eq!(shown(&post(&url, FOR_EVER).await), "bad_output: the output is neither JSON nor UTF-8 text, for good");
}

#[tokio::test]
async fn client_errors_are_for_good_and_the_others_are_not() {
    let status = async |line: &str| answered(&format!("HTTP/1.1 {line}\r\ncontent-length: 4\r\n\r\n no\n")).await;
    for (line, end) in [
        ("400 Bad Request", ", for good"),
        ("404 Not Found", ", for good"),
        ("422 Unprocessable Entity", ", for good"),
        ("408 Request Timeout", ""),
        ("425 Too Early", ""),
        ("429 Too Many Requests", ""),
        ("500 Internal Server Error", ""),
        ("503 Service Unavailable", ""),
    ] {
        let code = &line[..3];
        assert_eq!(status(line).await, format!("http_{code}: http://HOST/predict answered {line}: no{end}"));
    }
}

#[tokio::test]
async fn an_endpoint_that_asks_for_patience_gets_it() {
    let wait = async |status: &str, wait: &str| {
        let head = format!("HTTP/1.1 {status}\r\nretry-after: {wait}\r\ncontent-length: 0\r\n\r\n");
        answered(&head).await.rsplit_once(", ").map(|(_, retry)| retry.to_owned())
    };
    assert_eq!(wait("429 Too Many Requests", "90").await.as_deref(), Some("after 1m30s"));
    assert_eq!(wait("503 Service Unavailable", "Tue, 24 Nov 2015 07:00:00 GMT").await.as_deref(), Some("after 0s"));
    assert_eq!(wait("503 Service Unavailable", "soon").await, None);
    assert_eq!(wait("400 Bad Request", "90").await.as_deref(), Some("for good"));
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let (url, _) = serve("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let ending = shown(&post(&url, FOR_EVER).await);
    assert!(ending.starts_with("http_302: ") && ending.ends_with("answered 302 Found, for good"), "{ending}");
}

#[tokio::test]
async fn an_error_page_is_kept_in_part() {
    let page = "x".repeat(10_000);
    let (url, _) = serve(format!("HTTP/1.1 500 Oh\r\ncontent-length: 10000\r\n\r\n{page}")).await;
    let details = details(&post(&url, FOR_EVER).await);
    assert_eq!(details["status"], 500);
    assert_eq!(details["body"].as_str().unwrap().chars().count(), 2049);
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    answer.resize(3 * 1024 * 1024, b'1');
    let (url, _) = serve(answer).await;
    assert!(shown(&post(&url, FOR_EVER).await).starts_with("too_large: "));
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_hides_the_password() {
    let ending = shown(&post("http://user:secret@127.0.0.1:1/x", FOR_EVER).await);
    assert!(ending.starts_with("unreachable: posting to http://127.0.0.1:1/x: "), "{ending}");
    assert!(ending.contains("Connection refused") && !ending.contains("secret"), "{ending}");
    let (url, _) = serve("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    assert!(shown(&post(&url, FOR_EVER).await).starts_with("unreachable: "));
}

#[tokio::test]
async fn a_silent_endpoint_times_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let ending = post(&url, within(100)).await;
    assert_eq!(shown(&ending), "timed_out: the attempt took longer than its timeout of 100ms");
}

#[tokio::test]
async fn a_body_is_read_in_the_form_that_it_is_said_to_have() {
    let with = async |headers: &str, body: &[u8]| {
        let mut answer = format!("HTTP/1.1 200 OK\r\n{headers}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        let (url, _) = serve(answer).await;
        let host = url.split(['@', '/']).nth(3).unwrap().to_owned();
        shown(&post(&url, FOR_EVER).await).replace(&host, "HOST")
    };
    assert_eq!(with("content-type: application/json", b"\xEF\xBB\xBF[1]").await, "ok [1]");
    assert_eq!(with("content-type: text/plain", b"NaN").await, r#"ok "NaN""#);
    for media_type in ["application/json", "Application/Problem+JSON; charset=utf-8"] {
        let end = with(&format!("content-type: {media_type}"), b"{\"a\": NaN}").await;
        assert!(
            end.starts_with("bad_output: the output is said to be JSON and is none: ") && end.ends_with("for good")
        );
    }
    let end = with("content-type: text/plain; charset=\"ISO-8859-1\"", b"\xc3\xa4").await;
    let refused =
        "bad_output: http://HOST/predict answered in the charset \"iso-8859-1\"; only utf-8 is read, for good";
    assert_eq!(end, refused);
    assert_eq!(with("content-type: application/json; charset=iso-8859-1", b"[1]").await, "ok [1]");
    let end = with("content-type: application/json; charset=utf-16", b"[1]").await;
    assert!(end.contains("the charset \"utf-16\""), "{end}");
    let end = with("content-encoding: gzip", b"\x1f\x8b").await;
    assert!(end.starts_with("bad_output: ") && end.contains("the encoding \"gzip\""), "{end}");
}
