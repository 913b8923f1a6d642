//! A queue of somebody else that makes whoever publishes to it stand still.

use std::time::{Duration, Instant};

use lapin::BasicProperties;
use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::client::{Client, FieldTable};
use warrener_tests::cluster::Cluster;
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
    client.declare("headless", FieldTable::default()).await;
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

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_no_question_makes_no_silence_endless() {
    let broker = Broker::start().await;
    let stranger = Client::connect(broker.url(), &broker.names()).await;
    stranger.declare("frozen", FieldTable::default()).await;
    let mut cluster = Cluster::configured(broker, "[queues.rpc]\naddress = \"frozen\"\n").await;
    let client = cluster.client().await;
    for number in 0..3 {
        client.submit(&json!({"kind": "fib", "queue": "rpc", "input": number})).await;
    }
    until("the tasks", SOON, async || (client.depth("frozen").await == Some(3)).then_some(())).await;
    let suspend = "[sys:suspend(amqqueue:get_pid(Q)) || Q <- rabbit_amqqueue:list(), \
                   element(4, amqqueue:get_name(Q)) =:= <<\"frozen\">>].";
    cluster.broker().control(&["eval", suspend]).await;
    // A worker that takes the task, says that it is at it, and never says a word again.
    let id = client.accept(&json!({"kind": "k", "queue": "mute", "heartbeat": "3s", "retry": 0})).await;
    let queue = cluster.names().task_queue(&"mute".parse().unwrap());
    let begun = Instant::now();
    until("a new queue", SOON, async || client.has_queue(&queue).await.then_some(())).await;
    assert!(begun.elapsed() < NOTICEABLE, "a new queue took {:?}", begun.elapsed());
    client.listen(&queue).await;
    let task = until("the task", SOON, async || client.came().into_iter().find(|message| message.kind == "k")).await;
    let sign = BasicProperties::default().with_type("task.progress".into());
    client.report(sign.with_correlation_id(task.correlation_id.into()), b"{}").await;
    let end = until("the end of its silence", SOON * 2, async || {
        let (_, job) = cluster.get(&format!("/api/v1/jobs/{id}")).await;
        (job["state"] == "failed").then_some(job)
    });
    assert_eq!(end.await["error"]["code"], "lost");
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    let notes = until("a note", SOON, async || {
        let notes = cluster.get("/readyz").await.1.to_string();
        notes.contains("frozen").then_some(notes)
    });
    assert!(notes.await.contains("does not answer"));
}
