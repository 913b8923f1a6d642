//! Random walks: time passes, processes end, commits fail, the clock is set. A judge that knows nothing but arithmetic
//! says of each tick what must have become of it.

use std::collections::BTreeMap;

use super::*;

const PERIOD: i64 = 60_000;
const ON_TIME: i64 = 10_000;
const WINDOW: i64 = 1_800_000;
const MOST: usize = 4;

/// Numbers that look random and are the same each time.
struct Walk(u64);

impl Walk {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// Outcomes that are right: decided at each moment at which somebody looked and could write.
#[derive(Default)]
struct Judge {
    upto: i64,
    expected: BTreeMap<i64, &'static str>,
}

impl Judge {
    fn looked(&mut self, now: i64, catch_up: &str, passed_over: Option<i64>) {
        let due: Vec<i64> = (1..).map(|at| (self.upto / PERIOD + at) * PERIOD).take_while(|at| *at <= now).collect();
        let Some(last) = due.last() else { return };
        self.upto = *last;
        let is_late = |at: &i64| now - at > ON_TIME || passed_over.is_some_and(|until| *at <= until);
        let on_time = due.iter().filter(|at| !is_late(at)).count();
        let fresh = |at: &&i64| is_late(at) && now - **at <= WINDOW && passed_over.is_none_or(|until| **at > until);
        let fresh: Vec<i64> = due.iter().filter(fresh).copied().collect();
        let kept = match catch_up {
            "all" => MOST.min(fresh.len()),
            "last" if on_time == 0 => 1.min(fresh.len()),
            _ => 0,
        };
        let kept = &fresh[fresh.len() - kept..];
        // After an outage of days, what is older than the window has a row a hundred times at most.
        let old = due.iter().filter(|at| now - **at > WINDOW).count();
        for at in due.iter().copied().take(old.min(100)).chain(due.iter().copied().skip(old)) {
            let runs = !is_late(&at) || kept.contains(&at);
            self.expected.insert(at, if runs { "started" } else { "missed_window" });
        }
    }
}

fn walk(seed: u64) {
    let mut dice = Walk(seed);
    let catch_up = ["none", "last", "all"][usize::try_from(dice.below(3)).unwrap()];
    let fields = format!(
        r#""every":"1m","overlap":"allow","window":"30m","max_catch_up":{MOST},"keep_ticks":100000,"catch_up":"{catch_up}""#
    );
    let mut run = Loop::scheduled(&fields);
    let mut judge = Judge { upto: START, expected: BTreeMap::new() };
    let mut passed_over = None;
    let mut cannot_write = false;
    for _ in 0..60 {
        match dice.below(10) {
            0..=4 => run.hand.pass(dice.below(90_000)),
            5 => run.hand.pass(dice.below(4_000_000)),
            6 => {
                run = run.again();
                // Who starts cannot know what the clock said before.
                passed_over = None;
            }
            7 => cannot_write = dice.below(2) == 0,
            8 => {
                let back = i64::try_from(dice.below(7_200_000)).unwrap() + 1_000;
                run.hand.jump(-back);
                passed_over = None;
            }
            _ => {
                run.hand.jump(7_200_000);
                let now = run.driver.shared.clock.now_ms();
                passed_over = Some(now);
            }
        }
        run.driver.store.refuse(cannot_write.then_some(|_: &Commit| Some(StoreError::Unwritable("full".to_owned()))));
        run.turn();
        if !cannot_write {
            judge.looked(run.driver.shared.clock.now_ms(), catch_up, passed_over);
        }
    }
    run.driver.store.refuse(None);
    run.turn();
    judge.looked(run.driver.shared.clock.now_ms(), catch_up, passed_over);
    let found: BTreeMap<i64, &str> =
        run.driver.store.all_ticks().map(|tick| (tick.at.0, tick.outcome.as_str())).collect();
    assert_eq!(found, judge.expected, "seed {seed}, {catch_up}");
    let started = found.values().filter(|outcome| **outcome == "started").count();
    assert_eq!(run.jobs(), started, "seed {seed}: a job for each tick, and no other");
}

#[test]
fn every_tick_is_started_once_or_missed_by_the_rule() {
    (0..400).for_each(walk);
}
