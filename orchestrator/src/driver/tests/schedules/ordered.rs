//! Ticks that jitter holds back, excluded ones, numbers, and ticks that are started out of their turn.

use super::*;

fn second(at: i64) -> Timestamp {
    Timestamp(START + at * 1_000)
}

#[test]
fn jitter_longer_than_the_period_loses_nothing() {
    let mut run = Loop::scheduled(r#""every":"10s","jitter":"60s","overlap":"allow","catch_up":"none""#);
    for _ in 0..600 {
        run.after(1_000);
    }
    let outcomes: BTreeMap<&str, usize> = run.ticks().into_iter().fold(BTreeMap::new(), |mut all, (_, outcome)| {
        *all.entry(outcome).or_default() += 1;
        all
    });
    assert_eq!(outcomes.keys().copied().collect::<Vec<_>>(), ["started"], "{outcomes:?}");
    assert!(outcomes["started"] >= 53, "{outcomes:?}");
}

#[test]
fn jitter_longer_than_the_window_loses_nothing() {
    for overlap in ["allow", "queue_one"] {
        let mut run = Loop::scheduled(&format!(r#""every":"5m","jitter":"1h","window":"1m","overlap":"{overlap}""#));
        let mut out = Vec::new();
        for _ in 0..2_000 {
            let more = run.after(5_000);
            out.extend(more);
            if overlap == "queue_one" {
                let done: Vec<Input> = out.drain(..).map(succeeded).collect();
                run.step(done);
                let more = run.driver.store.open_attempts().unwrap();
                out.extend(more.iter().map(TaskRow::ticket));
            }
        }
        assert!(run.ticks().iter().all(|(_, outcome)| *outcome != "missed_window"), "{overlap}: {:?}", run.ticks());
        assert!(run.jobs() > 10, "{overlap}: {:?}", run.ticks());
    }
}

#[test]
fn an_excluded_tick_takes_no_place_of_what_is_made_up_for() {
    // 08:04 is excluded, the latest of those that were missed.
    let run =
        Loop::scheduled(r#""every":"1m","exclude":[{"from":"2027-01-15T08:04:00Z","to":"2027-01-15T08:04:30Z"}]"#);
    run.hand.pass(4 * MINUTE + 30_000);
    let mut run = run.again();
    run.turn();
    let lost = "missed_window";
    assert_eq!(run.ticks(), [(1, lost), (2, lost), (3, "started"), (4, "skipped_excluded")]);
}

#[test]
fn ticks_that_are_decided_together_have_numbers_of_their_own_and_excluded_ones_none() {
    let fields = r#""every":"1m","catch_up":"all","times":3,"overlap":"allow","exclude":["1-59/2 * * * *"]"#;
    let run = Loop::scheduled(fields);
    run.hand.pass(4 * MINUTE + 30_000);
    let mut run = run.again();
    run.turn();
    run.after(2 * MINUTE);
    run.after(2 * MINUTE);
    let started = run.driver.store.all_ticks().filter(|tick| tick.outcome == TickOutcome::Started);
    let started: Vec<(i64, i64)> = started.map(|tick| ((tick.at.0 - START) / 60_000, tick.number)).collect();
    assert_eq!(started, [(2, 1), (4, 2), (6, 3)]);
}

#[test]
fn who_starts_a_tick_that_jitter_holds_back_does_not_take_its_turn() {
    let fields = r#""every":"1m","jitter":"50s","overlap":"allow""#;
    let mut run = Loop::scheduled(fields);
    // The first tick that is held back for more than some seconds.
    let spec = run.spec(fields);
    let minute = (1..).find(|minute| spec.delay(second(minute * 60)).0 > 5_000).unwrap();
    run.after(u64::try_from(minute).unwrap() * MINUTE);
    let jobs = run.jobs();
    run.wish(ScheduleCommand::Trigger(name()));
    run.wish(ScheduleCommand::Backfill(name(), backfill(minute * 60, minute * 60)));
    run.turn();
    assert_eq!(run.jobs(), jobs + 1);
    run.after(50_000);
    let of_it = |tick: &&warrener_engine::schedule::TickRow| tick.at == second(minute * 60);
    let rows: Vec<_> = run.driver.store.all_ticks().filter(of_it).map(|tick| (tick.run, tick.outcome)).collect();
    assert_eq!(rows, [(1, TickOutcome::Started), (2, TickOutcome::Started)]);
    assert_eq!(run.jobs(), jobs + 2);
}

#[test]
fn a_backfill_of_what_is_yet_to_come_is_over_soon() {
    let mut run = Loop::scheduled(r#""every":"1s","overlap":"allow""#);
    run.after(1_000);
    run.wish(ScheduleCommand::Backfill(name(), backfill(-3, 1_000_000)));
    run.turn();
    let row = run.driver.store.all_schedules().next().unwrap();
    assert_eq!((&row.backfill, row.wake_at), (&None, Some(second(2))), "it waits for its next tick");
    assert_eq!(run.jobs(), 5);
}

#[test]
fn a_job_that_was_cancelled_is_no_failure() {
    let mut run = Loop::scheduled(r#""every":"1m","pause_after_failures":2"#);
    let out = run.after(MINUTE);
    run.step(vec![failed(out[0])]);
    for minute in 2..6 {
        run.after(MINUTE);
        let id = format!("s:20270115T080{minute}00Z");
        run.step(vec![Input::Command(Command::Cancel(id.parse().unwrap()), Asker::default())]);
    }
    let row = run.driver.store.all_schedules().next().unwrap();
    assert_eq!((row.paused, row.failures), (false, 1));
}

#[test]
fn a_document_that_is_written_again_pauses_and_resumes_as_it_says() {
    let paused = |run: &Loop| run.driver.store.all_schedules().next().unwrap().paused;
    let fields = r#""every":"1m","paused":false"#;
    let mut run = Loop::scheduled(fields);
    run.wish(ScheduleCommand::Pause(name(), true, Precondition::None));
    assert!(paused(&run));
    run.apply(fields);
    assert!(!paused(&run));
    // One that says nothing of it leaves it as it is.
    let mut run = Loop::scheduled(r#""every":"1m""#);
    run.wish(ScheduleCommand::Pause(name(), true, Precondition::None));
    run.apply(r#""every":"1m""#);
    assert!(paused(&run));
}

/// Backfill of the ticks between two seconds, side by side.
fn backfill(from: i64, to: i64) -> warrener_engine::schedule::Backfill {
    warrener_engine::schedule::Backfill {
        from: second(from),
        to: second(to),
        done_upto: second(from - 1),
        side_by_side: true,
        again: false,
        pause: Millis(0),
        not_before: Timestamp(0),
        started: 0,
    }
}
