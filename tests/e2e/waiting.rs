//! Waiting for a job over HTTP while the orchestrator dies.

use serde_json::{Value, json};
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, program};
use warrener_tests::wait::{SOON, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_outlives_the_orchestrator() {
    let mut cluster = Cluster::with_workers(Broker::shared().await, 1).await;
    let url = cluster.http_url();
    let warrener = program("warrener");
    let job = json!({"ms": 4000, "output": "slept"}).to_string();
    let command = [warrener.to_str().unwrap(), "--server", &url, "run", "demo.sleep", "--input", &job];
    let mut run = cluster.start_program("run", &command, &[]);
    until("the job is there", SOON, async || {
        let jobs = cluster.get("/api/v1/jobs").await.1;
        (jobs["items"].as_array()?.len() == 1).then_some(())
    })
    .await;
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    assert!(run.ended().await.success(), "{}", run.log());
    assert_eq!(serde_json::from_str::<Value>(run.log().trim()).unwrap(), "slept");
    assert_eq!(cluster.get("/api/v1/jobs").await.1["items"].as_array().unwrap().len(), 1);
}
