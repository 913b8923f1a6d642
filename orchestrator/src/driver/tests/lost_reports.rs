//! Reports that were lost with their queue.

use super::*;

/// Two attempts that left their queue and one that waits in it.
fn run() -> (Loop, Vec<(String, Ticket)>) {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![submit(r#"{"tasks":{"a":{"kind":"k"},"b":{"kind":"k"},"c":{"kind":"k"}}}"#)]);
    run.step(vec![Input::Published(vec![1, 2, 3])]);
    run.step(vec![Input::Depth(Depth { queue: 1, ready: 1, upto: 3 })]);
    (run, out)
}

fn named(ticket: Ticket) -> Input {
    Input::Heartbeat(Heard { worker: "w".into(), tickets: vec![ticket] })
}

#[test]
fn what_no_worker_names_goes_out_again() {
    let (mut run, out) = run();
    run.step(vec![named(out[0].1), named(out[1].1)]);
    run.hand.pass(1_000);
    run.step(vec![Input::ReportsLost]);
    run.hand.pass(2_000);
    run.step(vec![named(out[0].1)]);
    run.hear_for(4);
    assert_eq!(run.published(), [], "a worker may still name it");
    run.hear_for(1);
    assert_eq!(run.published(), out[1..2], "one is worked on, one waits in its queue");
    run.hear_for(10);
    assert_eq!(run.published(), [], "once");
    run.step(vec![succeeded(out[1].1)]);
}

#[test]
fn a_new_session_gives_workers_time_to_be_heard() {
    let (mut run, out) = run();
    run.step(vec![Input::ReportsLost]);
    run.hand.pass(60_000);
    run.step(vec![Input::Disconnected, Input::Connected { wiped: false }]);
    run.hear_for(6);
    assert_eq!(run.published(), []);
    run.step(vec![named(out[0].1), named(out[1].1)]);
    run.hear_for(3);
    assert_eq!(run.published(), []);
}

#[test]
fn they_go_out_again_after_a_crash_too() {
    let (mut run, out) = run();
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    run.step(vec![Input::ReportsLost]);
    run.hear_for(7);
    assert_eq!(run.published(), out[..2]);
    let mut restarted = Loop::over(run.driver.store.clone(), run.hand.clone());
    assert!(restarted.step(vec![Input::Connected { wiped: false }]).starts_with(&out[..2]));
}
