//! When a worker that was asked to stop is known to have stopped.

use warrener_shared::wire::heartbeat::Heartbeat;
use warrener_shared::wire::result::Progress;

use super::*;

/// How long a worker may be silent, in milliseconds.
const LIVE: u64 = 20_000;

fn beat(tickets: &[Ticket]) -> Input {
    Input::Heartbeat(Heard { worker: "w".into(), tickets: tickets.to_vec() })
}

fn progress(ticket: Ticket) -> Input {
    let report = Report::Progress(Progress::default());
    Input::Report(Reported { ticket, report, worker: Some("w".into()), interrupted: false, cost: None })
}

fn cancel() -> Input {
    Input::Command(Command::Cancel("j".parse().unwrap()), Asker::default())
}

impl Loop {
    /// A job of one task whose attempt went out.
    fn at_work() -> (Self, Ticket) {
        let mut run = Self::new();
        run.step(vec![Input::Connected { wiped: false }]);
        let out = run.step(vec![submit(r#"{"id":"j","kind":"k"}"#)]);
        (run, out[0].1)
    }

    /// When each attempt whose worker was asked to stop was known to have stopped.
    fn stops(&self) -> Vec<Option<Timestamp>> {
        self.driver.store.stops().map(|(_, _, stopped)| stopped).collect()
    }

    fn pass(&mut self, ms: u64) {
        for part in (0..ms).step_by(1_000) {
            self.hand.pass((ms - part).min(1_000));
            self.driver.turn(Vec::new());
        }
    }

    /// Sends a heartbeat each second for so long, and gives whether the worker counts as stopped afterwards.
    fn beats(&mut self, ms: u64, tickets: &[Ticket]) -> bool {
        for _ in 0..ms / 1000 {
            self.pass(1000);
            self.step(vec![beat(tickets)]);
        }
        self.stops() != [None]
    }
}

#[test]
fn a_worker_has_stopped_once_its_heartbeat_does_not_name_the_attempt_any_more() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![beat(&[ticket])]);
    assert_eq!(run.stops(), []);
    run.step(vec![cancel()]);
    assert!(run.driver.store.job(JobNo(1)).unwrap().unwrap().state.is_final());
    // Sent before it heard of it, and while it stops; and others say nothing about it.
    assert!(!run.beats(3 * LIVE, &[ticket]));
    run.step(vec![Input::Heartbeat(Heard { worker: "other".into(), tickets: Vec::new() })]);
    assert_eq!(run.stops(), [None]);
    run.step(vec![beat(&[])]);
    let stopped = run.driver.now();
    assert_eq!(run.stops(), [Some(stopped)]);
    // What it says later changes nothing.
    run.pass(1_000);
    run.step(vec![beat(&[ticket]), beat(&[])]);
    assert_eq!(run.stops(), [Some(stopped)]);
}

#[test]
fn a_worker_that_goes_on_is_told_again() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![beat(&[ticket]), cancel()]);
    run.driver.step(vec![beat(&[ticket]).into()]);
    let told = std::iter::from_fn(|| run.outputs.try_recv().ok()).any(|output| matches!(output, Output::Stop(_)));
    assert!(told);
}

#[test]
fn a_heartbeat_that_may_be_older_than_the_start_proves_nothing() {
    let (mut run, ticket) = Loop::at_work();
    run.driver.shared.workers.note(Heartbeat { worker: "w".to_owned(), ..Heartbeat::default() }, Timestamp(0));
    run.step(vec![progress(ticket), cancel()]);
    assert_eq!(run.stops(), [None]);
    assert!(!run.beats(5_000, &[]));
    assert!(run.beats(1_000, &[]));
}

#[test]
fn a_worker_that_is_gone_has_stopped() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![beat(&[ticket]), cancel()]);
    run.pass(LIVE - 1_000);
    assert_eq!(run.stops(), [None]);
    // Without a session nobody can be heard.
    run.step(vec![Input::Disconnected]);
    run.pass(LIVE);
    assert_eq!(run.stops(), [None]);
    run.step(vec![Input::Connected { wiped: false }]);
    run.pass(LIVE - 1_000);
    assert_eq!(run.stops(), [None]);
    run.pass(1_000);
    assert_eq!(run.stops(), [Some(run.driver.now())]);
}

#[test]
fn after_a_restart_it_is_waited_for_anew() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![beat(&[ticket]), cancel()]);
    run.pass(LIVE - 1_000);
    run.driver.recollect().unwrap();
    run.pass(2_000);
    assert_eq!(run.stops(), [None]);
    run.step(vec![beat(&[])]);
    assert_eq!(run.stops(), [None], "nobody knows any more whether it was named");
    assert!(run.beats(4_000, &[]));
}

#[test]
fn of_who_sends_no_heartbeats_nothing_is_known() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![progress(ticket), cancel()]);
    run.pass(2 * LIVE);
    assert_eq!(run.stops(), []);
}

#[test]
fn a_worker_that_is_seen_only_after_the_end_is_waited_for_too() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![cancel()]);
    assert_eq!(run.stops(), []);
    assert!(!run.beats(LIVE, &[ticket]));
    assert!(run.beats(1_000, &[]));
}

#[test]
fn an_attempt_that_ended_by_its_report_was_not_stopped() {
    let (mut run, ticket) = Loop::at_work();
    run.step(vec![beat(&[ticket]), succeeded(ticket)]);
    run.step(vec![beat(&[ticket])]);
    assert_eq!(run.stops(), []);
}
