//! What somebody removes at the broker by hand.

use std::time::{Duration, Instant};

use serde_json::json;
use warrener_shared::wire::topology::{KEY_RESULTS, KEY_SUBMIT};
use warrener_tests::client::Client;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

use super::bench;

/// Submits jobs until told, and gives how many.
async fn load(client: &Client, count: usize) -> Vec<String> {
    let mut marks = Vec::new();
    for number in 0..count {
        let job = json!({"kind": "demo.sleep", "input": {"ms": 20, "output": number}}).to_string();
        let (properties, mark) = client.asking();
        // While the exchange is away nobody can submit: a client tries again.
        if client.publish("", &client.submit_queue(), properties, job.as_bytes()).await {
            marks.push(mark);
        }
    }
    marks
}

async fn all_succeed(cluster: &Cluster, client: &Client, marks: &[String]) {
    let begun = Instant::now();
    for mark in marks {
        let end = client.finished(mark).await.json();
        assert_eq!(end["state"], "succeeded", "{end}");
    }
    assert!(begun.elapsed() < Duration::from_secs(12), "it took {:?}", begun.elapsed());
    let dead = cluster.database().dead();
    assert!(dead.is_empty(), "{:?}", dead.iter().map(|letter| (&letter.code, &letter.message)).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exchange_comes_back_while_jobs_run() {
    let (mut cluster, client) = bench().await;
    client.run(&json!({"kind": "demo.echo"})).await;
    let names = cluster.names().clone();
    for exchange in [names.results(), names.tasks(), names.submit(), names.unrouted(), names.workers(), names.dlx()] {
        let mut marks = load(&client, 30).await;
        client.delete_exchange(&exchange).await;
        marks.extend(load(&client, 30).await);
        all_succeed(&cluster, &client, &marks).await;
        until("the exchange is there again", SOON, async || client.has_exchange(&exchange).await.then_some(())).await;
        cluster.ready().await;
    }
    // Heartbeats are heard through the new exchange too.
    until("the worker is live", SOON, async || {
        let workers = cluster.get("/api/v1/workers").await.1;
        workers["items"].as_array().is_some_and(|all| !all.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_and_a_submit_that_find_no_binding_are_taken_all_the_same() {
    let (cluster, client) = bench().await;
    client.run(&json!({"kind": "demo.echo"})).await;
    let names = cluster.names().clone();
    for _ in 0..3 {
        let marks = load(&client, 20).await;
        client.unbind(&names.results(), &names.results(), KEY_RESULTS).await;
        client.unbind(&names.submit(), &names.submit(), KEY_SUBMIT).await;
        // Through the exchange, whose binding is gone or just back.
        let mark = client.submit(&json!({"kind": "demo.echo", "input": 5})).await;
        assert_eq!(client.finished(&mark).await.json()["output"], 5);
        all_succeed(&cluster, &client, &marks).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_queues_come_back_and_are_read() {
    let (mut cluster, client) = bench().await;
    client.run(&json!({"kind": "demo.echo"})).await;
    let names = cluster.names().clone();
    for queue in [names.unrouted(), names.dead(), names.results(), names.submit()] {
        client.delete_queue(&queue).await;
        until("the queue is there again", SOON, async || client.has_queue(&queue).await.then_some(())).await;
        cluster.ready().await;
        client.run(&json!({"kind": "demo.echo"})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_queue_deleted_under_load_takes_no_job_with_it() {
    let (mut cluster, client) = bench().await;
    cluster.start_worker("w2", &Plan::default());
    client.run(&json!({"kind": "demo.echo"})).await;
    let queue = format!("{}.default", cluster.names().tasks());
    for _ in 0..3 {
        let mut marks = load(&client, 40).await;
        client.delete_queue(&queue).await;
        marks.extend(load(&client, 40).await);
        all_succeed(&cluster, &client, &marks).await;
    }
}
