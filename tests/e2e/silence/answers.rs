//! Answers that nobody takes.

use std::time::{Duration, Instant};

use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::client::{AMQPValue, BasicProperties, FieldTable};
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

use super::bench;

/// A queue with room for one message, which refuses everything else.
fn full() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(1));
    arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    arguments
}

#[tokio::test(flavor = "multi_thread")]
async fn many_owed_to_a_full_queue_cost_others_nothing_and_arrive_once_there_is_room() {
    let (mut cluster, client) = bench().await;
    let queue = warrener_tests::broker::unique("client.full");
    client.declare(&queue, full()).await;
    assert!(client.publish("", &queue, BasicProperties::default(), b"{}").await);
    let input = "x".repeat(100_000);
    for number in 0..COUNT {
        let properties = client.asking_for("finished", &format!("owed{number}")).with_reply_to(queue.as_str().into());
        client.send(properties, json!({"kind": "demo.echo", "input": input}).to_string().as_bytes()).await;
    }
    let database = cluster.database();
    until("all jobs are final", SOON * 2, async || (database.final_jobs() == COUNT).then_some(())).await;
    let before = resident(&cluster);
    for restarted in [false, true] {
        if restarted {
            cluster.kill_orchestrator().await;
            cluster.start_orchestrator().await;
            client.run(&json!({"kind": "demo.echo"})).await;
        }
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            let begun = Instant::now();
            client.run(&json!({"kind": "demo.echo"})).await;
            slowest = slowest.max(begun.elapsed());
        }
        assert!(slowest < Duration::from_secs(1), "restarted: {restarted}: an answer took {slowest:?}");
    }
    let after = resident(&cluster);
    assert!(after < 256, "{after} MiB are held, {before} before");
    client.delete_queue(&queue).await;
    client.declare(&queue, FieldTable::default()).await;
    client.listen(&queue).await;
    for number in 0..COUNT {
        until("a late answer", SOON * 2, async || client.find(&format!("owed{number}"), &["job.finished"])).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_nobody_takes_in_time_becomes_a_dead_letter_that_can_be_replayed() {
    let mut cluster = Cluster::configured(Broker::shared().await, "[amqp]\nanswers_kept = \"3s\"\n").await;
    cluster.start_worker("w1", &Plan::default());
    let client = cluster.client().await;
    let queue = warrener_tests::broker::unique("client.full");
    client.declare(&queue, full()).await;
    assert!(client.publish("", &queue, BasicProperties::default(), b"{}").await);
    let to = |mark: &str| client.asking_for("finished", mark).with_reply_to(queue.as_str().into());
    client.send(to("late"), br#"{"kind": "demo.echo", "input": 7}"#).await;
    client.send(to("refused"), b"{}").await;
    let database = cluster.database();
    until("the job is final", SOON, async || (database.final_jobs() == 1).then_some(())).await;
    // That it was owed then is known after a restart too.
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    let dead = until("both are given up", SOON, async || Some(database.dead()).filter(|dead| dead.len() == 2)).await;
    assert!(
        dead.iter().all(|letter| letter.code == "undeliverable"),
        "{:?}",
        dead.iter().map(|l| &l.code).collect::<Vec<_>>()
    );
    let listed = cluster.get("/api/v1/dead").await.1;
    let letters = listed["items"].as_array().unwrap().clone();
    client.delete_queue(&queue).await;
    client.declare(&queue, FieldTable::default()).await;
    client.listen(&queue).await;
    for letter in letters {
        let path = format!("/api/v1/dead/{}/replay", letter["id"].as_str().unwrap());
        assert_eq!(cluster.post(&path, &json!({})).await.0, 202);
    }
    let answer = until("the answer", SOON, async || client.find("late", &["job.finished"])).await;
    assert_eq!(answer.json()["output"], 7);
    until("the refusal", SOON, async || client.find("refused", &["job.rejected"])).await;
    until("nothing is kept", SOON, async || database.dead().is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_addressed_is_refused_before_the_job_is_kept() {
    let (cluster, client) = bench().await;
    let long = "x".repeat(254);
    let properties = client.asking_for("both", &long).with_type("jobs".into());
    client.send(properties, br#"[{"kind": "demo.echo"}, {"kind": "demo.echo"}]"#).await;
    assert_eq!(client.rejected(&long).await.problems()[0].0, "too_long");
    assert_eq!(cluster.database().jobs().len(), 0);
    // One character less is enough room for the number of the last of ten jobs.
    let fits = "x".repeat(253);
    let properties = client.asking_for("both", &fits).with_type("jobs".into());
    client.send(properties, br#"[{"kind": "demo.echo"}, {"kind": "demo.echo"}]"#).await;
    client.finished(&format!("{fits}.1")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_only_where_they_may() {
    let configuration = "[amqp]\nreply_to = [\"answers-*\", \"client.*\"]\n[queues.rpc]\naddress = \"client.rpc\"\n";
    let mut cluster = Cluster::configured(Broker::shared().await, configuration).await;
    cluster.start_worker("w1", &Plan::default());
    let client = cluster.client().await;
    let database = cluster.database();
    let job = br#"{"kind": "demo.echo"}"#;
    for (count, forbidden) in ["client.rpc", "elsewhere"].iter().enumerate() {
        client.send(client.asking_for("both", "x").with_reply_to((*forbidden).into()), job).await;
        let dead = until("a dead letter", SOON, async || Some(database.dead()).filter(|dead| dead.len() > count)).await;
        assert_eq!(dead[count].code, "invalid_value", "{forbidden}");
    }
    client.run(&json!({"kind": "demo.echo"})).await;
    assert_eq!(database.jobs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_made_up_to_a_limit() {
    let mut cluster = Cluster::configured(Broker::shared().await, "[limits]\nqueues = 3\n").await;
    cluster.start_worker("w1", &Plan::default());
    let client = cluster.client().await;
    client.run(&json!({"kind": "demo.echo"})).await;
    let answer = client
        .rejected(
            &client
                .submit(&json!({"tasks": {
        "a": {"kind": "x", "queue": "q1"}, "b": {"kind": "x", "queue": "q2"}, "c": {"kind": "x", "queue": "q3"}}}))
                .await,
        )
        .await;
    assert_eq!(answer.problems()[0].0, "too_many");
    assert!(answer.text().contains("limits.queues"), "{}", answer.text());
    client.accept(&json!({"kind": "x", "queue": "q1"})).await;
    client.accept(&json!({"kind": "x", "queue": "q2"})).await;
    cluster.start_worker("greedy", &Plan::default().queues(&["default", "q1", "w4", "w5"]));
    client.rejected(&client.submit(&json!({"kind": "x", "queue": "q4"})).await).await;
    client.run(&json!({"kind": "demo.echo"})).await;
    assert_eq!(cluster.database().queues().len(), 3);
}

/// MiB that the orchestrator holds.
fn resident(cluster: &Cluster) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", cluster.orchestrator_pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
}

const COUNT: i64 = 1_500;
