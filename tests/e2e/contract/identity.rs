//! Ids that clients choose, and keys that only one job may hold.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use warrener_tests::broker::unique;
use warrener_tests::client::Client;

use super::{bench, ended};

#[tokio::test(flavor = "multi_thread")]
async fn the_same_submit_is_the_same_job() {
    let (cluster, client) = bench().await;
    let id = unique("job");
    let job = format!(r#"{{"id": "{id}", "kind": "demo.echo", "input": {{"a": 1, "b": [1.0]}}}}"#);
    // Other white space, another order of keys, the id in the message instead of the body: still the same.
    let same = r#"{"input":{"b":[1.0],"a":1},"kind":"demo.echo"}"#;
    let first = client.submit_text(&job).await;
    assert_eq!(client.accepted(&first).await, id);
    let (properties, second) = client.asking();
    client.send(properties.with_message_id(id.as_str().into()).with_priority(9), same.as_bytes()).await;
    assert_eq!(client.accepted(&second).await, id);
    for mark in [&first, &second] {
        ended(&client.finished(mark).await.json(), "succeeded", json!({"a": 1, "b": [1.0]}));
    }
    let third = client.submit_text(&job).await;
    ended(&client.finished(&third).await.json(), "succeeded", json!({"a": 1, "b": [1.0]}));
    // Number spellings count, as does everything else.
    for other in [job.replace("1.0", "1.00"), job.replace("demo.echo", "demo.sleep")] {
        let mark = client.submit_text(&other).await;
        assert_eq!(client.rejected(&mark).await.problems()[0].0, "conflict");
    }
    let (properties, mark) = client.asking();
    client.send(properties.with_message_id(unique("other").as_str().into()), job.as_bytes()).await;
    let problems = client.rejected(&mark).await.problems();
    assert_eq!(problems[0].1, "/id", "{problems:?}");
    assert_eq!(cluster.database().jobs().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_at_the_same_time_make_one_job() {
    let (cluster, client) = bench().await;
    let mut others = Vec::new();
    for _ in 0..4 {
        others.push(cluster.client().await);
    }
    let ids: Vec<_> = (0..10).map(|_| unique("job")).collect();
    let submits = others.iter().map(|client| async {
        let mut marks = Vec::new();
        for id in &ids {
            let job = json!({"id": id, "kind": "demo.echo", "input": id});
            for _ in 0..3 {
                marks.push((id, client.submit(&job).await));
            }
        }
        for (id, mark) in marks {
            ended(&client.finished(&mark).await.json(), "succeeded", json!(id));
        }
    });
    futures_util::future::join_all(submits).await;
    let kept: BTreeSet<_> = cluster.database().jobs().into_iter().map(|job| job.id).collect();
    assert_eq!(kept, ids.into_iter().collect());
    assert_eq!(cluster.database().jobs().len(), 10);
    drop(client);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_latest_of_many_submits_runs_once() {
    let (cluster, client) = bench().await;
    let job = |n: u32| {
        let unique = json!({"key": "debounced", "on_conflict": "replace", "max_delay": "30s"});
        json!({"kind": "demo.echo", "input": n, "delay": "2s", "unique": unique})
    };
    let mut marks = Vec::new();
    for n in 1..=5 {
        marks.push(client.submit(&job(n)).await);
    }
    let id = client.accepted(&marks[0]).await;
    for mark in &marks[1..] {
        assert_eq!(client.accepted(mark).await, id, "it keeps its id");
    }
    // All of them are told of the one end.
    for mark in &marks {
        ended(&client.finished(mark).await.json(), "succeeded", json!(5));
    }
    assert_eq!(cluster.database().jobs().len(), 1);
    let next = client.submit(&job(6)).await;
    assert_ne!(client.accepted(&next).await, id, "once it ran, the next is a new job");
    ended(&client.finished(&next).await.json(), "succeeded", json!(6));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_held_for_a_span() {
    let (_cluster, client) = bench().await;
    let job = json!({"kind": "demo.echo", "input": 1, "unique": {"key": "throttled", "until": "4s"}});
    let first = client.submit(&job).await;
    ended(&client.finished(&first).await.json(), "succeeded", json!(1));
    let second = client.submit(&job).await;
    assert_eq!(client.rejected(&second).await.problems(), [("conflict".to_owned(), "/unique/key".to_owned())]);
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let third = client.submit(&job).await;
    ended(&client.finished(&third).await.json(), "succeeded", json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_at_a_time_holds_a_key() {
    let (_cluster, client) = bench().await;
    let slow = |on_conflict: Value| {
        let mut unique = json!({"key": "nightly"});
        if !on_conflict.is_null() {
            unique["on_conflict"] = on_conflict;
        }
        json!({"kind": "demo.sleep", "input": {"ms": 20_000}, "unique": unique})
    };
    let holder = client.submit(&slow(Value::Null)).await;
    let holder_id = client.accepted(&holder).await;
    let refused = client.submit(&slow(Value::Null)).await;
    assert_eq!(client.rejected(&refused).await.problems(), [("conflict".to_owned(), "/unique/key".to_owned())]);
    let same = client.submit(&slow(json!("return_existing"))).await;
    assert_eq!(client.accepted(&same).await, holder_id);
    let successor = client.submit(&slow(json!("cancel_existing"))).await;
    assert_ne!(client.accepted(&successor).await, holder_id);
    assert_eq!(client.finished(&holder).await.json()["state"], "cancelled");
    assert_eq!(client.finished(&same).await.json()["state"], "cancelled");
    let last = {
        let mut job = slow(json!("cancel_existing"));
        job["input"] = json!({"ms": 10});
        client.submit(&job).await
    };
    assert_eq!(client.finished(&successor).await.json()["state"], "cancelled");
    assert_eq!(client.finished(&last).await.json()["state"], "succeeded");
    assert_free(&client).await;
}

async fn assert_free(client: &Client) {
    let job = json!({"kind": "demo.echo", "unique": {"key": "nightly"}});
    assert_eq!(client.run(&job).await["state"], "succeeded");
}
