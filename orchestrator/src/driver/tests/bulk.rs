//! Bulk operations: whose turn it is, and what became of their members.

use super::*;
use crate::store::{BulkAction, BulkRow, BulkState, BulkTarget};

/// An operation on jobs in any state.
pub(super) fn operation(action: BulkAction, target: BulkTarget, rate: Option<f64>, matched: usize) -> BulkRow {
    BulkRow {
        action,
        target,
        filter: "*".to_owned(),
        states: u32::MAX,
        rate,
        rate_text: None,
        reason: None,
        who: "me".into(),
        state: BulkState::Running,
        matched: matched as u64,
        done: 0,
        skipped: 0,
        failed: 0,
        errors: Vec::new(),
        created_at: 0,
        finished_at: None,
    }
}

impl Loop {
    pub(super) fn begin(&mut self, row: BulkRow, set: &[i64]) {
        self.step(vec![Input::Command(Command::Bulk(Box::new(row), set.into()), Asker::default())]);
    }

    /// Lets so many turns pass, ten milliseconds each.
    pub(super) fn turns(&mut self, most: usize) {
        for _ in 0..most {
            self.hand.pass(10);
            self.driver.turn(Vec::new());
        }
    }

    /// Operation of this number.
    pub(super) fn operation(&self, no: i64) -> BulkRow {
        self.driver.store.bulk(no).unwrap().clone()
    }
}

#[test]
fn a_slow_operation_holds_up_no_other() {
    let mut run = Loop::new();
    for at in 0..4 {
        run.step(vec![submit(&format!(r#"{{"id":"j{at}","kind":"k"}}"#))]);
    }
    run.begin(operation(BulkAction::Pause, BulkTarget::Jobs, Some(1.0 / 3600.0), 3), &[1, 2, 3]);
    run.turns(20);
    assert_eq!(run.operation(1).done, 1);
    run.begin(operation(BulkAction::Pause, BulkTarget::Jobs, None, 2), &[3, 4]);
    run.turns(20);
    assert_eq!((run.operation(2).done, run.operation(2).state), (2, BulkState::Succeeded));
    assert_eq!(run.operation(1).done, 1, "and hurries nobody else");
    // Who waits for that of an hour does not wait for one that somebody stopped.
    run.step(vec![Input::Command(Command::StopBulk(1), Asker::default())]);
    run.begin(operation(BulkAction::Resume, BulkTarget::Jobs, Some(10.0), 2), &[3, 4]);
    run.turns(30);
    assert_eq!(run.operation(3).done, 2);
}

#[test]
fn a_dead_letter_whose_job_no_longer_fits_is_skipped() {
    let mut run = Loop::new();
    let out = run.step(vec![submit(r#"{"id":"j","kind":"k"}"#), submit(r#"{"id":"other","kind":"k"}"#)]);
    for job in [Some("j"), Some("other"), None, Some("gone")] {
        let letter = DeadLetter {
            from: "task",
            code: String::new(),
            message: String::new(),
            job: job.map(str::to_owned),
            task: None,
            received_at: Timestamp(0),
            body: Vec::new(),
            size: 0,
            headers: "{}".to_owned(),
            evidence: None,
        };
        run.step(vec![Input::Dead(letter)]);
    }
    run.step(vec![succeeded(out[0].1)]);
    let states = 1 << (JobState::Running as u32);
    let row = BulkRow { states, filter: "state:running".to_owned(), ..discard(4) };
    run.begin(row, &[1, 2, 3, 4]);
    run.turns(10);
    let row = run.operation(1);
    assert_eq!((row.done, row.skipped), (1, 3));
    assert_eq!(run.driver.store.dead_letters().map(|(no, _)| no).collect::<Vec<_>>(), [1, 3, 4]);
    // Everything means those of no job, too.
    run.begin(discard(3), &[1, 3, 4]);
    run.turns(10);
    assert_eq!(run.operation(2).done, 3);
}

fn discard(matched: usize) -> BulkRow {
    operation(BulkAction::Discard, BulkTarget::Dead, None, matched)
}

#[test]
fn a_letter_that_is_sent_again_counts_once_the_broker_has_it() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let headers = r#"{"exchange":"e","routing_key":"k","headers":{}}"#;
    for headers in [headers, headers, "{}", headers] {
        let letter = DeadLetter {
            from: "submit",
            code: String::new(),
            message: String::new(),
            job: None,
            task: None,
            received_at: Timestamp(0),
            body: b"b".to_vec(),
            size: 1,
            headers: headers.to_owned(),
            evidence: None,
        };
        run.step(vec![Input::Dead(letter)]);
    }
    run.begin(operation(BulkAction::Replay, BulkTarget::Dead, None, 4), &[1, 2, 3, 4]);
    run.turns(10);
    let mut sent = Vec::new();
    while let Ok(output) = run.outputs.try_recv() {
        if let Output::Replay(no, _) = output {
            sent.push(no);
        }
    }
    assert_eq!(sent, [1, 2, 4], "each once");
    assert_eq!(run.operation(1).position(), 0, "nothing is known of any");
    run.step(vec![Input::NotReplayed(2, "no queue is bound for its routing key")]);
    run.turns(10);
    assert_eq!(run.operation(1).position(), 0, "they count in their order");
    run.step(vec![Input::Replayed(1)]);
    run.turns(10);
    let row = run.operation(1);
    assert_eq!((row.done, row.failed, row.state), (1, 2, BulkState::Running));
    assert_eq!(row.errors[0].detail, "no queue is bound for its routing key");
    // Of what nobody speaks any more it is said so.
    run.turns(7_000);
    let row = run.operation(1);
    assert_eq!((row.done, row.failed, row.state), (1, 3, BulkState::Succeeded));
    assert_eq!(run.driver.store.dead_letters().map(|(no, _)| no).collect::<Vec<_>>(), [2, 3, 4]);
}
