//! Events that anybody may listen to.

use serde_json::{Value, json};
use warrener_tests::events::faults;
use warrener_tests::wait::{SOON, until};

use super::bench;

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_a_job_in_order_and_without_gaps() {
    let (cluster, client) = bench().await;
    let listener = cluster.client().await;
    listener.bind(&cluster.names().events(), "#").await;
    let finals = cluster.client().await;
    finals.bind(&cluster.names().events(), "job.succeeded").await;
    let job = json!({"tasks": {
        "list": {"kind": "demo.echo", "input": [1, 2, 3]},
        "map": {"for_each": "${{ tasks.list.output }}", "kind": "demo.fail", "input": {"until_attempt": "${{ item }}"},
                "retry": {"delay": "10ms"}},
        "never": {"if": "false", "kind": "demo.echo"},
    }});
    let id = client.run(&job).await["job_id"].as_str().unwrap().to_owned();
    let told = until("the last event", SOON, async || {
        let events = of_job(&listener.came(), &id);
        events.iter().any(|event| event["data"]["type"] == "job.succeeded").then_some(events)
    })
    .await;
    let data: Vec<_> = told.iter().map(|event| event["data"].clone()).collect();
    // At least once: what comes again is the same.
    let mut once = data.clone();
    once.dedup();
    assert_eq!(faults(&once, 6), Vec::<String>::new(), "{data:#?}");
    for event in &told {
        let sequence = event["data"]["sequence"].as_u64().unwrap();
        assert_eq!(event["id"], format!("{id}.{sequence}"));
        assert_eq!(event["sequence"], sequence.to_string());
        assert_eq!((&event["specversion"], &event["source"]), (&json!("1.0"), &json!("/warrener")));
        assert_eq!(event["type"], format!("warrener.{}", event["data"]["type"].as_str().unwrap()));
        assert!(event["subject"].as_str().unwrap().starts_with(&id));
    }
    assert!(told.iter().any(|event| event["subject"] == format!("{id}/map.2")));
    assert!(!data.iter().any(|event| event["type"] == "task.waiting"));
    let last = until("the end", SOON, async || finals.came().first().cloned()).await;
    assert_eq!(last.routing_key, "job.succeeded");
    assert_eq!(last.properties.content_type().as_ref().unwrap().as_str(), "application/cloudevents+json");
    assert_eq!(cluster.database().event_faults(), Vec::<String>::new());
}

fn of_job(answers: &[warrener_tests::client::Answer], id: &str) -> Vec<Value> {
    let events = answers.iter().filter(|answer| answer.correlation_id.is_empty()).map(|answer| answer.json());
    events.filter(|event| event["id"].as_str().is_some_and(|text| text.starts_with(&format!("{id}.")))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_tick_is_an_event() {
    let (cluster, _) = bench().await;
    let listener = cluster.client().await;
    listener.bind(&cluster.names().events(), "schedule.tick").await;
    let schedule = json!({"cron": "0 0 1 1 *", "job": {"kind": "demo.echo", "input": 1}});
    cluster.put("/api/v1/schedules/yearly", &schedule).await;
    let (_, started) = cluster.post("/api/v1/schedules/yearly/trigger", &json!({})).await;
    let told = until("the event", SOON, async || listener.came().first().cloned()).await;
    assert_eq!(told.properties.content_type().as_ref().unwrap().as_str(), "application/cloudevents+json");
    let event = told.json();
    assert_eq!((&event["type"], &event["subject"]), (&json!("warrener.schedule.tick"), &json!("yearly")));
    let data = &event["data"];
    assert_eq!((&data["schedule"], &data["outcome"]), (&json!("yearly"), &json!("started")), "{event}");
    assert_eq!(data["job"], started["id"], "{event}");
    let id = format!("yearly:{}.1.started", data["tick"].as_str().unwrap());
    assert_eq!(event["id"], json!(id));
}
