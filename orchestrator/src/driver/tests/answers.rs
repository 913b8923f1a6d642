//! Answers that nobody takes.

use super::*;

const HOUR: u64 = 3_600_000;

/// Everything that went out since the last look.
fn sent(run: &mut Loop) -> Vec<Reply> {
    let mut replies = Vec::new();
    while let Ok(output) = run.outputs.try_recv() {
        if let Output::Reply(more) = output {
            replies.extend(more);
        }
    }
    replies
}

fn turn(run: &mut Loop, inputs: Vec<Input>) {
    run.driver.turn(vec![Packet { inputs, done: None }]);
}

/// A loop whose answers are tried for a day, and that is owed one.
fn owing() -> (Loop, i64) {
    let mut run = Loop::new();
    let driver = std::mem::replace(&mut run.driver, Loop::new().driver);
    run.driver = driver.with_answers_kept(Duration::from_secs(24 * 3_600));
    run.driver.retention = Millis::from_secs(365 * 24 * 3_600);
    run.hand.jump(1_800_000_000_000);
    run.driver.turn(Vec::new());
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![answered(r#"{"kind": "k"}"#)]);
    turn(&mut run, vec![succeeded(out[0].1)]);
    let replies = sent(&mut run);
    assert_eq!(replies.len(), 1);
    let no = replies[0].no;
    (run, no)
}

#[test]
fn one_that_is_not_taken_is_tried_ever_less_often_and_given_up_in_the_end() {
    let (mut run, no) = owing();
    let mut tries = 0;
    for _ in 0..24 * 60 {
        turn(&mut run, vec![Input::NotReplied(vec![no])]);
        run.hand.pass(60_000);
        turn(&mut run, Vec::new());
        tries += sent(&mut run).len();
    }
    assert!((24 * 6..24 * 6 + 20).contains(&tries), "{tries} tries in a day");
    run.hand.pass(HOUR);
    turn(&mut run, vec![Input::NotReplied(vec![no])]);
    run.hand.pass(HOUR);
    turn(&mut run, Vec::new());
    assert_eq!((sent(&mut run).len(), run.driver.store.due_replies(0, 9).unwrap().len()), (0, 0));
    let letters: Vec<_> = run.driver.store.dead_letters().map(|(_, letter)| letter.clone()).collect();
    assert_eq!(letters.len(), 1);
    let headers: serde_json::Value = serde_json::from_str(&letters[0].headers).unwrap();
    assert_eq!(
        (letters[0].from, &letters[0].code[..], &headers["routing_key"]),
        ("answer", "undeliverable", &"client".into())
    );
    assert!(letters[0].body.starts_with(b"{\"job_id\""));
}

#[test]
fn one_that_can_never_be_sent_is_given_up_once() {
    let (mut run, no) = owing();
    turn(&mut run, vec![Input::Unanswerable(no)]);
    run.hand.pass(HOUR);
    turn(&mut run, Vec::new());
    assert_eq!(sent(&mut run).len(), 0);
    assert_eq!(run.driver.store.dead_letters().count(), 1);
    turn(&mut run, vec![Input::Unanswerable(no)]);
    assert_eq!(run.driver.store.dead_letters().count(), 1, "it was said twice");
}

#[test]
fn a_refusal_is_owed_like_any_answer_and_outlives_a_restart() {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let to = ReplyAddress { queue: "client".to_owned(), correlation_id: Some("c".to_owned()) };
    turn(&mut run, vec![Input::Refuse(Refused { to, body: b"{}".to_vec() })]);
    let replies = sent(&mut run);
    let message = &replies[0].message;
    assert_eq!((replies.len(), message.kind.as_deref(), &message.body[..]), (1, Some("job.rejected"), &b"{}"[..]));
    turn(&mut run, vec![Input::NotReplied(vec![replies[0].no])]);
    let (store, hand) = (run.driver.store.clone(), run.hand.clone());
    let mut next = Loop::over(store, hand);
    next.driver.turn(vec![Packet { inputs: vec![Input::Connected { wiped: false }], done: None }]);
    let again = std::iter::from_fn(|| next.outputs.try_recv().ok());
    let again: usize = again.map(|output| if let Output::Reply(replies) = output { replies.len() } else { 0 }).sum();
    assert_eq!(again, 1);
}

#[test]
fn a_clock_that_jumps_a_week_ahead_gives_nothing_up() {
    let (mut run, no) = owing();
    turn(&mut run, vec![Input::NotReplied(vec![no])]);
    run.hand.jump(7 * 24 * 3_600_000);
    for _ in 0..20 {
        run.hand.pass(1_000);
        turn(&mut run, Vec::new());
    }
    assert_eq!(run.driver.store.dead_letters().count(), 0);
    assert!(!sent(&mut run).is_empty());
}
