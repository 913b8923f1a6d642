//! Verbs of the command line that change few things, by filter.

use std::process::Output;

use serde_json::Value;
use tokio::process::Command;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan, program};
use warrener_tests::wait::{SOON, until};

async fn warrener(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = Command::new(program("warrener"));
    command.args(["--server", &cluster.http_url()]).args(arguments).stdin(std::process::Stdio::null());
    command.output().await.unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Names of the queues that are paused.
async fn paused(cluster: &Cluster) -> Vec<String> {
    let queues = cluster.get("/api/v1/queues").await.1;
    let queues = queues["items"].as_array().unwrap().iter().filter(|queue| queue["paused"] == true);
    queues.map(|queue| queue["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_and_workers_are_steered_by_filter() {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    cluster.start_worker("w1", &Plan::default().queues(&["gpu-a", "gpu-b", "mail"]));
    cluster.start_worker("w2", &Plan::default());
    until("the queues are there", SOON, async || {
        let queues = cluster.get("/api/v1/queues").await.1;
        let workers = cluster.get("/api/v1/workers").await.1;
        let count = |list: &Value| list["items"].as_array().map_or(0, Vec::len);
        (count(&queues) == 4 && count(&workers) == 2).then_some(())
    })
    .await;

    let looked = warrener(&cluster, &["queue", "pause", "--filter", "name:gpu-*", "--dry-run"]).await;
    assert_eq!(text(&looked.stdout), "2 queues\n  gpu-a\n  gpu-b\n", "{looked:?}");
    let unasked = warrener(&cluster, &["queue", "pause", "--filter", "name:gpu-*"]).await;
    assert!(!unasked.status.success() && text(&unasked.stderr).contains("2 queues would be changed"), "{unasked:?}");
    let wrong = warrener(&cluster, &["queue", "pause", "--filter", "kind:x", "--yes"]).await;
    assert!(!wrong.status.success() && text(&wrong.stderr).contains("the keys are name, state, address"), "{wrong:?}");
    assert!(paused(&cluster).await.is_empty());

    let done = warrener(&cluster, &["queue", "pause", "--filter", "name:gpu-*", "--yes"]).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(paused(&cluster).await, ["gpu-a", "gpu-b"]);
    let done = warrener(&cluster, &["queue", "resume", "--filter", "state:paused -name:gpu-b", "--yes"]).await;
    assert!(done.status.success(), "{done:?}");
    assert_eq!(paused(&cluster).await, ["gpu-b"]);
    let none = warrener(&cluster, &["queue", "resume", "--filter", "name:nobody", "--yes"]).await;
    assert!(none.status.success() && text(&none.stderr).contains("nothing fits"), "{none:?}");

    let drained = warrener(&cluster, &["worker", "drain", "--filter", "queue:gpu-*", "--yes"]).await;
    assert!(drained.status.success() && text(&drained.stderr).contains("asked to take no more"), "{drained:?}");
    until("it drains", SOON, async || cluster.worker_log("w1").contains("worker has ended").then_some(())).await;
    assert!(!cluster.worker_log("w2").contains("draining"));
}
