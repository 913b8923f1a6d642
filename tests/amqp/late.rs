//! Destinations that never confirm: they delay nobody else, and end no session.

use std::time::{Duration, Instant};

use lapin::types::AMQPValue;
use warrener_amqp::{Delivered, Published, Publisher, Session, Settings};
use warrener_shared::wire::Parcel;
use warrener_tests::broker::Broker;

use crate::foreign::{Foreign, text};
use crate::{Bench, eventually, numbered, settings, soon};

/// A durable quorum queue of somebody else that no node leads: whoever publishes to it has its channel stand still.
async fn headless(broker: &mut Broker, queue: &str) {
    let foreign = Foreign::connect(broker.url()).await;
    foreign.declare(queue, true, &[("x-queue-type", text("quorum"))]).await;
    // What tells where the queue's leader was is not on the disk yet.
    broker.kill().await;
    broker.launch().await;
}

/// Publishes so many messages to the lane, and gives the longest time that one took.
async fn slowest(publisher: &Publisher, bench: &Bench, count: usize) -> Duration {
    let mut slowest = Duration::ZERO;
    for number in 0..count {
        let begun = Instant::now();
        let outcome = publisher.publish(&bench.names.tasks(), "default", numbered(number)).await;
        assert_eq!(outcome, Published::Confirmed);
        slowest = slowest.max(begun.elapsed());
    }
    slowest
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_stops_its_channel_stops_nobody_else_and_ends_no_session() {
    let mut broker = Broker::start().await;
    headless(&mut broker, "headless").await;
    let bench = Bench::on(broker).await;
    let publisher = bench.session.publisher_to_strangers(64).await.unwrap();
    let mut outcomes = Vec::new();
    for number in 0..3 {
        outcomes.push(publisher.enqueue("", "headless", numbered(number)).await);
    }
    // The first of them waits behind the queue; everybody else does not.
    let first = slowest(&publisher, &bench, 1).await;
    assert!(first < Duration::from_secs(3), "another destination waited for {first:?}");
    for outcome in outcomes {
        assert_eq!(soon("an outcome", outcome).await, Published::Unknown);
    }
    let began = Instant::now();
    let mut answers = Vec::new();
    while began.elapsed() < Duration::from_secs(8) {
        let trial = publisher.enqueue("", "headless", numbered(9)).await;
        let others = slowest(&publisher, &bench, 20).await;
        assert!(others < Duration::from_secs(1), "another destination waited for {others:?}");
        answers.push(soon("an answer", trial).await);
    }
    assert!(answers.contains(&Published::Late), "nothing was held back: {answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Published::Late | Published::Unknown)), "{answers:?}");
    let late = publisher.late();
    assert_eq!(
        late.iter().map(|one| (one.exchange.as_str(), one.key.as_str())).collect::<Vec<_>>(),
        [("", "headless")]
    );
    assert!(late[0].since > Duration::from_secs(5), "{late:?}");
    assert!(bench.session.is_usable(), "it ended the session");
    eventually("all places free, that of a trial too", async || publisher.room() == 64).await;

    // Whoever answers again is published to again.
    bench.session.delete_queue("headless").await.unwrap();
    Foreign::connect(bench.broker.url()).await.declare("headless", true, &[]).await;
    eventually("a confirm", async || publisher.publish("", "headless", numbered(1)).await == Published::Confirmed)
        .await;
    assert_eq!(publisher.late(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_gone_leaves_no_connection_though_a_queue_owes_it_a_confirm() {
    let mut broker = Broker::start().await;
    headless(&mut broker, "headless").await;
    let mut bench = Bench::on(broker).await;
    let courier = bench.session.courier(Duration::from_secs(1));
    let parcel = |key: &str| Parcel { exchange: String::new(), key: key.to_owned(), message: numbered(1) };
    assert_eq!(soon("an outcome", courier.send(parcel("headless"))).await, Delivered::Unknown);
    assert_eq!(soon("an outcome", courier.send(parcel("nowhere"))).await, Delivered::Unroutable);
    assert_eq!(senders(&mut bench.broker).await, 1);
    drop(courier);
    eventually("no connection of it", async || senders(&mut bench.broker).await == 0).await;
    assert!(bench.session.is_usable());
}

/// Number of connections that send single messages.
async fn senders(broker: &mut Broker) -> usize {
    let connections = broker.control(&["list_connections", "client_properties"]).await;
    connections.lines().filter(|line| line.contains(" sending")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_only_leaves_its_own_messages_unconfirmed_is_put_aside_alone() {
    let mut broker = Broker::start().await;
    Foreign::connect(broker.url()).await.declare("stuck", true, &[]).await;
    let process =
        "{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"stuck\">>)), P = amqqueue:get_pid(Q),";
    broker.control(&["eval", &format!("{process} sys:suspend(P).")]).await;
    let mut bench = Bench::on(broker).await;
    let publisher = bench.session.publisher_apart(4).await.unwrap();
    let mut stuck = vec![publisher.enqueue("", "stuck", numbered(0)).await];
    stuck.push(publisher.enqueue("", "stuck", numbered(1)).await);
    eventually("all places free again", async || {
        slowest(&publisher, &bench, 1).await;
        publisher.room() == 4
    })
    .await;
    assert_eq!(publisher.late().len(), 1);
    assert!(slowest(&publisher, &bench, 50).await < Duration::from_secs(1));
    assert!(bench.session.is_usable());
    bench.broker.control(&["eval", &format!("{process} sys:resume(P).")]).await;
    for outcome in stuck {
        assert_eq!(soon("an outcome", outcome).await, Published::Confirmed, "it was sent twice for nothing");
    }
    eventually("its return", async || publisher.late().is_empty()).await;
    assert_eq!(publisher.publish("", "stuck", numbered(2)).await, Published::Confirmed);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_dead_queues_and_a_full_one_stop_nobody_else() {
    let mut broker = Broker::start().await;
    let foreign = Foreign::connect(broker.url()).await;
    for number in 0..3 {
        foreign.declare(&format!("dead{number}"), true, &[("x-queue-type", text("quorum"))]).await;
    }
    broker.kill().await;
    broker.launch().await;
    let foreign = Foreign::connect(broker.url()).await;
    let full = [("x-max-length", AMQPValue::LongInt(0)), ("x-overflow", text("reject-publish"))];
    foreign.declare("full", true, &full).await;
    let bench = Bench::on(broker).await;
    let publisher = bench.session.publisher_to_strangers(256).await.unwrap();
    let mut pending = Vec::new();
    for number in 0..30 {
        for key in ["dead0", "dead1", "dead2", "full"] {
            pending.push((key, publisher.enqueue("", key, numbered(number)).await));
        }
    }
    let first = slowest(&publisher, &bench, 1).await;
    assert!(first < Duration::from_secs(3), "another destination waited for {first:?}");
    for (key, outcome) in pending {
        let outcome = soon("an outcome", outcome).await;
        assert_eq!(outcome == Published::Nacked, key == "full", "{key}: {outcome:?}");
    }
    // Of several queues the first may have reached the disk.
    assert!(!publisher.late().is_empty(), "no queue came back without a leader");
    assert!(slowest(&publisher, &bench, 50).await < Duration::from_secs(1));
    assert!(bench.session.is_usable());
}

/// A broker that answers nobody tells nothing of a single destination.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_broker_makes_no_destination_late() {
    let mut bench = Bench::on(Broker::start().await).await;
    let patient = Settings { heartbeat: Duration::from_secs(60), ..settings(bench.broker.url()) };
    let session = Session::open(&patient).await.unwrap();
    let publisher = session.publisher_to_strangers(8).await.unwrap();
    slowest(&publisher, &bench, 1).await;
    bench.broker.pause();
    let first = publisher.enqueue(&bench.names.tasks(), "default", numbered(0)).await;
    let waited = Instant::now();
    eventually("a message that waits", async || {
        publisher.oldest_unconfirmed().is_some_and(|age| age > Duration::from_secs(4))
    })
    .await;
    assert!(waited.elapsed() > Duration::from_secs(3));
    bench.broker.resume();
    assert_eq!(soon("the confirm", first).await, Published::Confirmed);
    assert_eq!(publisher.late(), []);
    assert!(session.is_usable());
    slowest(&publisher, &bench, 10).await;
    assert_eq!(publisher.oldest_unconfirmed(), None);
}
