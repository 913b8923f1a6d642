//! Batches that are not committed: who pays for it.

use tokio::sync::oneshot;
use warrener_shared::wire::result::Progress;

use super::*;
use crate::store::Rows as _;

/// Output of a report that the store cannot keep.
const POISON: &[u8] = b"\"poison\"";

fn refuse_poison(commit: &Commit) -> Option<StoreError> {
    let holds = |row: &&Arc<TaskRow>| row.output.as_deref() == Some(POISON);
    commit.changes.tasks.iter().any(|row| holds(&row)).then(|| StoreError::Unfit { doing: "keep it", why: "no".into() })
}

fn refuse_all(_: &Commit) -> Option<StoreError> {
    Some(StoreError::Statement { doing: "keep it", why: "relation does not exist".into() })
}

fn reported(ticket: Ticket, report: Report) -> Input {
    Input::Report(Reported { ticket, report, worker: Some("w".into()), interrupted: false, cost: None })
}

fn wrote(ticket: Ticket, log: &str) -> Input {
    reported(ticket, Report::Progress(Progress { log: Some(log.to_owned()), ..Progress::default() }))
}

/// Handles the inputs as one packet, and tells whether its sender may acknowledge it.
fn acknowledges(run: &mut Loop, inputs: Vec<Input>) -> bool {
    let (done, mut told) = oneshot::channel();
    run.driver.turn(vec![Packet { inputs, done: Some(done) }]);
    told.try_recv().is_ok()
}

fn two_at_work(run: &mut Loop) -> [Ticket; 2] {
    let out = run.step(vec![submit(r#"{"tasks":{"a":{"kind":"k"},"b":{"kind":"k"}}}"#)]);
    [out[0].1, out[1].1]
}

#[test]
fn a_bad_input_costs_what_came_beside_it_nothing() {
    let mut run = Loop::new();
    let [bad, good] = two_at_work(&mut run);
    run.driver.store.refuse(Some(refuse_poison));
    let poison = reported(bad, Report::Succeeded { output: POISON.to_vec() });
    assert!(acknowledges(&mut run, vec![wrote(good, "before\n"), poison, wrote(good, "after\n")]));
    let log: String =
        run.driver.store.last_logs(good.task, 1_000).unwrap().into_iter().map(|chunk| chunk.text).collect();
    assert_eq!(log, "before\nafter\n");
    // It is kept as it came, so that a person can publish it again.
    let letters: Vec<_> = run.driver.store.dead_letters().map(|(_, letter)| letter.clone()).collect();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    assert_eq!((letter.from, &letter.code[..], &letter.body[..]), ("result", "internal", POISON));
    let headers: serde_json::Value = serde_json::from_str(&letter.headers).unwrap();
    assert_eq!(headers["correlation_id"], bad.to_string());
    assert_eq!(headers["headers"]["worker"], "w");
}

#[test]
fn an_ill_store_costs_no_input() {
    let mut run = Loop::new();
    let [one, two] = two_at_work(&mut run);
    run.driver.store.refuse(Some(refuse_all));
    for _ in 0..3 {
        assert!(!acknowledges(&mut run, vec![succeeded(one), succeeded(two)]));
        assert!(!acknowledges(&mut run, vec![succeeded(one)]), "nor one that comes alone");
        assert!(!run.driver.shared.health.report().checks.iter().any(|check| check.name == "store" && check.ready));
    }
    run.driver.store.refuse(None);
    assert!(acknowledges(&mut run, vec![Input::Connected { wiped: false }, succeeded(one), succeeded(two)]));
    assert_eq!(run.driver.store.job(JobNo(1)).unwrap().unwrap().state, JobState::Succeeded);
    assert_eq!(run.driver.store.dead_letters().count(), 0);
}

#[test]
fn timers_are_judged_again_once_an_ill_store_is_well() {
    let mut run = Loop::new();
    run.step(vec![submit(r#"{"kind":"warrener.sleep","input":{"for":"1s"}}"#)]);
    run.driver.store.refuse(Some(refuse_all));
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    run.driver.store.refuse(None);
    for _ in 0..70 {
        run.hand.pass(1_000);
        run.driver.turn(Vec::new());
    }
    assert_eq!(run.driver.store.job(JobNo(1)).unwrap().unwrap().state, JobState::Succeeded);
}
