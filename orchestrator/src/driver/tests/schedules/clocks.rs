//! Schedules while the clock is set.

use super::*;

const HOUR_MS: i64 = 3_600_000;
const YEAR_MS: i64 = 365 * 24 * HOUR_MS;

#[test]
fn a_clock_that_is_set_back_runs_nothing_again() {
    let mut run = Loop::scheduled(r#""every":"1m","overlap":"allow""#);
    for _ in 0..3 {
        run.after(MINUTE);
    }
    let ran = [(1, "started"), (2, "started"), (3, "started")];
    run.hand.jump(-2 * 60_000);
    run.turn();
    run.after(MINUTE);
    run.after(MINUTE);
    assert_eq!(run.ticks(), ran);
    run.after(MINUTE);
    assert_eq!(run.ticks()[3..], [(4, "started")]);
    assert_eq!(run.jobs(), 4);
}

#[test]
fn a_clock_that_was_ahead_and_is_set_back_holds_up_no_schedule() {
    for ran in [false, true] {
        let mut run = Loop::scheduled(r#""every":"1m","overlap":"allow""#);
        run.after(MINUTE);
        run.hand.jump(YEAR_MS);
        run.turn();
        if ran {
            run.after(2 * MINUTE);
        }
        let before = run.jobs();
        run.hand.jump(-YEAR_MS);
        // Whatever is wished before the schedule was looked at.
        run.wish(ScheduleCommand::Pause(name(), false, Precondition::None));
        run.turn();
        assert_eq!(run.jobs(), before, "nothing is made up for");
        run.after(MINUTE);
        run.after(MINUTE);
        assert_eq!(run.jobs(), before + 2, "ran ahead: {ran}");
        let outcomes = run.ticks().into_iter().filter(|(at, _)| *at < 10).map(|(_, outcome)| outcome);
        assert!(outcomes.skip(1).filter(|outcome| *outcome == "started").count() >= 2, "{:?}", run.ticks());
    }
}

#[test]
fn a_schedule_of_a_clock_that_was_ahead_ticks_from_now_on() {
    let mut run = Loop::new();
    run.hand.jump(START + YEAR_MS);
    run.driver.turn(Vec::new());
    run.apply(r#""every":"1m""#);
    run.hand.jump(-YEAR_MS);
    run.turn();
    run.after(MINUTE);
    assert_eq!(run.ticks(), [(1, "started")]);
    // Nor does one that is written again look for its ticks in the false future.
    let mut run = Loop::scheduled(r#""every":"1h","overlap":"allow""#);
    run.hand.jump(YEAR_MS);
    run.after(HOUR_MS.unsigned_abs());
    run.hand.jump(-YEAR_MS);
    run.turn();
    run.apply(r#""every":"1m","overlap":"allow""#);
    run.after(MINUTE);
    assert!(run.ticks().contains(&(61, "started")), "{:?}", run.ticks());
}

#[test]
fn what_was_missed_by_a_clock_that_was_ahead_counts_once() {
    let fields = r#""at":["2027-01-15T08:01:00Z","2027-01-15T08:02:00Z"],"times":2,"overlap":"allow""#;
    let mut run = Loop::scheduled(fields);
    run.hand.jump(YEAR_MS);
    run.turn();
    assert_eq!(run.ticks(), [(1, "missed_window"), (2, "missed_window")]);
    run.hand.jump(-YEAR_MS);
    run.turn();
    run.after(MINUTE);
    run.after(MINUTE);
    assert_eq!(run.ticks(), [(1, "started"), (2, "started")]);
    let numbers: Vec<i64> = run.driver.store.all_ticks().map(|tick| tick.number).collect();
    assert_eq!(run.driver.store.all_schedules().next().unwrap().ticks, 2, "{numbers:?}");
}

#[test]
fn of_more_ticks_than_are_kept_none_runs_again() {
    let mut run = Loop::scheduled(r#""every":"1m","overlap":"allow","keep_ticks":2"#);
    for _ in 0..5 {
        run.after(MINUTE);
    }
    run.hand.jump(-5 * 60_000);
    run.turn();
    for _ in 0..5 {
        run.after(MINUTE);
    }
    assert_eq!(run.jobs(), 5);
    run.after(MINUTE);
    assert_eq!(run.jobs(), 6);
}

#[test]
fn a_clock_that_is_set_far_forward_misses_what_lies_between() {
    for (by, outcome) in [(30 * 60_000, "started"), (2 * 3_600_000, "missed_window")] {
        let mut run = Loop::scheduled(r#""every":"30m","catch_up":"all","window":"1d","overlap":"allow""#);
        run.hand.jump(by);
        run.turn();
        assert_eq!(run.ticks()[0], (30, outcome), "by {by} ms");
        run.after(30 * MINUTE);
        assert_eq!(run.ticks().last().map(|(_, outcome)| *outcome), Some("started"));
    }
}
