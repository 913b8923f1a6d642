//! Cancel, by HTTP.

use serde_json::json;
use warrener_shared::state::TaskState;
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
