//! Messages that go out later while the clock is set.

use super::*;
use crate::store::{DelayedChanges, DelayedMessage};

const START: i64 = 1_800_000_000_000;
const HOUR: i64 = 3_600_000;

/// A message that came now, by the clock that all follow, and goes out in a minute.
fn message(run: &Loop) -> Input {
    let now = run.driver.shared.followed_now();
    let message = DelayedMessage {
        exchange: "x".into(),
        routing_key: "k".to_owned(),
        due_at: now + Millis(60_000),
        after_delay: true,
        received_at: now,
        properties: Vec::new(),
        body: b"b".to_vec(),
    };
    let changes = DelayedChanges { kept: vec![Arc::new(message)], ..DelayedChanges::default() };
    Input::Delayed(changes, run.driver.shared.followed())
}

fn due(run: &Loop) -> Vec<i64> {
    run.driver.store.delayed().map(|message| message.due_at.0).collect()
}

#[test]
fn a_message_waits_its_span_whatever_the_clock_says() {
    for by in [HOUR, -HOUR] {
        let mut run = Loop::new();
        run.hand.jump(START);
        run.driver.turn(Vec::new());
        let kept = message(&run);
        run.step(vec![kept]);
        let under_way = message(&run);
        run.hand.jump(by);
        // Nobody who looks now finds it due: the rows have not moved yet.
        assert_eq!(run.driver.shared.followed_now(), Timestamp(START), "by {by}");
        run.driver.turn(Vec::new());
        assert_eq!(run.driver.shared.followed_now(), Timestamp(START + by));
        // One that was on its way here when the clock was set waits as long.
        run.step(vec![under_way]);
        assert_eq!(due(&run), [START + by + 60_000; 2], "by {by}");
    }
}
