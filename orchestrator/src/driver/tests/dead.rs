//! Dead letters are kept within their bounds, and the oldest go first.

use super::*;
use crate::store::DeadTotal;

const SMALL: DeadBound = DeadBound { letters: 10, bytes: 20_000, retention: Millis::from_secs(3_600) };

fn bounded(bound: DeadBound) -> Loop {
    let run = Loop::new();
    Loop { driver: run.driver.with_dead_bound(bound), ..run }
}

impl Loop {
    fn bury(&mut self, bodies: &[usize]) {
        let now = self.driver.now();
        let dead = |size: &usize| {
            let letter = DeadLetter {
                from: "submit",
                code: "invalid_json".to_owned(),
                message: String::new(),
                job: None,
                task: None,
                received_at: now,
                body: vec![0; *size],
                size: *size,
                headers: "{}".to_owned(),
                evidence: None,
            };
            Input::Dead(letter)
        };
        self.driver.turn(vec![Packet { inputs: bodies.iter().map(dead).collect(), done: None }]);
    }

    fn numbers(&mut self) -> Vec<i64> {
        self.driver.store.oldest_dead(usize::MAX).unwrap().into_iter().map(|kept| kept.no).collect()
    }
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let mut run = bounded(SMALL);
    for _ in 0..4 {
        run.bury(&[10; 4]);
    }
    assert_eq!(run.numbers(), (7..=16).collect::<Vec<_>>());
}

#[test]
fn the_oldest_go_when_they_are_too_large_together() {
    let mut run = bounded(SMALL);
    run.bury(&[9_000, 9_000]);
    assert_eq!(run.numbers(), [1, 2]);
    run.bury(&[100]);
    assert_eq!(run.numbers(), [1, 2, 3], "there is room");
    run.bury(&[9_000]);
    assert_eq!(run.numbers(), [2, 3, 4]);
    run.bury(&[30_000]);
    assert!(run.driver.store.dead_total().unwrap().bytes <= SMALL.bytes);
}

#[test]
fn what_a_person_took_out_makes_room() {
    let mut run = bounded(SMALL);
    run.bury(&[10; 10]);
    run.step(vec![Input::Replayed(1), Input::Replayed(2)]);
    run.bury(&[10; 2]);
    assert_eq!(run.numbers(), (3..=12).collect::<Vec<_>>());
}

#[test]
fn a_start_with_too_many_brings_them_within_the_bound() {
    let mut run = bounded(DeadBound { letters: 5_000, ..SMALL });
    for _ in 0..8 {
        run.bury(&[0; 10]);
    }
    let store = run.driver.store;
    let mut run = Loop::over(store, run.hand);
    run.driver = run.driver.with_dead_bound(SMALL);
    run.driver.turn(Vec::new());
    assert_eq!(run.numbers().len(), 10);
    assert_ne!(run.driver.store.dead_total().unwrap(), DeadTotal::default());
}

#[test]
fn each_goes_after_its_retention() {
    let mut run = bounded(SMALL);
    run.bury(&[10, 10]);
    run.hand.pass(1_800_000);
    run.bury(&[10]);
    assert_eq!(run.numbers(), [1, 2, 3]);
    run.hand.pass(1_800_001);
    run.driver.turn(Vec::new());
    assert_eq!(run.numbers(), [3]);
}
