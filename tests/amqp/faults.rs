//! A broker that is short of memory, slow, frozen, killed, wiped. Each test breaks a node of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use warrener_amqp::{OwnerMark, Published, Session, Settings, Settled};
use warrener_tests::broker::Broker;

use crate::{Bench, eventually, number, numbered, open, settings, soon};

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_blocks_publishes_and_nothing_else() {
    let mut bench = Bench::on(Broker::start().await).await;
    bench.fill(3).await;
    let lane = bench.lane();
    let patient = Settings { publish_timeout: Duration::from_secs(2), ..settings(bench.broker.url()) };
    let session = Session::open(&patient).await.unwrap();
    let publisher = session.publisher(8).await.unwrap();
    let mut consumer = session.consume(&lane, 1).await.unwrap();
    let held = soon("a delivery", consumer.next()).await.unwrap();

    bench.broker.set_memory_watermark(0.0001).await;
    let tasks = bench.names.tasks();
    let first = soon("the first outcome", publisher.publish(&tasks, "default", numbered(10))).await;
    assert_eq!(first, Published::Unknown);
    eventually("the reason", async || session.is_blocked().is_some_and(|why| why.contains("memory"))).await;
    assert_eq!(soon("an outcome", publisher.publish(&tasks, "default", numbered(11))).await, Published::Unknown);
    assert_eq!(soon("an outcome", session.pool().publish(&tasks, "default", numbered(12))).await, Published::Unknown);
    assert!(!publisher.send_unconfirmed(&tasks, "default", numbered(13)).await);
    assert_eq!(publisher.room(), 6, "what is still in our buffers keeps its place");
    // Acknowledgements get through: with a prefetch of 1 the next message comes only behind one.
    assert_eq!(soon("an ack", held.ack()).await, Ok(Settled::Done));
    let held = soon("a delivery behind an ack", consumer.next()).await.unwrap();
    assert_eq!(soon("an ack", held.ack()).await, Ok(Settled::Done));
    assert!(session.is_usable(), "being blocked is no reason to rebuild");

    // A blocked session can be given up: the library would never let go of its connection.
    let other = Session::open(&patient).await.unwrap();
    let stuck = other.publisher(1).await.unwrap();
    assert_eq!(soon("an outcome", stuck.publish(&tasks, "default", numbered(14))).await, Published::Unknown);
    eventually("the reason", async || other.is_blocked().is_some()).await;
    soon("giving up", other.close()).await;

    bench.broker.set_memory_watermark(0.4).await;
    eventually("the end of the block", async || session.is_blocked().is_none()).await;
    assert_eq!(soon("an outcome", publisher.publish(&tasks, "default", numbered(15))).await, Published::Confirmed);
    eventually("free places", async || publisher.room() == 8).await;
    // Unknown doesn't mean lost: what was in our buffers goes out at last.
    let mut missing = BTreeSet::from([2, 10, 11, 15]);
    while !missing.is_empty() {
        let delivery = soon("a delivery", consumer.next()).await.unwrap();
        missing.remove(&number(&delivery.message));
        delivery.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_frozen_or_wiped_ends_the_session_and_the_next_one_works() {
    let mut bench = Bench::on(Broker::start().await).await;
    let (names, lane) = (bench.names.clone(), bench.lane());
    assert_eq!(bench.session.declare_owner(&names, "db").await.unwrap(), OwnerMark::Fresh);
    bench.fill(3).await;
    // A quorum queue whose node is killed within seconds of its declaration may come back without a leader.
    tokio::time::sleep(Duration::from_secs(5)).await;

    let mut consumer = bench.session.consume(&lane, 1).await.unwrap();
    let held = soon("a delivery", consumer.next()).await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await.map(drop) });
    bench.broker.kill().await;
    soon("the end", bench.session.failed()).await;
    assert!(soon("the consumer's end", waiting).await.unwrap().is_err());
    assert_eq!(held.ack().await, Ok(Settled::TooLate));
    assert!(Session::open(&settings(bench.broker.url())).await.unwrap_err().is_transient());

    bench.broker.restart().await;
    bench.session = open(&bench.broker).await;
    assert_eq!(bench.session.declare_owner(&names, "db").await.unwrap(), OwnerMark::Known);
    bench.ready(&lane, 3).await;
    bench.fill(1).await;

    let quick = Settings { heartbeat: Duration::from_secs(2), ..settings(bench.broker.url()) };
    let session = Session::open(&quick).await.unwrap();
    let publisher = session.publisher(1).await.unwrap();
    bench.broker.pause();
    let outcome = tokio::spawn(async move { publisher.publish(&names.tasks(), "default", numbered(9)).await });
    soon("the end for want of heartbeats", session.failed()).await;
    assert_eq!(soon("the outcome", outcome).await.unwrap(), Published::Unknown);
    bench.broker.resume();

    bench.broker.wipe().await;
    soon("the end", bench.session.failed()).await;
    let session = open(&bench.broker).await;
    assert_eq!(session.depth(&lane).await.unwrap(), None);
    assert_eq!(session.declare_owner(&bench.names, "db").await.unwrap(), OwnerMark::Fresh);

    bench.broker.stop().await;
    assert!(soon("the end", session.failed()).await.is_transient());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_closed_by_the_broker_leaves_no_consumer_deaf() {
    let mut broker = Broker::start().await;
    // The broker closes a channel on which a delivery was held for longer than this.
    let short =
        "application:set_env(rabbit, consumer_timeout, 1000), application:set_env(rabbit, channel_tick_interval, 500).";
    broker.control(&["eval", short]).await;
    let bench = Bench::on(broker).await;
    bench.fill(2).await;
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    let held = soon("a delivery", consumer.next()).await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await.map(drop) });
    let why = soon("the end", bench.session.failed()).await;
    assert!(why.to_string().contains("PRECONDITION_FAILED"), "{why}");
    assert!(soon("the consumer's end", waiting).await.unwrap().is_err());
    assert_eq!(held.ack().await, Ok(Settled::TooLate));
    let session = open(&bench.broker).await;
    let mut consumer = session.consume(&bench.lane(), 1).await.unwrap();
    assert!(soon("the redelivery", consumer.next()).await.unwrap().redelivered);
}

/// A late return would be taken for the one of the next message on the same channel.
#[tokio::test(flavor = "multi_thread")]
async fn a_channel_whose_last_publish_was_given_up_is_not_used_again() {
    let mut bench = Bench::on(Broker::start().await).await;
    let (session, nobody) = (bench.session.clone(), bench.names.events());
    let pool = session.pool();
    let mut channels = async || {
        let listed = bench.broker.control(&["list_channels", "confirm", "number"]).await;
        listed.lines().filter(|line| line.starts_with("true")).map(str::to_owned).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        assert_eq!(pool.publish(&nobody, "key", numbered(0)).await, Published::Confirmed);
    }
    let first = channels().await;
    tokio::select! {
        biased;
        outcome = pool.publish_mandatory("", "nobody", numbered(0)) => panic!("one poll is no round trip: {outcome:?}"),
        () = std::future::ready(()) => {}
    }
    assert_eq!(pool.publish(&nobody, "key", numbered(0)).await, Published::Confirmed);
    let second = channels().await;
    assert_eq!((first.len(), second.len()), (1, 1), "{first:?} {second:?}");
    assert_ne!(first, second);
}
