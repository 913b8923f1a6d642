//! Where a message goes, and what its publisher hears.

use super::{Kind, Made, Play as _, Published, Stage, bodies};

pub(super) async fn a_direct_exchange_goes_by_the_exact_key(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("tasks", Kind::Direct, None).await;
    for (queue, key) in [("one", "key"), ("two", "key"), ("other", "key.2")] {
        stage.queue(queue, Made::default()).await;
        stage.bind(queue, "tasks", key).await;
    }
    assert_eq!(stage.publish(line, "tasks", "key", "a").await, Published::Confirmed);
    assert_eq!(stage.publish(line, "tasks", "KEY", "b").await, Published::Returned);
    for queue in ["one", "two"] {
        let tap = stage.open(line, queue, 5).await;
        let got = stage.next(tap).await;
        assert_eq!((got.exchange.as_str(), got.key.as_str(), got.body.as_str()), ("tasks", "key", "a"));
        assert_eq!((got.redelivered, got.returned, got.death), (false, 0, None));
        assert!(stage.is_silent(tap).await);
    }
    stage.has("other", 0).await;
}

pub(super) async fn a_fan_out_reaches_every_queue_once(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("all", Kind::Fanout, None).await;
    for (queue, key) in [("one", ""), ("two", "a"), ("two", "b")] {
        stage.queue(queue, Made::default()).await;
        stage.bind(queue, "all", key).await;
    }
    assert_eq!(stage.publish(line, "all", "whatever", "a").await, Published::Confirmed);
    stage.has("one", 1).await;
    stage.has("two", 1).await;
}

pub(super) async fn a_topic_bound_to_plain_words_is_as_a_direct_exchange(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("control", Kind::Topic, None).await;
    stage.queue("mine", Made { exclusive: Some(line), ..Made::default() }).await;
    stage.bind("mine", "control", "all").await;
    stage.bind("mine", "control", "worker.w-1.x").await;
    assert_eq!(stage.publish(line, "control", "all", "a").await, Published::Confirmed);
    assert_eq!(stage.publish(line, "control", "worker.w-1.x", "b").await, Published::Confirmed);
    assert_eq!(stage.publish(line, "control", "worker.w-1", "c").await, Published::Returned);
    assert_eq!(stage.publish(line, "control", "worker.w-1.x.y", "d").await, Published::Returned);
    let tap = stage.open(line, "mine", 5).await;
    assert_eq!(bodies(&stage.take(tap, 2).await), ["a", "b"]);
}

pub(super) async fn the_default_exchange_knows_queues_by_name(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("replies", Made::default()).await;
    assert_eq!(stage.publish(line, "", "replies", "a").await, Published::Confirmed);
    assert_eq!(stage.publish(line, "", "nobody", "b").await, Published::Returned);
    let tap = stage.open(line, "replies", 1).await;
    let got = stage.next(tap).await;
    assert_eq!((got.exchange.as_str(), got.key.as_str(), got.body.as_str()), ("", "replies", "a"));
}

pub(super) async fn what_nobody_wants_is_returned_and_confirmed(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("tasks", Kind::Direct, None).await;
    stage.exchange("all", Kind::Fanout, None).await;
    assert_eq!(stage.publish(line, "tasks", "gpu", "a").await, Published::Returned);
    assert_eq!(stage.publish(line, "all", "gpu", "a").await, Published::Returned);
    // It is not kept for a queue that comes later.
    stage.queue("gpu", Made::default()).await;
    stage.bind("gpu", "tasks", "gpu").await;
    assert_eq!(stage.publish(line, "tasks", "gpu", "b").await, Published::Confirmed);
    let tap = stage.open(line, "gpu", 5).await;
    assert_eq!(stage.next(tap).await.body, "b");
}

pub(super) async fn what_nobody_wants_goes_to_the_alternate_as_it_is(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("unrouted", Kind::Fanout, None).await;
    stage.exchange("tasks", Kind::Direct, Some("unrouted")).await;
    stage.queue("unrouted", Made::default()).await;
    stage.queue("gpu", Made::default()).await;
    stage.bind("unrouted", "unrouted", "").await;
    stage.bind("gpu", "tasks", "gpu").await;
    assert_eq!(stage.publish(line, "tasks", "cpu", "a").await, Published::Confirmed);
    assert_eq!(stage.publish(line, "tasks", "gpu", "b").await, Published::Confirmed);
    let tap = stage.open(line, "unrouted", 5).await;
    let got = stage.next(tap).await;
    assert_eq!((got.exchange.as_str(), got.key.as_str(), got.body.as_str()), ("tasks", "cpu", "a"));
    assert_eq!(got.death, None);
    stage.has("unrouted", 0).await;
    stage.has("gpu", 1).await;
}

pub(super) async fn an_alternate_that_is_missing_is_none(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("tasks", Kind::Direct, Some("nowhere")).await;
    assert_eq!(stage.publish(line, "tasks", "gpu", "a").await, Published::Returned);
    // It counts from when it is there.
    stage.exchange("nowhere", Kind::Fanout, None).await;
    assert_eq!(stage.publish(line, "tasks", "gpu", "b").await, Published::Returned);
    stage.queue("found", Made::default()).await;
    stage.bind("found", "nowhere", "").await;
    assert_eq!(stage.publish(line, "tasks", "gpu", "c").await, Published::Confirmed);
    stage.has("found", 1).await;
}

pub(super) async fn a_missing_exchange_closes_the_channel(stage: &mut impl Stage) {
    let line = stage.connect().await;
    assert!(!stage.has_exchange("tasks").await);
    assert_eq!(stage.publish(line, "tasks", "gpu", "a").await, Published::Closed);
    let line = stage.connect().await;
    stage.exchange("tasks", Kind::Direct, None).await;
    assert!(stage.has_exchange("tasks").await);
    assert_eq!(stage.publish(line, "tasks", "gpu", "a").await, Published::Returned);
}

pub(super) async fn declaring_and_binding_again_changes_nothing(stage: &mut impl Stage) {
    let line = stage.connect().await;
    for body in ["a", "b", "c"] {
        stage.exchange("tasks", Kind::Direct, None).await;
        stage.queue("gpu", Made { limit: Some(3), ..Made::default() }).await;
        stage.bind("gpu", "tasks", "gpu").await;
        assert_eq!(stage.publish(line, "tasks", "gpu", body).await, Published::Confirmed);
    }
    let tap = stage.open(line, "gpu", 5).await;
    assert_eq!(bodies(&stage.take(tap, 3).await), ["a", "b", "c"]);
    stage.has("gpu", 0).await;
}
