//! Times that a job names.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use warrener_shared::state::{JobState, TaskState};

use super::{bench, ended, failed};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_starts_when_it_should_and_no_sooner() {
    let (cluster, client) = bench().await;
    let began = Instant::now();
    let mark = client.submit(&json!({"kind": "demo.echo", "input": 1, "delay": "1500ms"})).await;
    let id = client.accepted(&mark).await;
    assert_eq!(cluster.database().job(&id).unwrap().state, JobState::Scheduled);
    ended(&client.finished(&mark).await.json(), "succeeded", json!(1));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    assert!(took < Duration::from_secs(10), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_runs_out_ends_what_it_is_about() {
    let (cluster, client) = bench().await;
    let sleep = json!({"ms": 60_000});
    // All at once: each waits for a clock.
    let timeout = client.submit(&json!({"kind": "demo.sleep", "input": sleep, "timeout": "500ms", "retry": 0})).await;
    let again = client
        .submit(&json!({"kind": "demo.sleep", "input": sleep, "timeout": "300ms",
            "retry": {"max_attempts": 2, "delay": "10ms"}}))
        .await;
    let late = client.submit(&json!({"kind": "demo.echo", "queue": "nobody", "start_within": "600ms"})).await;
    let deadline = client
        .submit(&json!({"deadline": "800ms", "tasks": {
            "long": {"kind": "demo.sleep", "input": sleep},
            "next": {"needs": "long", "kind": "demo.echo"},
            "tidy": {"needs": "next", "run_on": "done", "kind": "demo.echo", "input": "${{ tasks.long.status }}"},
        }}))
        .await;
    failed(&client.finished(&timeout).await.json(), "timed_out");
    let end = client.finished(&again).await.json();
    failed(&end, "timed_out");
    assert_eq!(end["error"]["attempt"], 2, "{end}");
    failed(&client.finished(&late).await.json(), "not_started");
    let end = client.finished(&deadline).await.json();
    assert_eq!(end["state"], "timed_out", "{end}");
    let database = cluster.database();
    let job = database.job(end["job_id"].as_str().unwrap()).unwrap();
    let tasks = database.tasks(job.no);
    let long = tasks.iter().find(|task| task.position == 0).unwrap();
    assert_eq!(long.state, TaskState::Cancelled);
    assert!(tasks.iter().any(|task| task.output.as_deref() == Some(r#""cancelled""#)), "{tasks:?}");
}
