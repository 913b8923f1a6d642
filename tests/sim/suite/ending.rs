//! What goes, with what, and what stays.

use super::{End, Got, Kind, Made, Play as _, Published, Stage, counts};

pub(super) async fn an_exclusive_queue_goes_with_its_connection(stage: &mut impl Stage) {
    stage.exchange("all", Kind::Fanout, None).await;
    let other = stage.connect().await;
    for how in [End::Closed, End::Cut] {
        let line = stage.connect().await;
        stage.queue("mine", Made { exclusive: Some(line), ..Made::default() }).await;
        stage.bind("mine", "all", "").await;
        assert_eq!(stage.publish(other, "all", "", "a").await, Published::Confirmed);
        let tap = stage.open(line, "mine", 5).await;
        let got = stage.next(tap).await;
        assert_eq!((got.body.as_str(), got.redelivered, got.returned), ("a", false, 0));
        stage.end(line, how).await;
        let mut published = Published::Confirmed;
        for _ in 0..super::LOOKS {
            published = stage.publish(other, "all", "", "b").await;
            if published == Published::Returned {
                break;
            }
            stage.wait().await;
        }
        assert_eq!(published, Published::Returned, "{how:?}");
        assert_eq!(stage.ready("mine").await, None);
    }
}

pub(super) async fn a_deleted_queue_takes_everything_along(stage: &mut impl Stage) {
    let (line, other) = (stage.connect().await, stage.connect().await);
    stage.exchange("tasks", Kind::Direct, None).await;
    stage.queue("gpu", Made { limit: Some(5), ..Made::default() }).await;
    stage.bind("gpu", "tasks", "gpu").await;
    stage.fill(line, "gpu", &["a", "b", "c"]).await;
    let tap = stage.open(line, "gpu", 1).await;
    stage.next(tap).await;
    stage.end(line, End::Closed).await;
    stage.has("gpu", 3).await;
    stage.delete_queue("gpu").await;
    assert_eq!(stage.ready("gpu").await, None);
    assert_eq!(stage.publish(other, "tasks", "gpu", "d").await, Published::Returned);
    // Made again it is empty, unbound and without consumers.
    stage.queue("gpu", Made { limit: Some(5), ..Made::default() }).await;
    assert_eq!(stage.publish(other, "tasks", "gpu", "e").await, Published::Returned);
    stage.fill(other, "gpu", &["f"]).await;
    stage.has("gpu", 1).await;
    let tap = stage.open(other, "gpu", 5).await;
    assert_eq!(counts(&stage.take(tap, 1).await), [("f", 0)]);
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn what_a_deleted_queue_handed_out_can_be_settled(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("dlx", Kind::Fanout, None).await;
    stage.queue("dead", Made::default()).await;
    stage.bind("dead", "dlx", "").await;
    stage.queue("gpu", Made { limit: Some(5), dead_letter: Some(("dlx", "x")), ..Made::default() }).await;
    stage.fill(line, "gpu", &["a", "b", "c"]).await;
    let tap = stage.open(line, "gpu", 3).await;
    let held = stage.take(tap, 3).await;
    stage.delete_queue("gpu").await;
    stage.ack(held[0].receipt).await;
    stage.reject(held[1].receipt).await;
    stage.release(held[2].receipt).await;
    assert!(stage.is_open(tap).await);
    stage.has("dead", 0).await;
}

pub(super) async fn what_was_confirmed_outlives_the_power(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("tasks", Kind::Direct, None).await;
    stage.queue("gpu", Made { limit: Some(5), ..Made::default() }).await;
    stage.bind("gpu", "tasks", "gpu").await;
    stage.queue("mine", Made { exclusive: Some(line), ..Made::default() }).await;
    for body in ["a", "b", "c", "d", "e"] {
        assert_eq!(stage.publish(line, "tasks", "gpu", body).await, Published::Confirmed);
    }
    let tap = stage.open(line, "gpu", 3).await;
    let held = stage.take(tap, 3).await;
    stage.ack(held[1].receipt).await;
    assert_eq!(stage.next(tap).await.body, "d");
    // Confirmed later, so the acknowledgement is on the disk as well.
    assert_eq!(stage.publish(line, "tasks", "gpu", "f").await, Published::Confirmed);
    stage.restart().await;

    let line = stage.connect().await;
    assert_eq!(stage.ready("mine").await, None);
    // It takes the broker a moment to see that its consumers are gone.
    stage.has("gpu", 5).await;
    let tap = stage.open(line, "gpu", 9).await;
    assert_eq!(counts(&stage.take(tap, 5).await), [("a", 1), ("c", 1), ("d", 1), ("e", 0), ("f", 0)]);
    assert_eq!(stage.publish(line, "tasks", "gpu", "g").await, Published::Confirmed);
    assert_eq!(counts(&stage.take(tap, 1).await), [("g", 0)]);
}

pub(super) async fn what_dies_with_the_power_may_be_lost(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("dlx", Kind::Fanout, None).await;
    stage.queue("dead", Made { limit: Some(9), ..Made::default() }).await;
    stage.bind("dead", "dlx", "").await;
    for (queue, at_least_once) in [("tasks", false), ("results", true)] {
        let dead_letter = Some(("dlx", queue));
        stage.queue(queue, Made { limit: Some(0), dead_letter, at_least_once, exclusive: None }).await;
        stage.fill(line, queue, &["old"]).await;
        let tap = stage.open(line, queue, 2).await;
        let old = stage.next(tap).await;
        stage.reject(old.receipt).await;
        stage.fill(line, queue, &["new"]).await;
        stage.next(tap).await;
    }
    stage.has("dead", 2).await;
    stage.restart().await;

    let line = stage.connect().await;
    let tap = stage.open(line, "dead", 9).await;
    let mut came = Vec::new();
    while !came.iter().any(|got: &Got| got.key == "results" && got.body == "new") {
        came.push(stage.next(tap).await);
    }
    let mut letters: Vec<(&str, &str)> = came.iter().map(|got| (got.key.as_str(), got.body.as_str())).collect();
    letters.retain(|letter| *letter != ("tasks", "new"));
    assert_eq!(letters, [("tasks", "old"), ("results", "old"), ("results", "new")]);
    stage.has("tasks", 0).await;
    stage.has("results", 0).await;
}

pub(super) async fn without_its_disk_a_broker_knows_nothing(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("tasks", Kind::Direct, None).await;
    stage.queue("gpu", Made { limit: Some(1), ..Made::default() }).await;
    stage.bind("gpu", "tasks", "gpu").await;
    assert_eq!(stage.publish(line, "tasks", "gpu", "a").await, Published::Confirmed);
    stage.wipe().await;
    let line = stage.connect().await;
    assert!(!stage.has_exchange("tasks").await);
    assert_eq!(stage.ready("gpu").await, None);
    assert_eq!(stage.consume(line, "gpu", 1).await, None);
    assert_eq!(stage.publish(line, "tasks", "gpu", "b").await, Published::Closed);
    let line = stage.connect().await;
    stage.queue("gpu", Made { limit: Some(1), ..Made::default() }).await;
    stage.fill(line, "gpu", &["c"]).await;
    let tap = stage.open(line, "gpu", 9).await;
    assert_eq!(counts(&stage.take(tap, 1).await), [("c", 0)]);
    assert!(stage.is_silent(tap).await);
}
