//! Dead letters.

use super::{End, Got, Kind, Line, Made, Play as _, Published, Stage, Tap, bodies, counts};
use crate::broker::Death;

/// A queue with a limit, bound to an exchange, and a queue for its dead letters.
async fn with_dead_letters(stage: &mut impl Stage, limit: u32, at_least_once: bool) -> (Line, Tap, Tap) {
    let line = stage.connect().await;
    stage.exchange("dlx", Kind::Direct, None).await;
    stage.exchange("tasks", Kind::Direct, None).await;
    let dead_letter = Some(("dlx", "task"));
    stage.queue("gpu", Made { limit: Some(limit), dead_letter, at_least_once, exclusive: None }).await;
    stage.queue("dead", Made { limit: Some(9), ..Made::default() }).await;
    stage.bind("gpu", "tasks", "key").await;
    stage.bind("dead", "dlx", "task").await;
    let tap = stage.open(line, "gpu", 3).await;
    let dead = stage.open(line, "dead", 5).await;
    (line, tap, dead)
}

fn death(queue: &str, reason: &'static str, key: &str) -> Option<Death> {
    Some(Death { queue: queue.to_owned(), reason, key: key.to_owned() })
}

fn assert_begins_anew(stage: &impl Stage, letter: &Got) {
    if stage.habits().begins_dead_letters_anew {
        assert_eq!((letter.redelivered, letter.returned), (false, 0));
    }
}

