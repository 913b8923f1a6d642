//! Tasks that send messages.

use std::time::{Duration, Instant};

use lapin::types::AMQPValue;
use serde_json::{Value, json};
use warrener_tests::broker::{Broker, unique};
use warrener_tests::cluster::Cluster;
use warrener_tests::wait::{SOON, until};

use super::{bench, ended, failed};

/// A job that sends a body to an exchange.
fn sends(exchange: &str, key: &str, body: Value) -> Value {
    json!({"kind": "warrener.publish", "input": {"exchange": exchange, "routing_key": key, "body": body}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_sends_a_message_with_all_that_it_says() {
    let (_cluster, client) = bench().await;
    let (exchange, key) = ("amq.topic", unique("order"));
    client.bind(exchange, &key).await;
    let properties = json!({"type": "order.new", "message_id": "m1", "priority": 7, "expiration": "1h",
        "headers": {"tenant": "acme", "x-mine": 5, "vip": true}});
    let job = json!({"input": {"n": "17"}, "tasks": {"tell": {"kind": "warrener.publish", "input": {
        "exchange": exchange, "routing_key": key, "body": {"order": "${{ input.n }}"}, "properties": properties}}}});
    ended(&client.run(&job).await, "succeeded", json!({"tell": null}));
    let of_key = || client.came().into_iter().find(|one| one.routing_key == key);
    let message = until("the message", SOON, async || of_key()).await;
    assert_eq!((message.text(), message.kind.as_str()), (r#"{"order":"17"}"#.to_owned(), "order.new"));
    let properties = &message.properties;
    let text = |text: &Option<lapin::types::ShortString>| text.as_ref().map(ToString::to_string);
    assert_eq!(text(properties.content_type()).as_deref(), Some("application/json"));
    assert_eq!((text(properties.message_id()).as_deref(), *properties.priority()), (Some("m1"), Some(7)));
    assert_eq!((text(properties.expiration()).as_deref(), *properties.delivery_mode()), (Some("3600000"), Some(2)));
    let headers = properties.headers().clone().unwrap();
    let header = |name: &str| headers.inner().get(name).cloned();
    assert_eq!(header("tenant"), Some(AMQPValue::LongString("acme".into())));
    assert_eq!(header("x-mine"), Some(AMQPValue::LongLongInt(5)));
    assert_eq!(header("vip"), Some(AMQPValue::Boolean(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_takes_fails_by_name_and_costs_no_other() {
    let (cluster, client) = bench().await;
    let key = unique("order");
    client.bind("amq.topic", &key).await;
    let full = client.full_queue("amq.direct", &key).await;
    let others = (0..200).map(|n| sends("amq.topic", &key, json!(n)));
    let mut marks = Vec::new();
    for job in others {
        let mark = unique("q");
        marks.push(client.submit(&job).await);
        client.submit(&sends(&unique("no-exchange"), "k", json!(mark))).await;
    }
    failed(&client.run(&sends("amq.topic", &unique("nobody"), json!(1))).await, "unroutable");
    let end = client.run(&sends("not-there", "k", json!(1))).await;
    failed(&end, "no_exchange");
    assert!(end["error"]["message"].as_str().unwrap().contains("not-there"), "{end}");
    failed(&client.run(&sends("", &full, json!(1))).await, "refused");
    let own = cluster.names().results();
    failed(&client.run(&sends(&own, "results", json!(1))).await, "refused");
    for mark in marks {
        ended(&client.finished(&mark).await.json(), "succeeded", json!(null));
    }
    assert_eq!(cluster.get("/readyz").await.0, 200);
    // Known at submit, if no expression decides it.
    let mark = client.submit(&sends("amq.topic", &"k".repeat(256), json!(1))).await;
    assert_eq!(client.rejected(&mark).await.problems(), [("too_long".to_owned(), "/input/routing_key".to_owned())]);
    // Found out while it runs, it fails by name.
    let job = json!({"input": 7, "tasks": {"tell": {"kind": "warrener.publish", "input": {"exchange": "amq.topic",
        "routing_key": "${{ input }}", "body": 1}}}});
    failed(&client.run(&job).await, "bad_input");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_confirms_nothing_holds_up_nobody_and_nothing_is_lost() {
    let mut broker = Broker::start().await;
    let url = broker.url().to_owned();
    let queue = unique("dead-letterbox");
    let owner = lapin::Connection::connect(&url, lapin::ConnectionProperties::default()).await.unwrap();
    let channel = owner.create_channel().await.unwrap();
    let mut quorum = lapin::types::FieldTable::default();
    quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let durable = lapin::options::QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(queue.as_str().into(), durable, quorum).await.unwrap();
    // What tells where the queue's leader was is not on the disk yet: it never has one again.
    broker.kill().await;
    broker.launch().await;
    let mut cluster = Cluster::start(broker).await;
    let client = cluster.client().await;
    let key = unique("order");
    client.bind("amq.topic", &key).await;
    let mut stuck = Vec::new();
    for n in 0..50 {
        stuck.push(client.submit(&sends("", &queue, json!(n))).await);
    }
    let began = Instant::now();
    for n in 0..50 {
        ended(&client.run(&sends("amq.topic", &key, json!(n))).await, "succeeded", json!(null));
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(8), "50 messages to a queue that works took {took:?}");
    for mark in &stuck {
        assert!(client.find(mark, &["job.finished"]).is_none(), "a message that nobody has counts as sent");
    }
    // Over a kill, too: the row alone makes the message again.
    cluster.kill_orchestrator().await;
    cluster.start_orchestrator().await;
    let again = cluster.client().await;
    again.delete_queue(&queue).await;
    again.declare(&queue, lapin::types::FieldTable::default()).await;
    let database = cluster.database();
    let all = Duration::from_secs(120);
    until("all messages are sent", all, async || (database.open_jobs() == 0).then_some(())).await;
    assert!(again.depth(&queue).await.unwrap() >= 50);
}
