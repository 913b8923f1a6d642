//! What comes again, where, and how often it is said to have come.

use super::{End, Made, Play as _, Stage, bodies, counts};

const ENDS: [End; 2] = [End::Closed, End::Cut];

pub(super) async fn what_a_dead_connection_had_comes_first_and_in_order(stage: &mut impl Stage) {
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    let other = stage.connect().await;
    for how in ENDS {
        let line = stage.connect().await;
        stage.fill(other, "q", &["a", "b", "c", "d", "e"]).await;
        let tap = stage.open(line, "q", 4).await;
        let held = stage.take(tap, 4).await;
        stage.ack(held[1].receipt).await;
        assert_eq!(stage.next(tap).await.body, "e");
        stage.fill(other, "q", &["f"]).await;
        stage.end(line, how).await;
        stage.has("q", 5).await;
        let tap = stage.open(other, "q", 10).await;
        let came = stage.drink(tap, 5).await;
        assert_eq!(counts(&came), [("a", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 0)], "{how:?}");
        assert_eq!(came.map_redelivered(), [true, true, true, true, false]);
        stage.cancel(tap).await;
    }
}

pub(super) async fn a_cancelled_consumer_gives_back_with_its_connection(stage: &mut impl Stage) {
    let (line, other) = (stage.connect().await, stage.connect().await);
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    stage.fill(line, "q", &["a", "b", "c"]).await;
    let tap = stage.open(line, "q", 2).await;
    stage.take(tap, 2).await;
    stage.cancel(tap).await;
    let tap = stage.open(other, "q", 5).await;
    assert_eq!(counts(&stage.take(tap, 1).await), [("c", 0)]);
    stage.end(line, End::Cut).await;
    assert_eq!(counts(&stage.take(tap, 2).await), [("a", 1), ("b", 1)]);
}

pub(super) async fn returns_are_counted_over_all_connections(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    stage.fill(line, "q", &["a"]).await;
    for times in 0..4 {
        let line = stage.connect().await;
        let tap = stage.open(line, "q", 1).await;
        let got = stage.next(tap).await;
        assert_eq!((got.redelivered, got.returned), (times > 0, times));
        match times {
            0 | 2 => stage.end(line, End::Cut).await,
            _ => {
                stage.cancel(tap).await;
                stage.release(got.receipt).await;
            }
        }
        stage.has("q", 1).await;
    }
}

pub(super) async fn what_is_given_back_comes_again_at_its_place(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    stage.fill(line, "q", &["a", "b", "c", "d"]).await;
    let tap = stage.open(line, "q", 3).await;
    let held = stage.take(tap, 3).await;
    stage.release(held[1].receipt).await;
    assert_eq!(counts(&stage.take(tap, 1).await), [("b", 1)]);
    // What comes back is a line of its own, before all others.
    stage.cancel(tap).await;
    stage.release(held[0].receipt).await;
    stage.release(held[2].receipt).await;
    stage.has("q", 3).await;
    let tap = stage.open(line, "q", 3).await;
    let came = stage.take(tap, 3).await;
    assert_eq!(counts(&came), [("a", 1), ("c", 1), ("d", 0)]);
}

pub(super) async fn without_a_limit_it_comes_again_at_the_end_if_it_was_given_back(stage: &mut impl Stage) {
    stage.queue("q", Made::default()).await;
    let other = stage.connect().await;
    let is_unlimited = stage.habits().has_no_limit_by_default;
    for how in ENDS {
        let line = stage.connect().await;
        stage.fill(other, "q", &["a", "b", "c"]).await;
        let tap = stage.open(line, "q", 2).await;
        let held = stage.take(tap, 2).await;
        stage.cancel(tap).await;
        stage.release(held[0].receipt).await;
        stage.has("q", 2).await;
        stage.end(line, how).await;
        stage.has("q", 3).await;
        let tap = stage.open(other, "q", 3).await;
        let came = stage.drink(tap, 3).await;
        let expected = if is_unlimited { [("b", 1), ("c", 0), ("a", 1)] } else { [("a", 1), ("b", 1), ("c", 0)] };
        assert_eq!(counts(&came), expected, "{how:?}");
        stage.cancel(tap).await;
    }
}

pub(super) async fn consumers_of_one_connection_end_one_after_the_other(stage: &mut impl Stage) {
    stage.queue("q", Made { limit: Some(9), ..Made::default() }).await;
    let other = stage.connect().await;
    for how in ENDS {
        let line = stage.connect().await;
        let taps = [stage.open(line, "q", 1).await, stage.open(line, "q", 1).await];
        stage.fill(other, "q", &["a", "b"]).await;
        for tap in taps {
            stage.next(tap).await;
        }
        stage.end(line, how).await;
        stage.has("q", 2).await;
        let tap = stage.open(other, "q", 2).await;
        let came = stage.drink(tap, 2).await;
        // What one gives back may go to the next, which gives it back again.
        assert!(came.iter().all(|got| (1..=2).contains(&got.returned)), "{how:?}: {came:?}");
        let mut all = bodies(&came);
        all.sort_unstable();
        assert_eq!(all, ["a", "b"]);
        stage.cancel(tap).await;
    }
}

pub(super) async fn an_acknowledged_message_never_comes_again(stage: &mut impl Stage) {
    stage.queue("q", Made { limit: Some(5), ..Made::default() }).await;
    let other = stage.connect().await;
    for how in ENDS {
        let line = stage.connect().await;
        stage.fill(other, "q", &["a", "b", "c"]).await;
        let tap = stage.open(line, "q", 3).await;
        stage.drink(tap, 3).await;
        stage.end(line, how).await;
        stage.has("q", 0).await;
    }
    let tap = stage.open(other, "q", 3).await;
    assert!(stage.is_silent(tap).await);
}

trait Redelivered {
    fn map_redelivered(&self) -> Vec<bool>;
}

impl Redelivered for Vec<super::Got> {
    fn map_redelivered(&self) -> Vec<bool> {
        self.iter().map(|got| got.redelivered).collect()
    }
}
