//! What many worlds have beside the plain: built-in tasks, inputs that fail, events, and single tasks by hand.
//!
//! It has dice of its own, so that a world without it stays the same when something is added here.

use super::{EventPlan, JobPlan, Place, Wish, Work};
use crate::dice::{Dice, hash};
use crate::plan::KEYS;

/// Adds it to a world, unless it is one of those that have none.
pub(super) fn add(seed: u64, jobs: &mut [JobPlan], wishes: &mut Vec<(u64, Wish)>, safety_ms: u64) {
    let mut dice = Dice::new(hash(&[seed, 4]));
    if dice.percent(30) {
        return;
    }
    for job in jobs.iter_mut() {
        change_tasks(job, seed, &mut dice);
    }
    by_hand(jobs, wishes, safety_ms, &mut dice);
    answers(jobs, wishes, safety_ms, &mut dice);
}

fn change_tasks(job: &mut JobPlan, seed: u64, dice: &mut Dice) {
    let secret = job.secret;
    for (place, task) in (0..).zip(&mut job.tasks) {
        task.is_faulty = dice.percent(5);
        if !dice.percent(25) {
            continue;
        }
        task.is_rare = false;
        task.is_faulty = false;
        // Whether there is a time limit, for what ends by itself; an answer may never come.
        let limited = dice.percent(50);
        task.work = match dice.below(3) {
            0 => Work::Sleep(*dice.pick(&[1, 500, 3_000, 9_000])),
            1 => Work::Wait(dice.index(KEYS)),
            _ => Work::Job(Box::new(inner(hash(&[seed, secret, place]), dice))),
        };
        task.is_limited = limited || matches!(task.work, Work::Wait(_));
    }
}

/// A job inside of a job.
fn inner(secret: u64, dice: &mut Dice) -> JobPlan {
    let mut job = JobPlan::new(secret, 0, dice);
    job.tasks.truncate(3);
    job.unique = None;
    job
}

/// Single tasks are tried again or left out; some while their job or queue is held.
fn by_hand(jobs: &[JobPlan], wishes: &mut Vec<(u64, Wish)>, safety_ms: u64, dice: &mut Dice) {
    for _ in 0..*dice.pick(&[0, 1, 2, 4]) {
        let job = dice.index(jobs.len());
        let task = dice.index(jobs[job].tasks.len());
        let is_mapped = jobs[job].tasks[task].map.is_some();
        let item = (is_mapped && dice.percent(60)).then(|| u32::try_from(dice.below(4)).expect("small"));
        let place = Place { job, task, item };
        let at = if dice.percent(50) { dice.below(safety_ms) } else { dice.below(6_000) };
        if dice.percent(20) {
            let held = match dice.below(2) {
                0 => [Wish::Pause(job, true), Wish::Pause(job, false)],
                _ => [true, false].map(|yes| Wish::PauseQueue(jobs[job].tasks[task].queue, yes)),
            };
            wishes.push((at.saturating_sub(dice.below(3_000)), held[0]));
            wishes.push((at + dice.below(3_000), held[1]));
        }
        wishes.push((at, if dice.percent(50) { Wish::Skip(place) } else { Wish::RetryTask(place) }));
    }
}

/// Somebody answers what tasks wait for, too early or too late as it happens.
fn answers(jobs: &[JobPlan], wishes: &mut Vec<(u64, Wish)>, safety_ms: u64, dice: &mut Dice) {
    let waits = jobs.iter().flat_map(|job| &job.tasks).any(|task| matches!(task.work, Work::Wait(_)));
    let many = if waits { dice.between(1, 5) } else { u64::from(dice.percent(5)) };
    for number in 0..many {
        let at = if dice.percent(60) { dice.below(15_000) } else { dice.below(safety_ms) };
        let event = EventPlan { key: dice.index(KEYS), payload: 1_000 + number, by_message: dice.percent(50) };
        wishes.push((at, Wish::Event(event)));
    }
}