pub(super) async fn a_rejected_message_is_a_dead_letter_with_its_story(stage: &mut impl Stage) {
    let (line, tap, dead) = with_dead_letters(stage, 2, false).await;
    stage.publish(line, "tasks", "key", "a").await;
    let got = stage.next(tap).await;
    stage.reject(got.receipt).await;
    let letter = stage.next(dead).await;
    assert_eq!((letter.exchange.as_str(), letter.key.as_str(), letter.body.as_str()), ("dlx", "task", "a"));
    assert_eq!(letter.death, death("gpu", "rejected", "key"));
    assert_begins_anew(stage, &letter);
    stage.has("gpu", 0).await;
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn one_more_than_the_limit_is_delivered(stage: &mut impl Stage) {
    let (line, tap, dead) = with_dead_letters(stage, 2, false).await;
    stage.publish(line, "tasks", "key", "a").await;
    for returned in 0..=2 {
        let got = stage.next(tap).await;
        assert_eq!((got.returned, got.death.as_ref()), (returned, None));
        stage.release(got.receipt).await;
    }
    let letter = stage.next(dead).await;
    assert_eq!(letter.death, death("gpu", "delivery_limit", "key"));
    // Its new life has no returns yet, and counts them from the first.
    assert_begins_anew(stage, &letter);
    stage.release(letter.receipt).await;
    let again = stage.next(dead).await;
    assert_eq!((again.redelivered, again.returned), (true, letter.returned + 1));
    assert_eq!(again.death, death("gpu", "delivery_limit", "key"));
    assert!(stage.is_silent(tap).await);
}

pub(super) async fn a_dying_connection_can_be_the_last_delivery(stage: &mut impl Stage) {
    let (line, tap, dead) = with_dead_letters(stage, 1, false).await;
    stage.cancel(tap).await;
    stage.publish(line, "tasks", "key", "a").await;
    for (how, returned) in [(End::Cut, 0), (End::Closed, 1)] {
        let worker = stage.connect().await;
        let tap = stage.open(worker, "gpu", 1).await;
        assert_eq!(stage.next(tap).await.returned, returned);
        stage.end(worker, how).await;
    }
    assert_eq!(stage.next(dead).await.death, death("gpu", "delivery_limit", "key"));
    stage.has("gpu", 0).await;
}

pub(super) async fn the_latest_death_is_told(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("dlx", Kind::Direct, None).await;
    for (queue, key) in [("first", "to-second"), ("second", "to-third")] {
        stage.queue(queue, Made { limit: Some(1), dead_letter: Some(("dlx", key)), ..Made::default() }).await;
    }
    stage.queue("third", Made { limit: Some(1), ..Made::default() }).await;
    stage.bind("second", "dlx", "to-second").await;
    stage.bind("third", "dlx", "to-third").await;
    stage.fill(line, "first", &["a"]).await;
    let mut deaths = Vec::new();
    for queue in ["first", "second", "third"] {
        let tap = stage.open(line, queue, 1).await;
        let got = stage.next(tap).await;
        deaths.push(got.death);
        stage.reject(got.receipt).await;
    }
    let told = [None, death("first", "rejected", "first"), death("second", "rejected", "to-second")];
    assert_eq!(deaths, told);
}

pub(super) async fn without_an_exchange_for_dead_letters_it_is_gone(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.queue("plain", Made { limit: Some(0), ..Made::default() }).await;
    stage.queue("missing", Made { limit: Some(0), dead_letter: Some(("dlx", "x")), ..Made::default() }).await;
    for queue in ["plain", "missing"] {
        stage.fill(line, queue, &["a", "b", "c"]).await;
        let tap = stage.open(line, queue, 2).await;
        let held = stage.take(tap, 2).await;
        stage.reject(held[0].receipt).await;
        assert_eq!(counts(&stage.take(tap, 1).await), [("c", 0)]);
        stage.release(held[1].receipt).await;
        stage.has(queue, 0).await;
        assert!(stage.is_silent(tap).await);
    }
}

pub(super) async fn a_dead_letter_that_nobody_wants_is_gone(stage: &mut impl Stage) {
    let line = stage.connect().await;
    stage.exchange("lost", Kind::Fanout, None).await;
    stage.exchange("dlx", Kind::Direct, None).await;
    stage.exchange("dlx-2", Kind::Direct, Some("lost")).await;
    stage.queue("found", Made { limit: Some(1), ..Made::default() }).await;
    stage.bind("found", "lost", "").await;
    stage.queue("q", Made { limit: Some(0), dead_letter: Some(("dlx", "x")), ..Made::default() }).await;
    stage.queue("q-2", Made { limit: Some(0), dead_letter: Some(("dlx-2", "x")), ..Made::default() }).await;
    for queue in ["q", "q-2"] {
        stage.fill(line, queue, &[queue]).await;
        let tap = stage.open(line, queue, 1).await;
        let got = stage.next(tap).await;
        stage.release(got.receipt).await;
    }
    let tap = stage.open(line, "found", 5).await;
    let got = stage.next(tap).await;
    assert_eq!((got.body.as_str(), got.exchange.as_str(), got.key.as_str()), ("q-2", "dlx-2", "x"));
    assert_eq!(got.death, death("q-2", "delivery_limit", "q-2"));
    assert!(stage.is_silent(tap).await);
    stage.has("q", 0).await;
}

pub(super) async fn dead_letters_at_least_once_arrive_the_same(stage: &mut impl Stage) {
    let (line, tap, dead) = with_dead_letters(stage, 0, true).await;
    stage.publish(line, "tasks", "key", "a").await;
    stage.publish(line, "tasks", "key", "b").await;
    let held = stage.take(tap, 2).await;
    stage.reject(held[0].receipt).await;
    let letter = stage.next(dead).await;
    assert_eq!((letter.exchange.as_str(), letter.key.as_str(), letter.body.as_str()), ("dlx", "task", "a"));
    assert_eq!(letter.death, death("gpu", "rejected", "key"));
    assert_begins_anew(stage, &letter);
    stage.release(held[1].receipt).await;
    assert_eq!(stage.next(dead).await.death, death("gpu", "delivery_limit", "key"));
    stage.has("gpu", 0).await;
}

pub(super) async fn many_die_in_order(stage: &mut impl Stage) {
    let (line, tap, dead) = with_dead_letters(stage, 0, false).await;
    stage.cancel(tap).await;
    for body in ["a", "b", "c", "d"] {
        assert_eq!(stage.publish(line, "tasks", "key", body).await, Published::Confirmed);
    }
    let worker = stage.connect().await;
    let tap = stage.open(worker, "gpu", 3).await;
    stage.take(tap, 3).await;
    stage.end(worker, End::Cut).await;
    assert_eq!(bodies(&stage.take(dead, 3).await), ["a", "b", "c"]);
    stage.has("gpu", 1).await;
}
