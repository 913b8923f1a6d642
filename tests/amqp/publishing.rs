//! Publishing: every outcome is true.

use lapin::types::AMQPValue;
use tokio::task::JoinSet;
use warrener_amqp::Published;
use warrener_shared::wire::{Header, Message};

use crate::foreign::{Foreign, text};
use crate::{Bench, eventually, number, numbered, soon};

/// A queue that refuses everything, since it is full.
async fn full_queue(bench: &Bench) -> String {
    let queue = format!("{}.full", bench.names.prefix());
    let foreign = Foreign::connect(bench.broker.url()).await;
    foreign
        .declare(&queue, true, &[("x-max-length", AMQPValue::LongInt(0)), ("x-overflow", text("reject-publish"))])
        .await;
    assert_eq!(bench.session.pool().publish("", &queue, numbered(0)).await, Published::Nacked);
    queue
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn confirms_belong_to_their_messages_however_many_tasks_publish() {
    let bench = Bench::shared().await;
    let full = full_queue(&bench).await;
    let publisher = bench.session.publisher(128).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let (publisher, full, tasks_exchange) = (publisher.clone(), full.clone(), bench.names.tasks());
        tasks.spawn(async move {
            for number in 0..500 {
                let (exchange, key, expected) = if (task + number) % 2 == 0 {
                    ("", full.as_str(), Published::Nacked)
                } else {
                    (tasks_exchange.as_str(), "default", Published::Confirmed)
                };
                assert_eq!(publisher.publish(exchange, key, numbered(number)).await, expected, "task {task}");
            }
        });
    }
    tasks.join_all().await;
    bench.ready(&bench.lane(), 2000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn pipelined_confirms_belong_to_their_messages() {
    let bench = Bench::shared().await;
    let full = full_queue(&bench).await;
    let publisher = bench.session.publisher(256).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..3000_usize {
        let refused = number % 3 == 0;
        let (exchange, key) = if refused { (String::new(), full.as_str()) } else { (bench.names.tasks(), "default") };
        pending.push((refused, publisher.enqueue(&exchange, key, numbered(number)).await));
    }
    for (refused, outcome) in pending {
        assert_eq!(outcome.await, if refused { Published::Nacked } else { Published::Confirmed });
    }
    // And in the order in which they were given.
    let mut consumer = bench.session.consume(&bench.lane(), 500).await.unwrap();
    let mut last = None;
    for _ in 0..2000 {
        let delivery = soon("a message", consumer.next()).await.unwrap();
        let number = Some(number(&delivery.message));
        assert!(last < number);
        last = number;
        delivery.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn returns_belong_to_their_messages() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(8).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..24_usize {
        let (publisher, lane) = (publisher.clone(), bench.lane());
        tasks.spawn(async move {
            for number in 0..50 {
                let (key, expected) = if (task + number) % 2 == 0 {
                    (lane.as_str(), Published::Confirmed)
                } else {
                    ("nobody", Published::Returned)
                };
                assert_eq!(publisher.publish_mandatory("", key, numbered(number)).await, expected);
            }
        });
    }
    tasks.join_all().await;
    bench.ready(&bench.lane(), 600).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_bounds_what_is_unconfirmed() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(4).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..4 {
        pending.push(publisher.enqueue(&bench.names.tasks(), "default", numbered(number)).await);
    }
    for outcome in pending {
        assert_eq!(outcome.await, Published::Confirmed);
    }
    eventually("all places free", async || publisher.room() == 4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_enqueued_is_published_though_the_publisher_is_gone() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(64).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..64 {
        pending.push(publisher.enqueue(&bench.names.tasks(), "default", numbered(number)).await);
    }
    drop(publisher);
    for outcome in pending {
        assert_eq!(outcome.await, Published::Confirmed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_exchange_ends_the_session_and_leaves_nobody_waiting() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(64).await.unwrap();
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    let deaf = tokio::spawn(async move { consumer.next().await.map(drop) });
    let mut pending = Vec::new();
    for number in 0..32 {
        pending.push(publisher.enqueue(&bench.names.tasks(), "default", numbered(number)).await);
    }
    assert_eq!(soon("the outcome", publisher.publish("missing", "key", numbered(0))).await, Published::Unknown);
    for outcome in pending {
        assert!(matches!(soon("an outcome", outcome).await, Published::Confirmed | Published::Unknown));
    }
    let why = soon("the end", bench.session.failed()).await;
    assert!(why.to_string().contains("missing"), "{why}");
    drop(soon("the consumer's end", deaf).await.unwrap());
    assert_eq!(publisher.publish(&bench.names.tasks(), "default", numbered(0)).await, Published::Unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_amqp_cannot_carry_is_refused_and_harms_nobody() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(4).await.unwrap();
    let mut message = numbered(0);
    message.correlation_id = Some("x".repeat(256));
    assert_eq!(publisher.publish(&bench.names.tasks(), "default", message).await, Published::Impossible);
    assert_eq!(publisher.publish(&bench.names.tasks(), &"k".repeat(256), numbered(0)).await, Published::Impossible);
    let huge = Message::json("test", vec![b' '; 16 * 1024 * 1024 + 1]);
    assert_eq!(publisher.publish(&bench.names.tasks(), "default", huge).await, Published::Impossible);
    assert_eq!(publisher.publish(&bench.names.tasks(), "default", numbered(0)).await, Published::Confirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_message_arrives_and_the_brokers_headers_do_not_leave() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(4).await.unwrap();
    let mut sent = Message::json("kind.of.work", vec![0, 1, 0xff]);
    sent.content_encoding = Some("utf-8".to_owned());
    sent.message_id = Some("id".to_owned());
    sent.correlation_id = Some("ticket".to_owned());
    sent.reply_to = Some("results".to_owned());
    sent.priority = Some(7);
    sent.expiration_ms = Some(60_000);
    sent.set_text("text", "ü");
    sent.set_int("number", i64::MIN);
    sent.headers.insert("truth".to_owned(), Header::Bool(true));
    let mut with_broker_headers = sent.clone();
    with_broker_headers.set_int("x-delivery-count", 99);
    with_broker_headers.headers.insert("gone".to_owned(), Header::Other("a table of 1".to_owned()));
    publisher.publish(&bench.names.tasks(), "default", with_broker_headers).await;
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    let delivery = soon("the message", consumer.next()).await.unwrap();
    assert_eq!(delivery.message, sent);
    assert_eq!((delivery.redelivered, delivery.delivery_count, &delivery.death), (false, None, &None));
    assert_eq!((delivery.exchange.as_str(), delivery.routing_key.as_str()), (bench.names.tasks().as_str(), "default"));
    delivery.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_body_survives() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(4).await.unwrap();
    let body: Vec<u8> = (0..8_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let mut consumer = bench.session.consume(&bench.lane(), 4).await.unwrap();
    for body in [body, Vec::new(), vec![7; 131_072 - 8], vec![8; 131_072 - 7]] {
        let outcome = publisher.publish(&bench.names.tasks(), "default", Message::json("large", body.clone())).await;
        assert_eq!(outcome, Published::Confirmed);
        let delivery = soon("the message", consumer.next()).await.unwrap();
        assert!(delivery.message.body == body, "a body of {} bytes changed", body.len());
        delivery.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unconfirmed_messages_reach_an_exclusive_queue() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(4).await.unwrap();
    let queue = bench.names.control_queue("me");
    let keys = ["all".to_owned(), "worker.me".to_owned()];
    let mut consumer = bench.session.consume_exclusive(&queue, &bench.names.control(), &keys, 10).await.unwrap();
    for key in ["all", "worker.me", "worker.other"] {
        assert!(publisher.send_unconfirmed(&bench.names.control(), key, Message::json("control", key.into())).await);
    }
    for key in ["all", "worker.me"] {
        let delivery = soon("control", consumer.next()).await.unwrap();
        assert_eq!(delivery.message.body, key.as_bytes());
        delivery.ack().await.unwrap();
    }
    let error = bench.session.consume_exclusive("new", "missing", &keys, 1).await.unwrap_err();
    assert!(error.to_string().contains("the exchange missing"), "{error}");
    assert!(bench.session.is_usable());
}
