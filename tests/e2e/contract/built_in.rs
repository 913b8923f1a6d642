//! Kinds that need no worker.

use std::time::Instant;

use lapin::BasicProperties;
use serde_json::json;
use warrener_shared::wire::topology::KEY_SUBMIT;
use warrener_tests::wait::{SOON, until};

use super::{bench, ended, failed};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_waits_for_a_message() {
    let (cluster, client) = bench().await;
    let job = json!({"tasks": {
        "ask": {"kind": "warrener.wait", "input": {"event": "approval", "key": "${{ input }}"}},
        "act": {"kind": "demo.echo", "input": "${{ tasks.ask.output.by }}"},
    }, "input": "order-17"});
    let mark = client.submit(&job).await;
    client.accepted(&mark).await;
    let event = |key: &str| json!({"event": "approval", "key": key, "payload": {"by": "Ada"}}).to_string();
    let (properties, refused) = client.asking();
    let of_type = |properties: BasicProperties| properties.with_type("event".into());
    client.send(of_type(properties), event("order-18").as_bytes()).await;
    let answer = client.answer(&refused, &["job.rejected"]).await;
    assert_eq!(answer.json()["errors"][0]["code"], "unknown_name", "{}", answer.text());
    let properties = of_type(BasicProperties::default());
    assert!(client.publish(&cluster.names().submit(), KEY_SUBMIT, properties, event("order-17").as_bytes()).await);
    ended(&client.finished(&mark).await.json(), "succeeded", json!({"act": "Ada"}));
    // What nobody waits for and nobody is told of is kept where a person finds it.
    let properties = of_type(BasicProperties::default());
    client.send(properties, event("order-17").as_bytes()).await;
    let database = cluster.database();
    until("an answer to nobody is a dead letter", SOON, async || (!database.dead().is_empty()).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_sleeps_without_a_worker() {
    let (mut cluster, client) = bench().await;
    let began = Instant::now();
    let end = client.run(&json!({"kind": "warrener.sleep", "input": {"for": "700ms"}})).await;
    ended(&end, "succeeded", json!(null));
    assert!(began.elapsed().as_millis() >= 700);
    // It sleeps on while the orchestrator is away.
    let mark = client.submit(&json!({"kind": "warrener.sleep", "input": {"for": "1s"}})).await;
    client.accepted(&mark).await;
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    ended(&client.finished(&mark).await.json(), "succeeded", json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_a_task_of_another() {
    let (cluster, client) = bench().await;
    let inner = json!({"tasks": {
        "double": {"for_each": "$${{ input }}", "kind": "demo.echo", "input": "$${{ item * 2 }}"},
    }, "input": [1, 2, 3], "output": "$${{ tasks.double.output }}"});
    let job = |inner| json!({"tasks": {"part": {"kind": "warrener.job", "input": {"job": inner}}}});
    ended(&client.run(&job(inner)).await, "succeeded", json!({"part": [2, 4, 6]}));
    let inner = json!({"kind": "demo.fail", "input": {"code": "boom"}, "retry": 0});
    failed(&client.run(&job(inner)).await, "boom");
    // Cancel goes down.
    let mark = client.submit(&job(json!({"kind": "demo.sleep", "input": {"ms": 60_000}}))).await;
    let id = client.accepted(&mark).await;
    let database = cluster.database();
    until("the inner task is at work", SOON, async || (database.open_attempts() == 1).then_some(())).await;
    cluster.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
    until("both are over", SOON, async || (database.open_jobs() == 0).then_some(())).await;
    assert_eq!(database.open_attempts(), 0);
}
