//! The contract with users, walked through once: each test has an orchestrator and a worker of its own.

mod built_in;
mod cancelling;
mod clocks;
mod events;
mod graphs;
mod identity;
mod kinds;
mod limited;
mod limits;
mod lost_queue;
mod ownership;
mod priority;
mod publishing;
mod refusing;
mod replies;
mod retries;
mod values;

use serde_json::Value;
use warrener_tests::broker::Broker;
use warrener_tests::client::Client;
use warrener_tests::cluster::Cluster;

/// A cluster on the shared broker with one worker, and a client of it.
async fn bench() -> (Cluster, Client) {
    let cluster = Cluster::with_workers(Broker::shared().await, 1).await;
    let client = cluster.client().await;
    (cluster, client)
}

/// Fails unless a job ended so.
#[track_caller]
fn ended(end: &Value, state: &str, output: Value) {
    assert_eq!((end["state"].as_str(), &end["output"]), (Some(state), &output), "{end}");
}

/// Fails unless a job failed with this code.
#[track_caller]
fn failed(end: &Value, code: &str) {
    assert_eq!((end["state"].as_str(), end["error"]["code"].as_str()), (Some("failed"), Some(code)), "{end}");
    assert_eq!(end["output"], Value::Null, "{end}");
}
