//! Messages that fell out of their queues before any worker had them.

use super::*;

fn run() -> (Loop, Vec<(String, Ticket)>) {
    let mut run = Loop::new();
    run.step(vec![Input::Connected { wiped: false }]);
    let out = run.step(vec![submit(r#"{"kind":"k","retry":0,"timeout":"10s"}"#)]);
    (run, out)
}

#[test]
fn they_go_out_again_with_the_same_ticket_once_a_second_and_at_no_cost() {
    let (mut run, out) = run();
    let ticket = out[0].1;
    for reason in [DeathReason::Expired, DeathReason::MaxLen, DeathReason::Unknown] {
        // The confirm of a message may come after its end.
        run.step(vec![dead(ticket, reason), Input::Published(vec![1])]);
        for _ in 0..3 {
            run.hand.pass(250);
            run.driver.turn(Vec::new());
            assert_eq!(run.published(), [], "{reason:?}: sooner than after a second");
        }
        run.hand.pass(250);
        run.driver.turn(Vec::new());
        assert_eq!(run.published(), out, "{reason:?}");
    }
    run.step(vec![succeeded(ticket)]);
    assert_eq!(state(&mut run), JobState::Succeeded);
    assert_eq!(run.driver.store.dead_letters().count(), 0);
}

#[test]
fn they_were_no_start_of_the_time_limit() {
    let (mut run, out) = run();
    run.step(vec![Input::Published(vec![1])]);
    run.step(vec![Input::Depth(Depth { queue: 1, ready: 0, upto: 1 })]);
    run.step(vec![dead(out[0].1, DeathReason::Expired)]);
    run.hear_for(60);
    assert_eq!(state(&mut run), JobState::Running);
    // With the worker that has the next copy it begins.
    run.step(vec![Input::Heartbeat(Heard { worker: "w".into(), tickets: vec![out[0].1] })]);
    run.hear_for(60);
    assert_eq!(state(&mut run), JobState::Failed);
}

#[test]
fn they_go_out_again_after_a_crash_too() {
    let (mut run, out) = run();
    run.step(vec![Input::Published(vec![1])]);
    run.hand.pass(2_000);
    run.driver.turn(Vec::new());
    run.step(vec![dead(out[0].1, DeathReason::Expired)]);
    let mut restarted = Loop::over(run.driver.store.clone(), run.hand.clone());
    assert_eq!(restarted.step(vec![Input::Connected { wiped: false }]), out);
}
