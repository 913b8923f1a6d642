//! A queue of somebody else that makes whoever publishes to it stand still.

use std::time::{Duration, Instant};

use serde_json::json;
use warrener_tests::wait::{SOON, until};

use super::beside_headless;

/// What others may notice: the second in which nobody knows yet, on a busy machine.
const NOTICEABLE: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_it_delays_no_other_answer_and_no_submit() {
    let (mut cluster, client) = beside_headless(&["headless"], "").await;
    client.run(&json!({"kind": "demo.echo"})).await;
    let sessions = cluster.sessions();
    let job = br#"{"kind": "demo.echo", "input": 1}"#;
    client.send(client.asking_for("both", "lost").with_reply_to("headless".into()), job).await;
    // Refusals too: they were once awaited before the next submit was taken.
    for mark in ["no1", "no2", "no3"] {
        client.send(client.asking_for("both", mark).with_reply_to("headless".into()), b"{}").await;
    }
    let begun = Instant::now();
    client.run(&json!({"kind": "demo.echo"})).await;
    assert!(begun.elapsed() < NOTICEABLE, "it waited for {:?}", begun.elapsed());
    let mut slowest = Duration::ZERO;
    let until_then = Instant::now() + Duration::from_secs(15);
    while Instant::now() < until_then {
        let begun = Instant::now();
        client.run(&json!({"kind": "demo.echo"})).await;
        slowest = slowest.max(begun.elapsed());
        assert_eq!(cluster.get("/readyz").await.0, 200, "what belongs to others makes nobody unready");
    }
    assert!(slowest < Duration::from_secs(2), "an answer took {slowest:?}");
    assert_eq!(cluster.sessions(), sessions, "the session ended:\n{}", cluster.orchestrator().log());
    let metrics = cluster.text("/metrics").await;
    assert!(metrics.contains(r#"warrener_late_address_seconds{address="headless"}"#), "{metrics}");

    // Once it is there again everything that is owed arrives.
    client.delete_queue("headless").await;
    client.declare("headless", warrener_tests::client::FieldTable::default()).await;
    client.listen("headless").await;
    for (mark, kind) in [("lost", "job.finished"), ("no1", "job.rejected"), ("no3", "job.rejected")] {
        until("the late answer", SOON * 2, async || client.find(mark, &[kind])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_for_it_delays_no_other_task() {
    let configuration = "[queues.rpc]\naddress = \"headless\"\n";
    let (mut cluster, client) = beside_headless(&["headless"], configuration).await;
    client.run(&json!({"kind": "demo.echo"})).await;
    let sessions = cluster.sessions();
    for number in 0..20 {
        client.submit(&json!({"kind": "fib", "queue": "rpc", "input": number})).await;
    }
    let begun = Instant::now();
    client.run(&json!({"kind": "demo.echo"})).await;
    assert!(begun.elapsed() < NOTICEABLE, "it waited for {:?}", begun.elapsed());
    let mut slowest = Duration::ZERO;
    let until_then = Instant::now() + Duration::from_secs(15);
    while Instant::now() < until_then {
        let begun = Instant::now();
        client.run(&json!({"kind": "demo.echo"})).await;
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "a task took {slowest:?}");
    assert_eq!(cluster.sessions(), sessions, "the session ended:\n{}", cluster.orchestrator().log());
}
