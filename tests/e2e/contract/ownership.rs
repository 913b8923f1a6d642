//! One database per prefix, and one process per database.

use serde_json::json;
use warrener_tests::wait::{SOON, within};

use super::{bench, ended};

#[tokio::test(flavor = "multi_thread")]
async fn a_second_database_is_refused() {
    let (mut cluster, client) = bench().await;
    let mut rival = cluster.start_rival();
    let status = within("the rival gives up", SOON, rival.ended()).await;
    assert!(!status.success(), "{status}");
    let log = rival.log();
    assert!(log.contains("WARRENER_AMQP__PREFIX"), "{log}");
    ended(&client.run(&json!({"kind": "demo.echo", "input": 1})).await, "succeeded", json!(1));
    // The owner comes back to its own.
    assert!(cluster.stop_orchestrator().await.success());
    let mark = client.submit(&json!({"kind": "demo.echo", "input": 2})).await;
    cluster.start_orchestrator().await;
    ended(&client.finished(&mark).await.json(), "succeeded", json!(2));
}
