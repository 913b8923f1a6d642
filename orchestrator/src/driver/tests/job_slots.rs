//! Limits that count jobs, when a process dies in between and workers take their time.

use super::*;
use crate::limits::LimitDefinition;

fn limited(per: &str, when_full: Option<&str>) -> Input {
    let definition = LimitDefinition {
        concurrency: Some(1),
        per: Some(per.to_owned()),
        when_full: when_full.map(str::to_owned),
        ..LimitDefinition::default()
    };
    Input::Command(Command::PutLimit("one".parse().unwrap(), Box::new(definition)), Asker::default())
}

fn job(id: &str) -> Input {
    submit(&format!(
        r#"{{"id":"{id}","tasks":{{"{id}1":{{"kind":"k","limits":["one"]}},"{id}2":{{"kind":"k","limits":["one"]}}}}}}"#
    ))
}

fn beat(tickets: &[Ticket]) -> Input {
    Input::Heartbeat(Heard { worker: "w".into(), tickets: tickets.to_vec() })
}

impl Loop {
    /// A process with a limit of one job at once.
    fn of_one_job(when_full: &str) -> Self {
        let mut run = Self::new();
        run.step(vec![Input::Connected { wiped: false }]);
        run.step(vec![limited("job", Some(when_full))]);
        run
    }

    /// The process dies, and another goes on.
    fn dies(self) -> Self {
        let mut run = Self::over(self.driver.store.clone(), self.hand);
        run.step(vec![Input::Connected { wiped: false }]);
        run
    }

    /// The tickets that go out within the next second.
    fn soon(&mut self) -> Vec<(String, Ticket)> {
        for _ in 0..4 {
            self.hand.pass(250);
            self.driver.turn(Vec::new());
        }
        self.published()
    }

    fn state(&mut self, job: i64) -> JobState {
        self.driver.store.job(JobNo(job)).unwrap().unwrap().state
    }
}

#[test]
fn a_job_keeps_its_slot_and_its_place_when_the_process_dies() {
    let mut run = Loop::of_one_job("wait");
    let a = run.step(vec![job("a")]);
    assert_eq!(names(&a), ["a1", "a2"]);
    assert!(run.step(vec![job("b"), job("c")]).is_empty());
    let mut run = run.dies();
    assert_eq!(names(&run.step(vec![])), [""; 0]);
    assert_eq!(names(&run.step(vec![succeeded(a[0].1)])), [""; 0]);
    let mut run = run.dies();
    let b = run.step(vec![succeeded(a[1].1)]);
    assert_eq!(names(&b), ["b1", "b2"]);
    let mut run = run.dies();
    let c = run.step(vec![succeeded(b[0].1), succeeded(b[1].1)]);
    assert_eq!(names(&c), ["c1", "c2"]);
}

#[test]
fn a_slot_is_free_once_the_workers_of_the_cancelled_job_have_stopped() {
    let mut run = Loop::of_one_job("cancel_oldest");
    let a = run.step(vec![job("a")]);
    let tickets = [a[0].1, a[1].1];
    run.step(vec![beat(&tickets)]);
    assert!(run.step(vec![job("b")]).is_empty());
    assert_eq!((run.state(1), run.state(2)), (JobState::Cancelled, JobState::Running));
    // The worker is still at one of them, and the next process knows.
    let mut run = run.dies();
    assert!(run.step(vec![beat(&tickets)]).is_empty());
    assert!(run.soon().is_empty());
    run.step(vec![beat(&tickets[1..])]);
    assert!(run.soon().is_empty());
    run.step(vec![beat(&[])]);
    let b = run.soon();
    assert_eq!(names(&b), ["b1", "b2"]);
    // A retry takes a slot anew, and turns out whoever has it.
    run.step(vec![beat(&[b[0].1, b[1].1])]);
    let retry = Command::Retry("a".parse().unwrap());
    assert!(run.step(vec![Input::Command(retry, Asker::default())]).is_empty());
    assert_eq!((run.state(1), run.state(2)), (JobState::Running, JobState::Cancelled));
    run.step(vec![beat(&[])]);
    assert_eq!(names(&run.soon()), ["a1", "a2"]);
}

#[test]
fn a_limit_that_changes_counts_those_that_run_already() {
    let mut run = Loop::of_one_job("wait");
    run.step(vec![limited("task", None)]);
    let a = run.step(vec![job("a"), job("b")]);
    assert_eq!(names(&a), ["a1"]);
    run.step(vec![limited("job", None)]);
    assert_eq!(names(&run.soon()), ["a2"], "a has the slot, and b2 does not go before it");
    run.step(vec![Input::Command(Command::RemoveLimit("one".parse().unwrap()), Asker::default())]);
    assert_eq!(names(&run.soon()), ["b1", "b2"]);
}

#[test]
fn a_paused_key_lets_nothing_of_its_jobs_out() {
    let mut run = Loop::of_one_job("wait");
    let key = warrener_engine::limit::LimitKey::written(&"one/*".into());
    let set = |until| Command::SetKey(key.clone(), warrener_engine::limit::KeySettings::default(), until);
    let graph = r#"{"tasks":{"x":{"kind":"k","limits":["one"]},"y":{"kind":"k","limits":["one"],"needs":"x"}}}"#;
    let x = run.step(vec![submit(graph)]);
    let until = run.driver.now() + Millis::from_secs(60);
    run.step(vec![Input::Command(set(Some(until)), Asker::default())]);
    assert!(run.step(vec![succeeded(x[0].1)]).is_empty());
    assert_eq!(names(&run.step(vec![Input::Command(set(None), Asker::default())])), ["y"]);
}
