use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};

use super::*;
use crate::JobDocument;

/// A server that records what it is asked and answers one recorded document.
struct Recorder {
    url: String,
    seen: Seen,
}

type Seen = Arc<Mutex<Vec<Asked>>>;

#[derive(Clone, Debug)]
struct Asked {
    line: String,
    token: Option<String>,
    key: Option<String>,
    body: String,
}

impl Recorder {
    async fn answering(status: u16, body: &'static str) -> Self {
        let seen = Seen::default();
        let answer = move |State(seen): State<Seen>, request: Request| async move {
            let (token, key) = (header(&request, "authorization"), header(&request, "idempotency-key"));
            let line = format!("{} {}", request.method(), request.uri());
            let body_bytes = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let asked = Asked { line, token, key, body: String::from_utf8(body_bytes.to_vec()).unwrap() };
            seen.lock().unwrap().push(asked);
            (axum::http::StatusCode::from_u16(status).unwrap(), body).into_response() as Response
        };
        let router = Router::new().fallback(answer).with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, seen }
    }

    fn client(&self) -> HttpClient {
        HttpClient::new(&self.url, Some("s3cret".to_owned())).unwrap()
    }

    fn asked(&self) -> Asked {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
}

const JOB: &str = r#"{"id":"j1","name":null,"kind":"demo.echo","labels":{},"state":"running","paused":false,
    "cancelling":false,"created_at":"2026-11-24T15:03:23.120Z","scheduled_at":null,"started_at":null,
    "finished_at":null,"deadline_at":null,"input":123456789012345678901234567890,"output":null,
    "error":null,"tasks":{"ready":1,"succeeded":2}}"#;

#[tokio::test]
async fn a_submit_carries_an_id_a_token_and_the_exact_bytes() {
    let server = Recorder::answering(202, JOB).await;
    let document = JobDocument::from_json(r#"{"kind": "demo.echo",  "input": 1e400}"#).unwrap();
    let options = SubmitOptions { dry_run: true, wait: Some(std::time::Duration::from_secs(60)) };
    let answer = server.client().submit(&document, options).await.unwrap();
    assert_eq!((answer.status, answer.value.id.as_str(), answer.text.as_str()), (202, "j1", JOB));
    let asked = server.asked();
    assert_eq!(asked.line, "POST /api/v1/jobs?dry_run=true&wait=1m");
    assert_eq!(asked.body.as_bytes(), document.bytes());
    assert_eq!((asked.token.as_deref(), asked.key.map(|key| key.len())), (Some("Bearer s3cret"), Some(36)));
    let named = JobDocument::from_json(r#"{"id":"n","kind":"demo.echo"}"#).unwrap();
    server.client().submit(&named, SubmitOptions::default()).await.unwrap();
    assert_eq!((server.asked().line.as_str(), server.asked().key), ("POST /api/v1/jobs", None));
}

#[tokio::test]
async fn ids_and_filters_are_escaped() {
    let server = Recorder::answering(200, r#"{"items":[],"next_cursor":"c2"}"#).await;
    let query = JobQuery { filter: Some("kind:ml.* -a&b".to_owned()), cursor: Some("c/1".to_owned()), limit: Some(7) };
    let page = server.client().jobs(&query).await.unwrap();
    assert_eq!(page.value.next_cursor.as_deref(), Some("c2"));
    assert_eq!(server.asked().line, "GET /api/v1/jobs?q=kind%3Aml.*+-a%26b&cursor=c%2F1&limit=7");
    server.client().steer_task("a/../b", "t.3", "retry").await.unwrap();
    assert_eq!(server.asked().line, "POST /api/v1/tasks/a%2F..%2Fb/t.3/retry");
}

#[tokio::test]
async fn a_refusal_keeps_every_problem() {
    let body = r#"{"type":"about:blank","title":"invalid job","status":422,"detail":"1 problem",
        "errors":[{"pointer":"/tasks/a/need","code":"unknown_field","detail":"d","hint":"did you mean `needs`?"}]}"#;
    let server = Recorder::answering(422, body).await;
    let error = server.client().job("x").await.unwrap_err();
    assert_eq!((error.status(), error.is_transient()), (Some(422), false));
    assert_eq!(error.to_string(), "reading job x: 1 problem (HTTP 422)");
    let HttpError::Refused { problem, .. } = error else { panic!("a refusal") };
    assert_eq!(problem.errors[0].hint.as_deref(), Some("did you mean `needs`?"));
}

#[tokio::test]
async fn what_no_orchestrator_says_is_told_as_such() {
    let proxy = Recorder::answering(503, "upstream is down").await;
    let error = proxy.client().steer_job("x", "pause").await.unwrap_err();
    assert_eq!(error.to_string(), "pausing job x: upstream is down (HTTP 503)");
    assert!(error.is_transient());
    for (status, body) in [(200, "<html>"), (404, ""), (405, "<html>")] {
        let stranger = Recorder::answering(status, body).await;
        assert!(matches!(stranger.client().queues().await, Err(HttpError::Unreadable { .. })), "{status}");
    }
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_says_where() {
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = HttpClient::new(&format!("http://{free}"), None).unwrap().workers().await.unwrap_err();
    assert!(matches!(&error, HttpError::Unreachable { .. }) && error.is_transient());
    let text = error.to_string();
    assert!(text.contains(&free.to_string()) && text.to_lowercase().contains("refused"), "{text}");
}

#[test]
fn an_address_that_is_none_is_refused() {
    for url in ["", "127.0.0.1:8080", "ftp://x", "http://"] {
        assert!(matches!(HttpClient::new(url, None), Err(HttpError::Address { .. })), "{url:?}");
    }
}
