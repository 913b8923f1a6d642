//! Sizes: what is too large is said to be, and what fits goes through.

use serde_json::{Value, json};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};

use super::{bench, ended, failed};

#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_kept_to() {
    let (_cluster, client) = bench().await;
    let big = "x".repeat(900 * 1024);
    let end = client.run(&json!({"kind": "demo.echo", "input": big})).await;
    assert_eq!(end["output"].as_str().map(str::len), Some(big.len()));
    let end = client.run(&json!({"kind": "demo.echo", "input": "x".repeat(2 * 1024 * 1024), "retry": 3})).await;
    failed(&end, "too_large");
    assert_eq!(end["error"]["attempt"], 1, "{end}");
    let mark = client.submit(&json!({"kind": "demo.echo", "input": "x".repeat(15 * 1024 * 1024)})).await;
    assert_eq!(client.rejected(&mark).await.problems()[0].0, "too_large");
    let items: Vec<u32> = (0..3000).collect();
    let mark = client
        .submit(&json!({"tasks": {"map": {"for_each": items, "kind": "demo.echo", "input": "${{ item }}"}}}))
        .await;
    ended(&client.finished(&mark).await.json(), "succeeded", json!({"map": items}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_limit_applies() {
    let configuration = "[limits]\ntasks = 10\njson_depth = 20\n";
    let mut cluster = Cluster::configured(Broker::shared().await, configuration).await;
    cluster.start_worker("w1", &Plan::default());
    let client = cluster.client().await;
    let deep = (0..30).fold(Value::Null, |inner, _| json!([inner]));
    let mark = client.submit(&json!({"kind": "demo.echo", "input": deep})).await;
    assert_eq!(client.rejected(&mark).await.problems()[0].0, "too_deep");
    let items: Vec<u32> = (0..11).collect();
    let end =
        client.run(&json!({"input": items, "tasks": {"map": {"for_each": "${{ input }}", "kind": "demo.echo"}}})).await;
    failed(&end, "too_large");
}
