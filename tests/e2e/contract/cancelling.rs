//! Cancel, by HTTP.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warrener_shared::state::TaskState;
use warrener_tests::broker::Broker;
use warrener_tests::client::Client;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

use super::bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_job_ends_and_its_work_stops() {
    let (cluster, client) = bench().await;
    let mark = client
        .submit(&json!({"tasks": {
            "long": {"kind": "demo.sleep", "input": {"ms": 120_000}},
            "next": {"needs": "long", "kind": "demo.echo"},
            "tidy": {"needs": "next", "run_on": "done", "kind": "demo.echo", "input": "${{ tasks.long.status }}"},
        }}))
        .await;
    let id = client.accepted(&mark).await;
    let database = cluster.database();
    let job = database.job(&id).unwrap();
    until("the work began", SOON, async || database.tasks(job.no)[0].started_at).await;
    let (status, body) = cluster.post(&format!("/api/v1/jobs/{id}/cancel"), &json!({})).await;
    assert_eq!(status, 200, "{body}");
    let end = client.finished(&mark).await.json();
    assert_eq!((&end["state"], &end["output"]), (&json!("cancelled"), &json!(null)), "{end}");
    let tasks = database.tasks(job.no);
    let states: Vec<_> = tasks.iter().map(|task| task.state).collect();
    assert_eq!(states, [TaskState::Cancelled, TaskState::Cancelled, TaskState::Succeeded]);
    assert_eq!(tasks[2].output.as_deref(), Some(r#""cancelled""#));
    // All slots are free again: the sleeper was stopped.
    let naps =
        json!({"tasks": {"map": {"for_each": [1, 2, 3, 4, 5, 6, 7, 8], "kind": "demo.sleep", "input": {"ms": 500}}}});
    assert_eq!(client.run(&naps).await["state"], "succeeded");
    assert_eq!(cluster.database().event_faults(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_attempt_shows_when_its_worker_really_stopped() {
    let (cluster, client) = stubborn().await;
    let job = begun(&cluster, &client).await;
    let (asked, attempt) = cancelled(&cluster, &job).await;
    assert_eq!(attempt["stopped_at"], Value::Null, "{attempt}");
    let process = process(&cluster);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(process.exists(), "it ignores TERM");
    assert_eq!(latest(&cluster, &job).await["stopped_at"], Value::Null);
    let stopped = until("the stop is confirmed", SOON, async || {
        Some(latest(&cluster, &job).await).filter(|attempt| attempt["stopped_at"].is_string())
    });
    let stopped = stopped.await;
    assert!(!process.exists(), "it goes on");
    // Its grace is 5 s, and the next heartbeat comes within 5 s.
    let took = asked.elapsed();
    assert!((4..20).contains(&took.as_secs()), "{took:?}");
    assert_eq!((&stopped["outcome"], &stopped["finished_at"]), (&json!("cancelled"), &attempt["finished_at"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_while_it_stops_has_stopped_after_its_lease() {
    let (mut cluster, client) = stubborn().await;
    let job = begun(&cluster, &client).await;
    let (asked, _) = cancelled(&cluster, &job).await;
    cluster.kill_worker("w1").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(latest(&cluster, &job).await["stopped_at"], Value::Null);
    until("the worker is given up", SOON, async || {
        latest(&cluster, &job).await["stopped_at"].is_string().then_some(())
    })
    .await;
    // Its last heartbeat may have come up to 5 s before.
    let took = asked.elapsed();
    assert!((14..35).contains(&took.as_secs()), "{took:?}");
}

/// A worker whose program does not end when it is asked to, though for a minute at most.
async fn stubborn() -> (Cluster, Client) {
    let mut cluster = Cluster::start(Broker::shared().await).await;
    let pid = cluster.folder().join("stubborn.pid");
    let program = format!(
        "trap '' TERM; echo $$ > {}; echo here >&2; i=0; while [ $i -lt 300 ]; do sleep 0.2; i=$((i+1)); done",
        pid.display()
    );
    cluster.start_worker("w1", &Plan::default().command("stubborn", &["sh", "-c", &program]));
    let client = cluster.client().await;
    (cluster, client)
}

/// A job whose program runs and is known to run at a worker.
async fn begun(cluster: &Cluster, client: &Client) -> String {
    let mark = client.submit(&json!({"kind": "stubborn"})).await;
    let id = client.accepted(&mark).await;
    until("the program runs", SOON, async || {
        let (_, task) = cluster.get(&format!("/api/v1/tasks/{id}/task")).await;
        task["worker"].is_string().then_some(())
    })
    .await;
    id
}

/// Cancels the job, which is final at once. Gives when that was and its attempt.
async fn cancelled(cluster: &Cluster, job: &str) -> (Instant, Value) {
    let asked = Instant::now();
    let (status, body) = cluster.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await;
    assert_eq!((status, &body["state"]), (200, &json!("cancelled")), "{body}");
    let attempt = latest(cluster, job).await;
    assert_eq!((&attempt["outcome"], attempt["finished_at"].is_string()), (&json!("cancelled"), true), "{attempt}");
    (asked, attempt)
}

async fn latest(cluster: &Cluster, job: &str) -> Value {
    let (_, mut task) = cluster.get(&format!("/api/v1/tasks/{job}/task")).await;
    task["attempts"].as_array_mut().and_then(Vec::pop).unwrap_or_else(|| panic!("{task}"))
}

/// The process of the program, as long as there is one.
fn process(cluster: &Cluster) -> std::path::PathBuf {
    let pid = std::fs::read_to_string(cluster.folder().join("stubborn.pid")).expect("the program runs");
    std::path::Path::new("/proc").join(pid.trim())
}
