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
struct Judge {
    /// What the schedule says: what is made up for, and its longest delay.
    catch_up: &'static str,
    jitter: i64,
    /// Delay of a tick, which nothing but a hash says.
    delay: Box<dyn Fn(i64) -> i64>,
    upto: i64,
    expected: BTreeMap<i64, &'static str>,
}

impl Judge {
    /// Each seventh minute of an hour is excluded.
    fn is_excluded(at: i64) -> bool {
        at / PERIOD % 60 % 7 == 0
    }

    /// What was missed has its time once more; what ran, or is excluded, has not.
    fn set_back(&mut self, now: i64) {
        self.upto = self.upto.min(now);
    }

    fn looked(&mut self, now: i64, passed_over: Option<i64>) {
        let all = (1..).map(|at| (self.upto.div_euclid(PERIOD) + at) * PERIOD);
        let open = all.filter(|at| self.expected.get(at).is_none_or(|outcome| *outcome == "missed_window"));
        // A tick that jitter holds back holds back those behind it.
        let due: Vec<i64> = open.take_while(|at| *at + (self.delay)(*at) <= now).collect();
        let Some(last) = due.last() else { return };
        self.upto = *last;
        let mut planned = i64::MIN;
        let mut late = BTreeMap::new();
        for at in &due {
            planned = planned.max(*at + (self.delay)(*at));
            late.insert(*at, now - planned > ON_TIME || passed_over.is_some_and(|until| *at <= until));
        }
        let wanted = || due.iter().copied().filter(|at| !Self::is_excluded(*at));
        let on_time = wanted().filter(|at| !late[at]).count();
        let too_old = |at: &i64| now - *at > WINDOW + self.jitter;
        let fresh = |at: &i64| late[at] && !too_old(at) && passed_over.is_none_or(|until| *at > until);
        let fresh: Vec<i64> = wanted().filter(fresh).collect();
        let kept = match self.catch_up {
            "all" => MOST.min(fresh.len()),
            "last" if on_time == 0 => 1.min(fresh.len()),
            _ => 0,
        };
        let kept = &fresh[fresh.len() - kept..];
        // After an outage of days, what is older than the window has a row a hundred times at most.
        let old = due.iter().filter(|at| too_old(at)).count();
        for at in due.iter().copied().take(old.min(100)).chain(due.iter().copied().skip(old)) {
            let outcome = match () {
                () if Self::is_excluded(at) => "skipped_excluded",
                () if !late[&at] || kept.contains(&at) => "started",
                () => "missed_window",
            };
            self.expected.insert(at, outcome);
        }
    }
}

fn walk(seed: u64) {
    let mut dice = Walk(seed);
    let catch_up = ["none", "last", "all"][usize::try_from(dice.below(3)).unwrap()];
    let jitter = [0, 45, 150][usize::try_from(dice.below(3)).unwrap()];
    let fields = format!(
        r#""every":"1m","overlap":"allow","window":"30m","max_catch_up":{MOST},"keep_ticks":100000,
           "catch_up":"{catch_up}","jitter":"{jitter}s","exclude":["*/7 * * * *"]"#
    );
    let mut run = Loop::scheduled(&fields);
    let spec = run.spec(&fields);
    let delay = Box::new(move |at| i64::try_from(spec.delay(Timestamp(at)).0).unwrap());
    let mut judge = Judge { catch_up, jitter: jitter * 1_000, delay, upto: START, expected: BTreeMap::new() };
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
                judge.set_back(run.driver.shared.clock.now_ms());
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
            judge.looked(run.driver.shared.clock.now_ms(), passed_over);
        }
    }
    run.driver.store.refuse(None);
    run.turn();
    judge.looked(run.driver.shared.clock.now_ms(), passed_over);
    let found: BTreeMap<i64, &str> =
        run.driver.store.all_ticks().map(|tick| (tick.at.0, tick.outcome.as_str())).collect();
    assert_eq!(found, judge.expected, "seed {seed}, {catch_up}, jitter {jitter} s");
    let started = found.values().filter(|outcome| **outcome == "started").count();
    assert_eq!(run.jobs(), started, "seed {seed}: a job for each tick, and no other");
}

#[test]
fn every_tick_is_started_once_or_missed_by_the_rule() {
    (0..100).for_each(walk);
}
