//! Queues of others that refuse what they are sent: their owners go without, nobody else notices.

use serde_json::json;
use warrener_tests::client::BasicProperties;
use warrener_tests::wait::{SOON, until};

use super::bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_takes_no_events_stops_nobody() {
    let (cluster, client) = bench().await;
    client.full_queue(&cluster.names().events(), "#").await;
    let listener = cluster.client().await;
    listener.bind(&cluster.names().events(), "job.succeeded").await;
    for _ in 0..3 {
        client.run(&json!({"kind": "demo.echo", "input": 1})).await;
        assert_eq!(cluster.get("/readyz").await.0, 200);
    }
    until("the other listener's events", SOON, async || (listener.came().len() >= 3).then_some(())).await;
    assert_eq!(cluster.sessions(), 1, "the orchestrator gave up its session with the broker");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_no_answers_stops_nobody() {
    let (cluster, client) = bench().await;
    let full = client.full_queue(&cluster.names().events(), "nothing").await;
    let deaf =
        |mark: &str| BasicProperties::default().with_reply_to(full.as_str().into()).with_correlation_id(mark.into());
    client.send(deaf("bad"), br#"{"knd": "demo.echo"}"#).await;
    client.send(deaf("good"), br#"{"kind": "demo.echo"}"#).await;
    client.run(&json!({"kind": "demo.echo", "input": 1})).await;
    assert_eq!(cluster.sessions(), 1, "the orchestrator gave up its session with the broker");
    // What could not be told stays owed, and is told once there is room.
    client.listen(&full).await;
    client.rejected("bad").await;
    client.finished("good").await;
    assert_eq!(cluster.database().dead().len(), 0);
}
