//! Who gets which message, and when.

use super::{End, Made, Play as _, Stage, bodies, counts};

pub(super) async fn messages_come_in_order(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("q", Made::default()).await;
    stage.fill(line, "q", &["a", "b"]).await;
    let tap = stage.open(line, "q", 10).await;
    stage.fill(line, "q", &["c", "d"]).await;
    let came = stage.take(tap, 4).await;
    assert_eq!(counts(&came), [("a", 0), ("b", 0), ("c", 0), ("d", 0)]);
    assert!(came.iter().all(|got| !got.redelivered));
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn a_priority_reorders_at_most_between_priorities(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("q", Made::default()).await;
    let sent = [("low-1", 1), ("high-1", 9), ("low-2", 1), ("high-2", 9), ("low-3", 1), ("high-3", 9)];
    for (body, priority) in sent {
        stage.publish_with(line, ("", "q"), body, Some(priority)).await;
    }
    let tap = stage.open(line, "q", 1).await;
    let came = stage.drink(tap, sent.len()).await;
    if stage.habits().ignores_priority {
        assert_eq!(bodies(&came), sent.map(|(body, _)| body));
    }
    for kind in ["low", "high"] {
        let of_kind: Vec<&str> = bodies(&came).into_iter().filter(|body| body.starts_with(kind)).collect();
        assert_eq!(of_kind, [1, 2, 3].map(|number| format!("{kind}-{number}")));
    }
}

pub(super) async fn the_prefetch_bounds_what_is_held(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("q", Made::default()).await;
    stage.fill(line, "q", &["a", "b", "c", "d", "e", "f"]).await;
    let tap = stage.open(line, "q", 2).await;
    let held = stage.take(tap, 2).await;
    stage.has("q", 4).await;
    assert!(stage.is_silent(tap).await);
    // One settled, one more comes; whichever way it was settled.
    stage.ack(held[1].receipt).await;
    assert_eq!(stage.next(tap).await.body, "c");
    stage.has("q", 3).await;
    stage.reject(held[0].receipt).await;
    assert_eq!(stage.next(tap).await.body, "d");
    stage.has("q", 2).await;
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn what_dies_of_being_given_back_makes_room_for_one_or_two(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("q", Made { limit: Some(0), ..Made::default() }).await;
    stage.fill(line, "q", &["a", "b", "c", "d"]).await;
    let tap = stage.open(line, "q", 1).await;
    let got = stage.next(tap).await;
    stage.release(got.receipt).await;
    assert_eq!(stage.next(tap).await.body, "b");
    // RabbitMQ 3.10 counts the room twice.
    if !stage.is_silent(tap).await {
        stage.has("q", 1).await;
    }
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn consumers_take_turns(stage: &mut impl Stage) {
    let (one, two) = (stage.connect().await, stage.connect().await);
    stage.queue("q", Made::default()).await;
    let taps = [stage.open(one, "q", 10).await, stage.open(two, "q", 10).await];
    stage.fill(one, "q", &["a", "b", "c", "d", "e", "f"]).await;
    let [first, second] = [stage.take(taps[0], 3).await, stage.take(taps[1], 3).await];
    for tap in taps {
        assert!(stage.is_silent(tap).await);
    }
    let mut all = [bodies(&first), bodies(&second)].concat();
    all.sort_unstable();
    assert_eq!(all, ["a", "b", "c", "d", "e", "f"]);
    for came in [first, second] {
        assert!(came.is_sorted_by(|left, right| left.body < right.body), "{came:?}");
    }
}

pub(super) async fn a_full_consumer_is_passed_over(stage: &mut impl Stage) {
    let (one, two) = (stage.connect().await, stage.connect().await);
    stage.queue("q", Made::default()).await;
    let full = stage.open(one, "q", 1).await;
    stage.fill(one, "q", &["a"]).await;
    let held = stage.next(full).await;
    let open = stage.open(two, "q", 3).await;
    stage.fill(one, "q", &["b", "c", "d", "e"]).await;
    assert_eq!(bodies(&stage.take(open, 3).await), ["b", "c", "d"]);
    stage.has("q", 1).await;
    stage.ack(held.receipt).await;
    assert_eq!(stage.next(full).await.body, "e");
}

pub(super) async fn a_cancelled_consumer_keeps_what_it_has(stage: &mut impl Stage) {
    let (one, two) = (stage.connect().await, stage.connect().await);
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    stage.fill(one, "q", &["a", "b", "c"]).await;
    let tap = stage.open(one, "q", 2).await;
    let held = stage.take(tap, 2).await;
    stage.cancel(tap).await;
    // Room in a consumer that has ended brings nothing.
    stage.ack(held[0].receipt).await;
    stage.has("q", 1).await;
    let other = stage.open(two, "q", 5).await;
    assert_eq!(counts(&stage.drink(other, 1).await), [("c", 0)]);
    assert!(stage.is_silent(other).await, "it still has b");
    stage.ack(held[1].receipt).await;
    stage.end(one, End::Closed).await;
    assert!(stage.is_silent(other).await, "all is acknowledged");
    stage.has("q", 0).await;
}

pub(super) async fn a_missing_queue_cannot_be_consumed(stage: &mut impl Stage) {
    let line = stage.connect().await;
    assert_eq!(stage.consume(line, "q", 1).await, None);
    assert_eq!(stage.ready("q").await, None);
    stage.queue("q", Made::default()).await;
    stage.fill(line, "q", &["a"]).await;
    assert_eq!(stage.ready("q").await, Some(1));
    let tap = stage.open(line, "q", 1).await;
    assert_eq!(stage.next(tap).await.body, "a");
}

pub(super) async fn an_acknowledgement_can_be_for_all_before_it(stage: &mut impl Stage) {
    let (line, other) = (stage.connect().await, stage.connect().await);
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    stage.fill(line, "q", &["a", "b", "c", "d", "e"]).await;
    let tap = stage.open(line, "q", 4).await;
    let held = stage.take(tap, 4).await;
    stage.ack_up_to(held[2].receipt).await;
    assert_eq!(stage.next(tap).await.body, "e");
    stage.end(line, End::Closed).await;
    let tap = stage.open(other, "q", 4).await;
    assert_eq!(counts(&stage.take(tap, 2).await), [("d", 1), ("e", 1)]);
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn a_second_acknowledgement_closes_the_channel(stage: &mut impl Stage) {
    let (line, other) = (stage.connect().await, stage.connect().await);
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    stage.fill(line, "q", &["a", "b"]).await;
    let tap = stage.open(line, "q", 2).await;
    let held = stage.take(tap, 2).await;
    stage.ack(held[0].receipt).await;
    assert!(stage.is_open(tap).await);
    stage.ack(held[0].receipt).await;
    stage.has("q", 1).await;
    assert!(!stage.is_open(tap).await);
    let tap = stage.open(other, "q", 2).await;
    assert_eq!(counts(&stage.take(tap, 1).await), [("b", 1)]);
}
