use warrener_shared::wire::dispatch::Assignment;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::*;
use crate::exec::{self, TimeLimits};
use crate::session::Ending;

async fn run(kind: &str, input: &str, attempt: u32, delivery: u32) -> Report {
    let (_, handler) = handlers().into_iter().find(|(name, _)| *name == kind).unwrap();
    let mut assignment = Assignment {
        ticket: "1.1.x".into(),
        reply_to: String::new(),
        kind: kind.into(),
        job: "j".into(),
        task: "task".into(),
        attempt,
        max_attempts: 5,
        timeout: None,
        heartbeat: None,
        deliveries: None,
        max_reports: 1,
        traceparent: None,
        input: Vec::new(),
    };
    let context = Context::new(&mut assignment, delivery);
    let patience = TimeLimits { timeout: None, grace: Duration::from_millis(50) };
    match exec::attempt(handler, context, input.as_bytes().to_vec(), patience).await {
        Ending::Reported(report) => report,
        Ending::Interrupted | Ending::NoRoom { .. } => panic!("interrupted"),
    }
}

fn output(report: Report) -> String {
    match report {
        Report::Succeeded { output } => String::from_utf8(output).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn failure(report: Report) -> (String, RetryAdvice) {
    match report {
        Report::Failed { error, retry } => (format!("{}: {}", error.code, error.message), retry),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn echo_returns_the_bytes_it_got() {
    assert_eq!(output(run("demo.echo", r#"{"b": 1e400}"#, 1, 1).await), r#"{"b": 1e400}"#);
}

#[tokio::test]
async fn sleep_returns_its_output() {
    assert_eq!(output(run("demo.sleep", r#"{"ms": 1, "output": [1.0]}"#, 1, 1).await), "[1.0]");
    assert_eq!(output(run("demo.sleep", r#"{"ms": 1}"#, 1, 1).await), "null");
    let (text, retry) = failure(run("demo.sleep", r#"{"ms": "1"}"#, 1, 1).await);
    assert_eq!(retry, RetryAdvice::Never);
    assert!(text.starts_with("bad_input: reading the input: invalid type: string \"1\""), "{text}");
}

#[tokio::test]
async fn fail_fails_as_asked() {
    let fail = async |input| failure(run("demo.fail", input, 1, 1).await);
    assert_eq!(fail("null").await, ("demo: failed as asked".into(), RetryAdvice::Policy));
    let input = r#"{"code": "busy", "message": "later", "retry": false}"#;
    assert_eq!(fail(input).await, ("busy: later".into(), RetryAdvice::Never));
    assert_eq!(fail(r#"{"retry": "1m30s"}"#).await.1, RetryAdvice::After(warrener_shared::time::Millis(90_000)));
    assert_eq!(fail(r#"{"retry": 0.5}"#).await.1, RetryAdvice::After(warrener_shared::time::Millis(500)));
    assert_eq!(fail(r#"{"until_attempt": 2}"#).await.1, RetryAdvice::Policy);
    assert_eq!(output(run("demo.fail", r#"{"until_attempt": 2}"#, 2, 1).await), r#"{"attempt":2}"#);
}

#[tokio::test]
async fn crash_survives_from_the_given_delivery_on() {
    assert_eq!(output(run("demo.crash", r#"{"until_delivery": 3}"#, 1, 3).await), r#"{"delivery":3}"#);
}
