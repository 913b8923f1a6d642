//! A task queue that somebody deletes takes no job with it, and costs no attempt.

use serde_json::json;
use warrener_tests::client::Client;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::{SOON, until};

use super::{bench, ended};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_it_goes_out_again_if_another_message_finds_it_gone() {
    let (mut cluster, client) = bench().await;
    let marks = filled(&cluster, &client).await;
    assert_eq!(client.delete_queue(&name(&cluster)).await, JOBS);
    // Likely sooner than the look each second.
    let last = client.submit(&job()).await;
    let marks: Vec<String> = marks.into_iter().chain([last]).collect();
    done(&mut cluster, &client, &marks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_it_goes_out_again_if_it_was_deleted_while_no_orchestrator_ran() {
    let (mut cluster, client) = bench().await;
    let marks = filled(&cluster, &client).await;
    cluster.kill_orchestrator().await;
    assert_eq!(client.delete_queue(&name(&cluster)).await, JOBS);
    cluster.start_orchestrator().await;
    done(&mut cluster, &client, &marks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_to_a_new_queue_goes_once() {
    let (cluster, client) = bench().await;
    let names = (0..NEW).map(|no| format!("new{no}"));
    for name in names.clone() {
        client.submit(&json!({"kind": "demo.echo", "queue": name, "input": 1})).await;
    }
    let queues: Vec<String> = names.map(|name| format!("{}.{name}", cluster.names().tasks())).collect();
    for queue in &queues {
        until("its message is in the queue", SOON, async || client.depth(queue).await.filter(|depth| *depth > 0)).await;
    }
    // Twice as long as what was not published waits for its next turn.
    tokio::time::sleep(std::time::Duration::from_millis(1_000)).await;
    for queue in &queues {
        assert_eq!(client.depth(queue).await, Some(1), "{queue}: with two workers the task would run twice");
    }
}

/// Jobs whose messages wait in a queue that no worker reads.
async fn filled(cluster: &Cluster, client: &Client) -> Vec<String> {
    let mut marks = Vec::new();
    for _ in 0..JOBS {
        marks.push(client.submit(&job()).await);
    }
    let queue = name(cluster);
    until("all messages are in the queue", SOON, async || (client.depth(&queue).await == Some(JOBS)).then_some(()))
        .await;
    // The progress of publishing is kept at the next commit, a second later at most.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    marks
}

async fn done(cluster: &mut Cluster, client: &Client, marks: &[String]) {
    cluster.start_worker("late", &Plan::default().queues(&["lost"]));
    for mark in marks {
        let end = client.finished(mark).await.json();
        ended(&end, "succeeded", json!(1));
        let database = cluster.database();
        let job = database.job(end["job_id"].as_str().unwrap()).unwrap();
        assert_eq!(database.tasks(job.no)[0].attempt, 1, "the time of an attempt passed that nobody could get");
    }
}

fn job() -> serde_json::Value {
    json!({"kind": "demo.echo", "queue": "lost", "input": 1, "timeout": "1s"})
}

fn name(cluster: &Cluster) -> String {
    format!("{}.lost", cluster.names().tasks())
}

const JOBS: u32 = 3;
const NEW: u32 = 60;
