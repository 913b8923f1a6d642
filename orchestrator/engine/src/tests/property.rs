//! What holds whatever happens. Each failure names its seed; the same seed fails again.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use warrener_shared::id::TaskNo;

use super::chaos::Chaos;
use super::world::World;
use crate::Event;

/// Jobs that each property is tried with.
const SEEDS: u64 = 300;
/// Things that happen to each of them.
const STEPS: usize = 30;

fn for_each_seed(property: impl Fn(&mut Chaos)) {
    for seed in 0..SEEDS {
        let mut chaos = Chaos::new(seed);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| property(&mut chaos))) {
            eprintln!("seed {seed}: {}", chaos.job);
            resume_unwind(panic);
        }
    }
}

/// Whether two worlds keep the same: rows, attempts and events.
fn is_same(one: &World, other: &World) -> bool {
    let log = |world: &World| format!("{:?}", world.log);
    let rows = one.jobs == other.jobs && one.tasks == other.tasks && one.attempts == other.attempts;
    rows && log(one) == log(other)
}

#[track_caller]
fn assert_same(one: &World, other: &World, what: &str) {
    if !is_same(one, other) {
        let all = |world: &World| format!("{:#?}\n{:#?}\n{:#?}", world.jobs, world.tasks, world.attempts);
        let (left, right) = (all(one), all(other));
        let differs = left.lines().zip(right.lines()).find(|(left, right)| left != right);
        panic!("{what}: {differs:?}\n{}\n---\n{}", one.glance(), other.glance());
    }
}

#[test]
fn rows_never_contradict_each_other_and_every_job_ends() {
    for_each_seed(|chaos| {
        // The world looks at the rows after every batch.
        (0..STEPS).for_each(|_| chaos.step());
        chaos.finish();
    });
}

#[test]
fn a_job_ends_once() {
    for_each_seed(|chaos| {
        chaos.finish();
        let job = chaos.job_no();
        let before = chaos.world.clone();
        let tickets: Vec<_> = chaos.world.tickets.values().copied().collect();
        let mut events = vec![Event::JobDue(job), Event::CancelRequested(job), Event::PauseRequested(job, true)];
        events.extend(tickets.iter().flat_map(|ticket| [Event::Silent(*ticket), Event::TaskDue(ticket.task)]));
        events.extend(chaos.world.tasks.keys().map(|task| Event::RoomFor(*task, 9)));
        chaos.world.batch(&events);
        assert_same(&before, &chaos.world, "after its end");
    });
}

#[test]
fn what_comes_twice_changes_nothing_the_second_time() {
    for_each_seed(|chaos| {
        for _ in 0..STEPS {
            let event = chaos.event();
            chaos.world.batch(std::slice::from_ref(&event));
            chaos.settle();
            // A second cancel stops more than the first, and whoever cancels a retried job may retry it again.
            if !matches!(event, Event::CancelRequested(_) | Event::RetryRequested(_)) {
                let before = chaos.world.clone();
                chaos.world.batch(std::slice::from_ref(&event));
                assert_same(&before, &chaos.world, &format!("{event:?} twice"));
            }
            if chaos.random.percent(20) {
                chaos.world.wait();
                chaos.settle();
            }
        }
    });
}

#[test]
fn looking_at_clocks_too_early_changes_nothing() {
    for_each_seed(|chaos| {
        for _ in 0..STEPS {
            chaos.step();
            chaos.settle();
            let before = chaos.world.clone();
            let all: Vec<TaskNo> = chaos.world.tasks.keys().copied().collect();
            let mut looks: Vec<Event> = all.into_iter().map(Event::TaskDue).collect();
            looks.push(Event::JobDue(chaos.job_no()));
            chaos.world.batch(&looks);
            assert_same(&before, &chaos.world, "early");
        }
    });
}

#[test]
fn one_by_one_is_the_same_as_in_a_batch() {
    for_each_seed(|chaos| {
        for _ in 0..STEPS {
            chaos.step();
            chaos.settle();
            // What has room goes out at the end of a batch, and timers come last, so neither may come between.
            let room = std::mem::replace(&mut chaos.world.room, 0);
            let events: Vec<Event> = (0..2 + chaos.random.below(4)).map(|_| chaos.event()).collect();
            let mut batch = chaos.world.clone();
            batch.batch(&events);
            events.iter().for_each(|event| drop(chaos.world.batch(std::slice::from_ref(event))));
            assert_same(&chaos.world, &batch, &format!("{events:#?}"));
            chaos.world.room = room;
        }
    });
}
