//! A store that is away for longer than the broker is patient with a message.

use std::time::Duration;

use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::client::BasicProperties;
use warrener_tests::cluster::Cluster;
use warrener_tests::postgres::Server;
use warrener_tests::wait::{SOON, until};

/// Longer than the twenty deliveries of a message take that comes back with each session, one a second.
const AWAY: Duration = Duration::from_secs(30);
/// Results and submits that come meanwhile, each.
const COUNT: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_it_is_away_is_kept_once_it_is_back() {
    let mut server = Server::start();
    let mut cluster = Cluster::on_store(Broker::start().await, server.url()).await;
    let client = cluster.client().await;
    let mut jobs = Vec::new();
    for number in 0..COUNT {
        jobs.push(client.accept(&json!({"kind": "k", "queue": "manual", "input": number, "timeout": "20s"})).await);
    }
    client.listen(&cluster.names().task_queue(&"manual".parse().unwrap())).await;
    let tasks = until("the tasks", SOON, async || {
        let tasks: Vec<_> = client.came().into_iter().filter(|message| message.kind == "k").collect();
        (tasks.len() == COUNT).then_some(tasks)
    });
    let tasks = tasks.await;
    let sessions = cluster.sessions();
    server.kill();
    for task in &tasks {
        let done = BasicProperties::default().with_correlation_id(task.correlation_id.as_str().into());
        client.report(done, b"1").await;
    }
    let mut marks = Vec::new();
    for number in 0..COUNT {
        marks.push(client.submit(&json!({"id": format!("late-{number}"), "kind": "warrener.pass"})).await);
    }
    until("it is not ready", SOON, async || (cluster.get("/readyz").await.0 == 503).then_some(())).await;
    tokio::time::sleep(AWAY).await;
    server.launch();
    cluster.ready().await;
    for mark in &marks {
        client.finished(mark).await;
    }
    for id in &jobs {
        let job = until("a result", SOON, async || {
            let job = cluster.get(&format!("/api/v1/jobs/{id}")).await.1;
            (job["state"] != "running").then_some(job)
        });
        assert_eq!(job.await["state"], "succeeded");
    }
    assert_eq!(cluster.sessions(), sessions, "the session ended:\n{}", cluster.orchestrator().log());
    assert_eq!(cluster.get("/api/v1/dead").await.1["items"], json!([]));
}
