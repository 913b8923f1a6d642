//! A broker whose connections stay open and silent.

use std::time::{Duration, Instant};

use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::Cluster;
use warrener_tests::wait::until;

/// How long readiness may be wrong.
const WRONG_AT_MOST: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn readiness_ends_with_the_answers_and_comes_back_with_them() {
    let mut cluster = Cluster::with_workers(Broker::start().await, 1).await;
    let client = cluster.client().await;
    client.run(&json!({"kind": "demo.echo"})).await;
    for frozen in [Duration::from_secs(7), Duration::from_secs(25)] {
        let begun = Instant::now();
        cluster.broker().pause();
        until("readiness ends", WRONG_AT_MOST, async || (cluster.get("/readyz").await.0 == 503).then_some(())).await;
        let report = cluster.get("/readyz").await.1.to_string();
        assert!(report.contains("broker"), "{report}");
        until("the time is over", frozen * 2, async || (begun.elapsed() > frozen).then_some(())).await;
        assert_eq!(cluster.get("/readyz").await.0, 503);
        cluster.broker().resume();
        until("readiness is back", WRONG_AT_MOST, async || (cluster.get("/readyz").await.0 == 200).then_some(())).await;
        let client = cluster.client().await;
        client.run(&json!({"kind": "demo.echo"})).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_refused_for_a_while_ends_nothing() {
    let mut cluster = Cluster::with_workers(Broker::start().await, 0).await;
    cluster.broker().control(&["change_password", "guest", "another"]).await;
    cluster.broker().control(&["close_all_connections", "to let them log in again"]).await;
    until("readiness ends", WRONG_AT_MOST * 2, async || (cluster.get("/readyz").await.0 == 503).then_some(())).await;
    // Long enough for several tries.
    tokio::time::sleep(WRONG_AT_MOST).await;
    let (status, report) = cluster.get("/readyz").await;
    assert!(status == 503 && report.to_string().contains("refused"), "{report}");
    cluster.broker().control(&["change_password", "guest", "guest"]).await;
    until("readiness is back", WRONG_AT_MOST * 2, async || (cluster.get("/readyz").await.0 == 200).then_some(())).await;
}
