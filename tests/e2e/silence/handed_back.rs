//! A worker of somebody else that hands every task back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use serde_json::json;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::Cluster;

/// Up to RabbitMQ 4.2 the broker ends it within a second; from then on each round takes one.
#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_goes_round_fails_and_spins_no_faster_than_the_broker_allows() {
    let cluster = Cluster::with_workers(Broker::shared().await, 0).await;
    let client = cluster.client().await;
    let mark = client.submit(&json!({"kind": "theirs", "queue": "round", "retry": 0})).await;
    client.accepted(&mark).await;
    let deliveries = Arc::new(AtomicUsize::new(0));
    let worker = tokio::spawn(nack_all(
        cluster.amqp_url().to_owned(),
        cluster.names().task_queue(&"round".parse().unwrap()),
        deliveries.clone(),
    ));
    let began = Instant::now();
    let end = client.finished_within(&mark, Duration::from_secs(100)).await.json();
    // Where the broker counts, its limit ends the task: it can't tell a hand-back from the death of a worker.
    assert_eq!(end["state"], "failed", "{end}");
    assert!(["rejected", "crashed"].iter().any(|code| end["error"]["code"] == *code), "{end}");
    let (count, took) = (deliveries.load(Ordering::SeqCst), began.elapsed());
    assert!((19..=60).contains(&count), "{count} deliveries in {took:?}");
    assert!(count <= 21 || count as u64 <= took.as_secs() + 2, "{count} deliveries in {took:?}");
    let (_, dead) = cluster.get("/api/v1/dead").await;
    assert_eq!(dead["items"].as_array().map(Vec::len), Some(1), "{dead}");
    worker.abort();
}

async fn nack_all(url: String, queue: String, deliveries: Arc<AtomicUsize>) {
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.basic_qos(10, BasicQosOptions::default()).await.unwrap();
    let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut consumer = channel.basic_consume(queue.into(), "".into(), options, arguments).await.unwrap();
    while let Some(Ok(delivery)) = consumer.next().await {
        deliveries.fetch_add(1, Ordering::SeqCst);
        delivery.acker.nack(BasicNackOptions { requeue: true, multiple: false }).await.unwrap();
    }
}
