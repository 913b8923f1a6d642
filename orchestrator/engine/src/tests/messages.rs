//! What goes out to workers.

use std::collections::BTreeSet;

use warrener_shared::time::Millis;
use warrener_shared::wire::dispatch::Dispatch;

use super::chaos::Chaos;
use super::world::World;
use crate::{Effect, Need, Slice, resolve};

fn first(job: &str) -> Dispatch {
    let mut world = World::new();
    let submitted = world.accept(job.as_bytes());
    let step = world.batch(&[submitted]);
    step.dispatches().next().expect("it goes out at once").clone()
}

#[test]
fn a_message_says_what_the_task_asks_for() {
    let message = first(
        r#"{"id":"j","kind":"email.send","queue":"mail","priority":7,"timeout":"90s","heartbeat":"5s","retry":2,"input":[1]}"#,
    );
    assert_eq!(message.job.as_str(), "j");
    assert_eq!((message.kind.as_str(), message.queue.as_str(), message.priority), ("email.send", "mail", 7));
    assert_eq!((message.timeout, message.heartbeat), (Millis::from_secs(90), Some(Millis::from_secs(5))));
    assert_eq!((message.attempt, message.max_attempts, message.deliveries), (1, 3, None));
    assert_eq!((message.task.to_string().as_str(), message.input.as_slice()), ("task", &b"[1]"[..]));
}

#[test]
fn a_message_has_the_defaults_of_the_contract() {
    let message = first(r#"{"kind":"k"}"#);
    assert_eq!((message.queue.as_str(), message.priority, message.max_attempts), ("default", 4, 5));
    assert_eq!((message.timeout, message.heartbeat), (Millis::from_secs(1800), None));
    assert_eq!(message.input, b"null");
}

#[test]
fn an_open_attempt_is_watched_with_the_silence_that_its_task_allows() {
    let mut world = World::new();
    let submitted = world.accept(br#"{"tasks":{"a":{"kind":"k","heartbeat":"5s"},"b":{"kind":"k"}}}"#);
    let step = world.batch(&[submitted]);
    let silences: Vec<_> = step
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Opened { silence, .. } => Some(*silence),
            _ => None,
        })
        .collect();
    assert_eq!(silences, [Some(Millis::from_secs(5)), None]);
}

/// Loads everything that sending the message of the task again needs, and makes it anew.
fn again(world: &mut World, message: &Dispatch) -> Option<Dispatch> {
    let mut slice = Slice::new(world.limits, 1);
    world.load_for(&mut slice, Need::Message(message.ticket.task));
    resolve(&mut slice, message.ticket.task)
}

#[test]
fn a_message_that_is_made_anew_is_the_same() {
    let mut made = 0;
    for seed in 0..200 {
        let mut chaos = Chaos::new(seed);
        chaos.world.room = 1000;
        for _ in 0..20 {
            let event = chaos.event();
            let sent: Vec<Dispatch> = chaos.world.batch(&[event]).dispatches().cloned().collect();
            let open = chaos.world.open();
            for message in sent.iter().filter(|message| open.contains(&message.ticket)) {
                assert_eq!(again(&mut chaos.world, message).as_ref(), Some(message), "seed {seed}: {}", chaos.job);
                made += 1;
            }
        }
    }
    assert!(made > 200, "only {made} messages went out");
}

#[test]
fn every_attempt_has_a_ticket_of_its_own_and_attempts_count_up() {
    for seed in 0..100 {
        let mut chaos = Chaos::new(seed);
        (0..40).for_each(|_| chaos.step());
        let tickets: BTreeSet<_> = chaos.world.tickets.values().collect();
        assert_eq!(tickets.len(), chaos.world.tickets.len(), "seed {seed}");
        for (address, attempt) in chaos.world.tickets.keys().filter(|(_, attempt)| *attempt > 1) {
            let before = (address.clone(), attempt - 1);
            assert!(
                chaos.world.tickets.contains_key(&before),
                "seed {seed}: {address}#{attempt} has no attempt before"
            );
        }
    }
}

#[test]
fn every_attempt_but_the_latest_is_kept_once() {
    for seed in 0..100 {
        let mut chaos = Chaos::new(seed);
        (0..40).for_each(|_| chaos.step());
        for row in chaos.world.tasks.values().filter(|row| row.attempt > 0) {
            let kept: Vec<u32> =
                chaos.world.attempts.iter().filter(|kept| kept.task == row.no).map(|kept| kept.attempt).collect();
            let earlier: Vec<u32> = (1..row.attempt).collect();
            let with_latest: Vec<u32> = (1..=row.attempt).collect();
            assert!(kept == earlier || kept == with_latest, "seed {seed}: {kept:?} of {}", chaos.world.address(row));
        }
    }
}
