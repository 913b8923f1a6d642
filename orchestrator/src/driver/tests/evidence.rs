//! What is told of a task that killed its workers.

use serde_json::Value;
use warrener_shared::error::{ErrorObject, code};
use warrener_shared::wire::result::Progress;

use super::*;

fn report(ticket: Ticket, worker: &str, report: Report) -> Input {
    Input::Report(Reported { ticket, report, worker: Some(worker.into()), interrupted: false, cost: None })
}

fn log(ticket: Ticket, worker: &str, text: &str) -> Input {
    let progress = Progress { log: Some(text.to_owned()), ..Progress::default() };
    report(ticket, worker, Report::Progress(progress))
}

fn suspect(ticket: Ticket, worker: &str, deliveries: u32) -> Input {
    report(
        ticket,
        worker,
        Report::Released { code: Some(code::SUSPECT.into()), deliveries: Some(deliveries), pause: None },
    )
}

impl Loop {
    /// A job of one task whose attempt went out.
    fn out(&mut self) -> Ticket {
        self.step(vec![submit(r#"{"kind":"k"}"#)])[0].1
    }

    /// The error of the task of the first job.
    fn error(&mut self) -> ErrorObject {
        let first = self.driver.store.job(JobNo(1)).unwrap().unwrap().first_task;
        let row = self.driver.store.tasks(first, 1).unwrap().remove(0);
        assert_eq!(row.state, TaskState::Failed);
        ErrorObject::from_json(row.error.as_deref().unwrap()).unwrap()
    }

    fn details(&mut self) -> Value {
        serde_json::from_str(self.error().details.unwrap().get()).unwrap()
    }
}

fn deaths(details: &Value) -> Vec<(&str, u64, Option<u64>)> {
    let text = |death: &Value| (death["attempt"].as_u64().unwrap(), death["deliveries"].as_u64());
    let all = details["deaths"].as_array().unwrap().iter();
    all.map(|death| (death["worker"].as_str().unwrap(), text(death).0, text(death).1)).collect()
}

#[test]
fn every_worker_that_died_is_named_with_the_last_lines_of_the_task() {
    let mut run = Loop::new();
    let first = run.out();
    run.step(vec![log(first, "w1", "one\n")]);
    run.step(vec![Input::Heartbeat(Heard { worker: "w2".into(), tickets: vec![first] }), log(first, "w2", "two")]);
    let second = run.step(vec![suspect(first, "w3", 2)])[0].1;
    run.step(vec![log(second, "w4", "three\n")]);
    run.step(vec![log(second, "w4", "four\n"), suspect(second, "w5", 3)]);
    assert_eq!(run.error().code, code::CRASHED);
    let details = run.details();
    assert_eq!(deaths(&details), [("w1", 1, None), ("w2", 1, Some(2)), ("w4", 2, Some(3))]);
    assert_eq!((&details["log"], &details["crashes"]), (&"one\ntwo\nthree\nfour\n".into(), &3.into()));
    let evidence = run.driver.store.dead_letters().next().unwrap().1.evidence.clone().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&evidence).unwrap()["details"], details);
}

#[test]
fn who_was_cut_off_by_our_own_interruption_is_not_accused() {
    let mut run = Loop::new();
    let ticket = run.out();
    run.step(vec![log(ticket, "w1", "one\n")]);
    run.step(vec![Input::Connected { wiped: false }]);
    run.step(vec![log(ticket, "w2", "two\n"), suspect(ticket, "w3", 2)]);
    assert_eq!(run.driver.store.deaths(ticket.task).unwrap(), []);
}

#[test]
fn a_long_log_is_evidence_by_its_last_whole_lines() {
    let mut run = Loop::new();
    let ticket = run.out();
    let lines: String = (0..400).map(|at| format!("läuft {at}\n")).collect();
    run.step(vec![log(ticket, "w1", &lines), log(ticket, "w1", "the end")]);
    run.step(vec![dead(ticket, DeathReason::DeliveryLimit)]);
    let details = run.details();
    let log = details["log"].as_str().unwrap();
    assert!((1_900..=2_048).contains(&log.len()) && log.starts_with("läuft ") && log.ends_with("\nthe end"), "{log}");
}
