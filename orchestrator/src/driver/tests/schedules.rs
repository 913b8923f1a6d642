//! Ticks of schedules: which start jobs, and what becomes of the others.

mod clocks;
mod ordered;
mod unreadable;
mod walk;

use warrener_engine::schedule::TickOutcome;
use warrener_shared::id::ScheduleName;
use warrener_shared::schedule::ScheduleSpec;

use super::*;

/// A minute that begins, far from the beginning of time.
const START: i64 = 1_800_000_000_000;
const MINUTE: u64 = 60_000;

impl Loop {
    /// A loop at [`START`] with a schedule of these fields, whose job has one task.
    fn scheduled(fields: &str) -> Self {
        let mut run = Self::new();
        run.hand.jump(START);
        run.driver.turn(Vec::new());
        run.apply(fields);
        run
    }

    fn document(fields: &str) -> String {
        format!(r#"{{"name":"s","job":{{"kind":"k","input":"${{{{ schedule.number }}}}"}},{fields}}}"#)
    }

    fn spec(&self, fields: &str) -> ScheduleSpec {
        let body = Self::document(fields);
        warrener_shared::schedule::parse(body.as_bytes(), &self.driver.shared.limits).unwrap()
    }

    fn apply(&mut self, fields: &str) {
        let (spec, body) = (Arc::new(self.spec(fields)), Self::document(fields).into_bytes().into());
        self.wish(ScheduleCommand::Apply { spec, body, precondition: Precondition::None });
    }

    fn wish(&mut self, command: ScheduleCommand) {
        self.step(vec![Input::Schedule(Box::new(command), Asker::default())]);
    }

    /// Lets so many milliseconds pass, and gives the tickets that went out.
    fn after(&mut self, ms: u64) -> Vec<Ticket> {
        self.hand.pass(ms);
        self.turn()
    }

    fn turn(&mut self) -> Vec<Ticket> {
        self.read_all();
        self.driver.turn(Vec::new());
        self.published().into_iter().map(|(_, ticket)| ticket).collect()
    }

    /// Number of jobs that there are.
    fn jobs(&self) -> usize {
        self.driver.store.jobs().count()
    }

    /// Ticks by minutes since [`START`], with what became of them.
    fn ticks(&self) -> Vec<(i64, &'static str)> {
        let minute = |at: Timestamp| (at.0 - START) / 60_000;
        self.driver.store.all_ticks().map(|tick| (minute(tick.at), tick.outcome.as_str())).collect()
    }

    /// A process that starts over what is kept.
    fn again(self) -> Self {
        Self::over(self.driver.store.clone(), self.hand)
    }
}

fn name() -> ScheduleName {
    ScheduleName::new("s").unwrap()
}

fn failed(ticket: Ticket) -> Input {
    let error = warrener_shared::error::ErrorObject::new("no", "it failed");
    Input::Report(Reported {
        ticket,
        report: Report::Failed { error, retry: warrener_shared::wire::result::RetryAdvice::Never },
        worker: None,
        interrupted: false,
        cost: None,
    })
}

#[test]
fn a_tick_starts_its_job_once_at_its_time() {
    let mut run = Loop::scheduled(r#""every":"1m","overlap":"allow""#);
    assert_eq!(run.turn().len(), 0, "a new schedule has no past");
    assert_eq!(run.after(MINUTE - 1).len(), 0);
    assert_eq!(run.after(1).len(), 1);
    assert_eq!(run.turn().len(), 0);
    let job = run.driver.store.jobs().next().unwrap();
    assert_eq!(job.id.as_str(), "s:20270115T080100Z");
    let body = run.driver.store.submitted(JobNo(1)).unwrap().unwrap().body;
    let body = String::from_utf8_lossy(&body).into_owned();
    assert!(body.contains(r#""input":1,"#) || body.contains(r#""input":1}"#), "{body}");
    assert!(body.contains(r#""labels":{"schedule":"s","tick":"2027-01-15T08:01:00Z"}"#), "{body}");
    // Whatever of it is kept, a process that starts over it neither doubles the tick nor loses the next.
    let mut run = run.again();
    run.turn();
    assert_eq!(run.ticks(), [(1, "started")]);
    run.after(MINUTE);
    assert_eq!(run.ticks(), [(1, "started"), (2, "started")]);
    let who: Vec<String> = run.driver.store.audit().map(|row| format!("{} {}", row.who, row.target)).collect();
    assert_eq!(who[1], "schedule:s s:20270115T080200Z");
}

#[test]
fn ticks_that_overlap_do_what_the_schedule_says() {
    let table: [(&str, [&str; 4], usize); 5] = [
        ("skip", ["started", "skipped_overlap", "skipped_overlap", "skipped_overlap"], 0),
        ("queue_one", ["started", "queued", "skipped_overlap", "skipped_overlap"], 1),
        ("queue", ["started", "queued", "queued", "skipped_overlap"], 1),
        ("allow", ["started", "started", "started", "started"], 0),
        ("cancel", ["started", "skipped_overlap", "skipped_overlap", "queued"], 0),
    ];
    for (overlap, outcomes, next) in table {
        let mut run = Loop::scheduled(&format!(r#""every":"1m","overlap":"{overlap}","max_queued":2"#));
        let first = run.after(MINUTE);
        // Workers of what was cancelled are asked to stop, and have not said that they did.
        if overlap == "cancel" {
            let report = Report::Claimed { lease: Millis::from_secs(600) };
            let worker = Some("w".into());
            run.step(vec![Input::Report(Reported {
                ticket: first[0],
                report,
                worker,
                interrupted: false,
                cost: None,
            })]);
            for _ in 0..3 {
                run.after(MINUTE / 8);
            }
            run.hand.pass(MINUTE * 5 / 8);
        } else {
            run.hand.pass(MINUTE);
        }
        run.turn();
        run.after(MINUTE);
        run.after(MINUTE);
        let expected: Vec<(i64, &str)> = (1..).zip(outcomes).collect();
        if overlap != "cancel" {
            assert_eq!(run.ticks(), expected, "{overlap}");
            let out = run.step(vec![succeeded(first[0])]);
            assert_eq!(out.len(), next, "{overlap}: the next starts in the commit that ends the one before");
        }
    }
}

#[test]
fn who_cancels_starts_the_next_after_the_confirmed_end() {
    let mut run = Loop::scheduled(r#""every":"1m","overlap":"cancel""#);
    let first = run.after(MINUTE);
    let worker: Arc<str> = "w".into();
    let beat = |tickets| Input::Heartbeat(Heard { worker: "w".into(), tickets });
    let report = Report::Claimed { lease: Millis::from_secs(600) };
    let claimed = Reported { ticket: first[0], report, worker: Some(worker), interrupted: false, cost: None };
    run.step(vec![Input::Connected { wiped: false }, Input::Report(claimed), beat(vec![first[0]])]);
    assert_eq!(run.after(MINUTE).len(), 0);
    assert_eq!(run.ticks(), [(1, "started"), (2, "queued")]);
    let state = run.driver.store.job(JobNo(1)).unwrap().unwrap().state;
    assert_eq!(state, JobState::Cancelled);
    run.step(vec![beat(vec![first[0]])]);
    assert_eq!(run.after(2_000).len(), 0, "its worker is still at it");
    run.step(vec![beat(vec![])]);
    assert_eq!(run.after(2_000).len(), 1);
    assert_eq!(run.ticks(), [(1, "started"), (2, "started")]);
}

#[test]
fn a_tick_that_waited_too_long_is_dropped() {
    let mut run =
        Loop::scheduled(r#""at":["2027-01-15T08:01:00Z","2027-01-15T08:02:00Z"],"overlap":"queue","window":"5m""#);
    let first = run.after(MINUTE);
    run.after(MINUTE);
    run.after(6 * MINUTE);
    assert_eq!(run.ticks(), [(1, "started"), (2, "missed_window")]);
    assert_eq!(run.step(vec![succeeded(first[0])]).len(), 0);
}

#[test]
fn what_was_missed_is_made_up_for_as_the_schedule_says() {
    for (catch_up, started) in [("none", vec![]), ("last", vec![59]), ("all", vec![57, 58, 59])] {
        let fields = r#""every":"1m","overlap":"allow","window":"30m","max_catch_up":3"#;
        let run = Loop::scheduled(&format!(r#"{fields},"catch_up":"{catch_up}""#));
        run.hand.pass(60 * MINUTE - 30_000);
        let mut run = run.again();
        run.turn();
        let ticks = run.ticks();
        assert_eq!(ticks.len(), 59, "each has a row: {ticks:?}");
        let those: Vec<i64> = ticks.iter().filter(|(_, outcome)| *outcome == "started").map(|(at, _)| *at).collect();
        assert_eq!(those, started, "{catch_up}");
        assert!(ticks.iter().all(|(_, outcome)| ["started", "missed_window"].contains(outcome)));
        // A tick that comes at its time is no missed one.
        run.after(30_000);
        assert_eq!(run.ticks().last(), Some(&(60, "started")), "{catch_up}");
    }
}

#[test]
fn an_outage_of_years_is_over_soon() {
    let run = Loop::scheduled(r#""every":"1s","overlap":"allow","window":"1h","catch_up":"all","max_catch_up":5"#);
    run.hand.pass(2 * 365 * 24 * 60 * MINUTE);
    let began = std::time::Instant::now();
    let mut run = run.again();
    for _ in 0..20 {
        run.turn();
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    let started = run.driver.store.all_ticks().filter(|tick| tick.outcome == TickOutcome::Started);
    let late: Vec<i64> = started.map(|tick| (run.driver.now().0 - tick.at.0) / 1000).collect();
    // Ten seconds are no outage.
    assert_eq!(late, (0..=15).rev().collect::<Vec<_>>());
}

#[test]
fn what_passes_while_it_is_paused_is_missed() {
    let mut run = Loop::scheduled(r#""every":"1m""#);
    run.wish(ScheduleCommand::Pause(name(), true, Precondition::None));
    assert_eq!(run.after(MINUTE).len(), 0);
    run.hand.pass(MINUTE);
    run.wish(ScheduleCommand::Pause(name(), false, Precondition::None));
    assert_eq!(run.turn().len(), 0);
    assert_eq!(run.ticks(), [(1, "missed_paused"), (2, "missed_paused")]);
    assert_eq!(run.after(MINUTE).len(), 1);
}

#[test]
fn failures_in_a_row_pause_it() {
    let mut run = Loop::scheduled(r#""every":"1m","pause_after_failures":2"#);
    for outcome in [failed, succeeded, failed, failed] {
        let out = run.after(MINUTE);
        run.step(vec![outcome(out[0])]);
    }
    let row = run.driver.store.all_schedules().next().unwrap().clone();
    assert_eq!((row.paused, row.failures), (true, 2));
    assert_eq!(row.last_success, Some(Timestamp(START + 2 * 60_000)));
    assert_eq!(run.after(MINUTE).len(), 0);
    run.wish(ScheduleCommand::Pause(name(), false, Precondition::None));
    assert_eq!(run.after(MINUTE).len(), 1);
}

#[test]
fn a_changed_plan_has_no_past_and_another_job_has() {
    let mut run = Loop::scheduled(r#""every":"1m","overlap":"allow""#);
    run.hand.pass(MINUTE);
    run.apply(r#""every":"1m","overlap":"allow","description":"as before""#);
    run.turn();
    assert_eq!(run.jobs(), 1, "it ticks as before");
    run.hand.pass(MINUTE);
    run.apply(r#""every":"2m","overlap":"allow""#);
    run.turn();
    assert_eq!(run.jobs(), 1);
    run.after(2 * MINUTE);
    assert_eq!(run.ticks(), [(1, "started"), (4, "started")]);
    let row = run.driver.store.all_schedules().next().unwrap();
    assert_eq!(row.revision, 3);
}

#[test]
fn it_ends_after_so_many_ticks() {
    let mut run = Loop::scheduled(r#""every":"1m","times":2,"overlap":"allow""#);
    for _ in 0..5 {
        run.after(MINUTE);
    }
    assert_eq!(run.ticks(), [(1, "started"), (2, "started")]);
    let row = run.driver.store.all_schedules().next().unwrap();
    assert_eq!((row.next_tick, row.wake_at), (None, None), "it rests");
}

#[test]
fn a_job_that_is_not_accepted_is_a_tick_with_a_reason() {
    let mut run = Loop::scheduled(r#""every":"1m""#);
    run.step(vec![submit(r#"{"id":"s:20270115T080100Z","kind":"k"}"#)]);
    run.after(MINUTE);
    let tick = run.driver.store.all_ticks().next().unwrap();
    assert_eq!(tick.outcome, TickOutcome::Refused);
    assert!(tick.reason.as_deref().is_some_and(|why| why.contains("exists and has other content")), "{tick:?}");
    run.after(MINUTE);
    assert_eq!(run.jobs(), 2, "the next is not in its way");
}

#[test]
fn a_job_that_runs_again_counts_again() {
    let mut run = Loop::scheduled(r#""every":"1m""#);
    let out = run.after(MINUTE);
    run.step(vec![failed(out[0])]);
    run.step(vec![Input::Command(Command::Retry("s:20270115T080100Z".parse().unwrap()), Asker::default())]);
    run.after(MINUTE);
    assert_eq!(run.ticks(), [(1, "started"), (2, "skipped_overlap")]);
}

#[test]
fn a_removed_schedule_leaves_its_jobs() {
    let mut run = Loop::scheduled(r#""every":"1m""#);
    let out = run.after(MINUTE);
    run.wish(ScheduleCommand::Delete(name(), Precondition::None));
    assert_eq!(run.step(vec![succeeded(out[0])]).len(), 0);
    assert_eq!(run.after(MINUTE).len(), 0);
    assert_eq!((run.driver.store.all_ticks().count(), run.driver.store.jobs().count()), (0, 1));
}

#[test]
fn a_person_starts_a_job_whatever_else_is_so() {
    let mut run = Loop::scheduled(r#""every":"1m""#);
    run.after(MINUTE);
    run.wish(ScheduleCommand::Pause(name(), true, Precondition::None));
    run.wish(ScheduleCommand::Trigger(name()));
    run.wish(ScheduleCommand::Trigger(name()));
    let ids: Vec<String> = run.driver.store.jobs().map(|job| job.id.to_string()).collect();
    assert_eq!(ids, ["s:20270115T080100Z", "s:20270115T080100Z:2", "s:20270115T080100Z:3"]);
}

#[test]
fn a_backfill_starts_what_was_not_started_once() {
    let mut run = Loop::scheduled(r#""every":"1m","overlap":"allow","catch_up":"none""#);
    let first = run.after(MINUTE);
    run.step(vec![succeeded(first[0])]);
    run.after(4 * MINUTE + 30_000);
    assert_eq!(run.ticks().iter().filter(|(_, outcome)| *outcome == "started").count(), 1);
    let minute = |at: i64| Timestamp(START + at * 60_000);
    let work = warrener_engine::schedule::Backfill {
        from: minute(-1),
        to: minute(9),
        done_upto: minute(-2),
        side_by_side: false,
        again: false,
        pause: Millis(0),
        not_before: Timestamp(0),
        started: 0,
    };
    run.wish(ScheduleCommand::Backfill(name(), work));
    let mut run = run.again();
    run.step(vec![Input::Connected { wiped: true }]);
    for _ in 0..20 {
        let out = run.turn();
        assert!(out.len() <= 1, "one after another");
        for ticket in out {
            run.step(vec![succeeded(ticket)]);
        }
    }
    let started = run.ticks().into_iter().filter(|(_, outcome)| *outcome == "started").map(|(at, _)| at);
    assert_eq!(started.collect::<Vec<_>>(), [-1, 0, 1, 2, 3, 4, 5]);
    assert_eq!(run.driver.store.jobs().count(), 7, "none runs twice");
    assert_eq!(run.driver.store.all_schedules().next().unwrap().backfill, None);
}

#[test]
fn only_the_latest_ticks_are_kept() {
    let mut run = Loop::scheduled(r#""every":"1m","keep_ticks":5"#);
    let out = run.after(MINUTE);
    for _ in 0..40 {
        run.after(MINUTE);
    }
    let ticks = run.ticks();
    assert_eq!(ticks.len(), 6, "{ticks:?}");
    assert_eq!(ticks[0], (1, "started"), "what is still at work is kept");
    run.step(vec![succeeded(out[0])]);
    assert_eq!(run.after(MINUTE).len(), 1);
    assert_eq!(run.ticks().len(), 5);
}
