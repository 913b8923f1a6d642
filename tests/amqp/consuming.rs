//! Consuming: nothing is lost, nothing is settled for somebody else, nobody stays deaf.

use std::collections::BTreeSet;
use std::time::Duration;

use warrener_amqp::{BrokerError, Consumer, Settled, Settlement, Topology};
use warrener_shared::id::QueueName;

use crate::{Bench, number, numbered, open, soon};

async fn numbers(consumer: &mut Consumer, count: usize) -> BTreeSet<usize> {
    let mut numbers = BTreeSet::new();
    for _ in 0..count {
        let delivery = soon("a delivery", consumer.next()).await.unwrap();
        numbers.insert(number(&delivery.message));
        delivery.ack().await.unwrap();
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_queue_ends_the_consumer_with_an_error() {
    let bench = Bench::shared().await;
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    let waiting = tokio::spawn(async move { consumer.next().await.map(drop) });
    let why = BrokerError::ConsumerEnded { queue: bench.lane() };
    // The consumer may hear of it before the answer is there.
    if let Err(error) = bench.session.delete_queue(&bench.lane()).await {
        assert_eq!(error, why);
    }
    assert_eq!(soon("the consumer's end", waiting).await.unwrap(), Err(why.clone()));
    assert_eq!(soon("the session's end", bench.session.failed()).await, why);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settlement_after_the_end_is_too_late_and_touches_nothing_else() {
    let bench = Bench::shared().await;
    bench.fill(2).await;
    let mut consumer = bench.session.consume(&bench.lane(), 3).await.unwrap();
    let old = soon("a delivery", consumer.next()).await.unwrap();
    let batch = soon("a batch", consumer.next_batch(1, Duration::ZERO)).await.unwrap();
    let why = BrokerError::ConsumerEnded { queue: "a reason".to_owned() };
    bench.session.break_with(why.clone());
    assert_eq!(soon("the consumer's end", consumer.next()).await.unwrap_err(), why);

    // The connections are closed though handles are still held: the messages come to the next session.
    let session = open(&bench.broker).await;
    let mut consumer = session.consume(&bench.lane(), 2).await.unwrap();
    let new = soon("the redelivery", consumer.next()).await.unwrap();
    let other = soon("the redelivery", consumer.next()).await.unwrap();
    assert_eq!((new.redelivered, new.delivery_count), (true, Some(1)));
    assert_eq!(old.ack().await, Ok(Settled::TooLate));
    assert_eq!(batch.ack().await, Ok(Settled::TooLate));
    // Had the old tag reached the broker, this one would be unknown to it, and the channel closed.
    assert_eq!(new.release().await, Ok(Settled::Done));
    assert_eq!(soon("the message again", consumer.next()).await.unwrap().ack().await, Ok(Settled::Done));
    assert_eq!(other.ack().await, Ok(Settled::Done));
    assert!(session.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_message_comes_again_and_is_counted() {
    let bench = Bench::shared().await;
    bench.fill(1).await;
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    for count in [None, Some(1), Some(2), Some(3)] {
        let delivery = soon("the message", consumer.next()).await.unwrap();
        assert_eq!((delivery.redelivered, delivery.delivery_count), (count.is_some(), count));
        delivery.release().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_message_goes_to_the_dead_letters_with_its_story() {
    let bench = Bench::shared().await;
    let publisher = bench.session.publisher(4).await.unwrap();
    let (submit, tasks, results) = (bench.names.submit(), bench.names.tasks(), bench.names.results());
    let mut dead = bench.session.consume(&bench.names.dead(), 10).await.unwrap();
    let cases = [
        (&submit, "submit", submit.clone(), "submit"),
        (&tasks, "default", bench.lane(), "task"),
        (&results, "results", results.clone(), "result"),
    ];
    for (exchange, key, queue, dead_key) in cases {
        assert!(publisher.publish(exchange, key, numbered(1)).await.is_confirmed());
        let mut consumer = bench.session.consume(&queue, 1).await.unwrap();
        soon("the message", consumer.next()).await.unwrap().reject().await.unwrap();
        let letter = soon("the dead letter", dead.next()).await.unwrap();
        assert_eq!((letter.exchange.as_str(), letter.routing_key.as_str()), (bench.names.dlx().as_str(), dead_key));
        let death = letter.death.clone().unwrap();
        assert_eq!((death.queue, death.reason.as_str(), death.count), (queue, "rejected", 1));
        assert_eq!((&death.exchange, death.routing_key.as_str()), (exchange, key));
        letter.ack().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_handed_out_too_often_becomes_a_dead_letter() {
    let bench = Bench::shared().await;
    bench.fill(1).await;
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    for _ in 0..=20 {
        soon("the message", consumer.next()).await.unwrap().release().await.unwrap();
    }
    let mut dead = bench.session.consume(&bench.names.dead(), 1).await.unwrap();
    let letter = soon("the dead letter", dead.next()).await.unwrap();
    assert_eq!(letter.death.as_ref().unwrap().reason, "delivery_limit");
    letter.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_prefetch_bounds_what_is_held() {
    let bench = Bench::shared().await;
    bench.fill(10).await;
    let _consumer = bench.session.consume(&bench.lane(), 4).await.unwrap();
    bench.ready(&bench.lane(), 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_prefetch_keeps_what_is_held_settleable() {
    let bench = Bench::shared().await;
    bench.fill(12).await;
    let lane = bench.lane();
    let mut consumer = bench.session.consume(&lane, 4).await.unwrap();
    let claimed = soon("a delivery", consumer.next()).await.unwrap();
    bench.ready(&lane, 8).await;

    // Paused: acknowledging the claimed one brings no other in its place.
    consumer.set_prefetch(0).await.unwrap();
    assert_eq!(number(&claimed.message), 0);
    assert_eq!(claimed.ack().await, Ok(Settled::Done));
    let kept = soon("a delivery that had arrived", consumer.next()).await.unwrap();
    assert_eq!(number(&kept.message), 1);
    assert_eq!(bench.session.depth(&lane).await.unwrap().unwrap().ready, 8);

    // Two more, beyond the three that are held.
    consumer.set_prefetch(2).await.unwrap();
    bench.ready(&lane, 6).await;
    let arrived = numbers(&mut consumer, 2).await;
    assert_eq!(arrived, BTreeSet::from([2, 3]));
    assert_eq!(kept.release().await, Ok(Settled::Done));
    let mut rest = numbers(&mut consumer, 9).await;
    rest.extend(arrived);
    assert_eq!(rest, (1..12).collect());
    bench.ready(&lane, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_changed_under_load_loses_nothing() {
    let bench = Bench::shared().await;
    bench.fill(400).await;
    let mut consumer = bench.session.consume(&bench.lane(), 7).await.unwrap();
    let mut seen = BTreeSet::new();
    for round in 0..200_u16 {
        seen.extend(numbers(&mut consumer, 2).await);
        consumer.set_prefetch(1 + round % 9).await.unwrap();
    }
    assert_eq!(seen, (0..400).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_consumer_hands_out_what_had_arrived() {
    let bench = Bench::shared().await;
    bench.fill(5).await;
    let mut consumer = bench.session.consume(&bench.lane(), 3).await.unwrap();
    let working = soon("a delivery", consumer.next()).await.unwrap();
    bench.ready(&bench.lane(), 2).await;
    let rest = consumer.cancel().await.unwrap();
    assert_eq!(rest.iter().map(|delivery| number(&delivery.message)).collect::<Vec<_>>(), [1, 2]);
    for delivery in rest {
        assert_eq!(delivery.release().await, Ok(Settled::Done));
    }
    bench.ready(&bench.lane(), 4).await;
    assert_eq!(working.ack().await, Ok(Settled::Done));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_consumer_gives_back_what_had_arrived() {
    let bench = Bench::shared().await;
    bench.fill(5).await;
    let mut consumer = bench.session.consume(&bench.lane(), 3).await.unwrap();
    let working = soon("a delivery", consumer.next()).await.unwrap();
    bench.ready(&bench.lane(), 2).await;
    drop(consumer);
    assert_eq!(working.ack().await, Ok(Settled::Done));
    bench.ready(&bench.lane(), 4).await;
    assert!(bench.session.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_takes_what_is_there_and_is_settled_as_a_whole() {
    let bench = Bench::shared().await;
    bench.fill(10).await;
    let mut consumer = bench.session.consume(&bench.lane(), 100).await.unwrap();
    bench.ready(&bench.lane(), 0).await;
    let first = soon("a batch", consumer.next_batch(4, Duration::from_secs(60))).await.unwrap();
    assert_eq!(first.deliveries.iter().map(|one| number(&one.message)).collect::<Vec<_>>(), [0, 1, 2, 3]);
    // Fewer than wanted: after the linger.
    let second = soon("a batch", consumer.next_batch(100, Duration::from_millis(50))).await.unwrap();
    assert_eq!(second.len(), 6);
    assert_eq!(first.ack().await, Ok(Settled::Done));
    assert_eq!(second.release().await, Ok(Settled::Done));
    let again = soon("a batch", consumer.next_batch(6, Duration::from_secs(60))).await.unwrap();
    assert!(again.deliveries.iter().all(|one| one.delivery_count == Some(1)));
    again.ack().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_acknowledged_out_of_turn_covers_only_itself() {
    let bench = Bench::shared().await;
    bench.fill(6).await;
    let lane = bench.lane();
    let mut consumer = bench.session.consume(&lane, 6).await.unwrap();
    bench.ready(&lane, 0).await;
    let single = soon("a delivery", consumer.next()).await.unwrap();
    let first = soon("a batch", consumer.next_batch(2, Duration::from_secs(60))).await.unwrap();
    let second = soon("a batch", consumer.next_batch(3, Duration::from_secs(60))).await.unwrap();
    assert_eq!(second.ack().await, Ok(Settled::Done));
    assert_eq!(first.release().await, Ok(Settled::Done));
    assert_eq!(single.release().await, Ok(Settled::Done));
    assert_eq!(numbers(&mut consumer, 3).await, BTreeSet::from([0, 1, 2]));
    assert!(bench.session.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_of_a_batch_gets_its_own_verdict() {
    let bench = Bench::shared().await;
    bench.fill(9).await;
    let lane = bench.lane();
    let mut consumer = bench.session.consume(&lane, 9).await.unwrap();
    let mut dead = bench.session.consume(&bench.names.dead(), 9).await.unwrap();
    let verdicts = [Settlement::Ack, Settlement::Reject, Settlement::Release];
    let batch = soon("a batch", consumer.next_batch(9, Duration::from_secs(60))).await.unwrap();
    // The last one is no acknowledgement: "up to the last" would name a delivery that the broker has forgotten.
    assert_eq!(batch.settle(|index| verdicts[index % 3]).await, Ok(Settled::Done));
    assert_eq!(numbers(&mut dead, 3).await, BTreeSet::from([1, 4, 7]));
    let released = soon("a batch", consumer.next_batch(3, Duration::from_secs(60))).await.unwrap();
    assert_eq!(released.settle(|_| Settlement::Reject).await, Ok(Settled::Done));
    assert_eq!(numbers(&mut dead, 3).await, BTreeSet::from([2, 5, 8]));
    assert!(bench.session.is_usable());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_given_up_while_waiting_loses_nothing() {
    let bench = Bench::shared().await;
    let mut consumer = bench.session.consume(&bench.lane(), 50).await.unwrap();
    bench.fill(20).await;
    bench.ready(&bench.lane(), 0).await;
    for _ in 0..20 {
        let waiting = consumer.next_batch(50, Duration::from_secs(3600));
        assert!(tokio::time::timeout(Duration::from_millis(1), waiting).await.is_err());
    }
    assert_eq!(numbers(&mut consumer, 20).await, (0..20).collect());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_becomes_single_deliveries() {
    let bench = Bench::shared().await;
    bench.fill(3).await;
    let mut consumer = bench.session.consume(&bench.lane(), 3).await.unwrap();
    let batch = soon("a batch", consumer.next_batch(3, Duration::from_secs(60))).await.unwrap();
    let mut deliveries = batch.into_deliveries();
    assert_eq!(deliveries.pop().unwrap().release().await, Ok(Settled::Done));
    for delivery in deliveries {
        assert_eq!(delivery.ack().await, Ok(Settled::Done));
    }
    assert_eq!(numbers(&mut consumer, 1).await, BTreeSet::from([2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_declared_later_is_consumed() {
    let bench = Bench::shared().await;
    let late = QueueName::new("late").unwrap();
    let queue = bench.names.task_queue(&late);
    assert!(bench.session.consume(&queue, 1).await.is_err());
    bench.session.declare(&Topology::task_queue(&bench.names, &late)).await.unwrap();
    let mut consumer = bench.session.consume(&queue, 1).await.unwrap();
    let publisher = bench.session.publisher(1).await.unwrap();
    assert!(publisher.publish(&bench.names.tasks(), "late", numbered(5)).await.is_confirmed());
    assert_eq!(numbers(&mut consumer, 1).await, BTreeSet::from([5]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_change_abandoned_halfway_ends_the_session_instead_of_leaving_it_deaf() {
    let bench = Bench::shared().await;
    let mut consumer = bench.session.consume(&bench.lane(), 1).await.unwrap();
    tokio::select! {
        biased;
        changed = consumer.set_prefetch(2) => panic!("one poll is no round trip: {changed:?}"),
        () = std::future::ready(()) => {}
    }
    let why = soon("the end", bench.session.failed()).await;
    assert!(why.to_string().contains("abandoned"), "{why}");
    assert_eq!(soon("the consumer's end", consumer.next()).await.unwrap_err(), why);
}
