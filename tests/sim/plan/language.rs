//! Rest of the job language in many worlds: rounds, limits over a job, failures that are allowed by their code, tasks
//! that want so many successes, and work that is none.
//!
//! Dice of its own keep a world without it the same when something is added here.

use super::JobPlan;
use super::job::{Items, RepeatPlan, RunOn, TaskPlan, UntilPlan, Work};
use crate::dice::{Dice, hash};

/// Adds it to a world, unless it is one of those that have none.
pub(super) fn add(seed: u64, jobs: &mut [JobPlan]) {
    let mut dice = Dice::new(hash(&[seed, 6]));
    if dice.percent(40) {
        return;
    }
    jobs.iter_mut().for_each(|job| change(job, &mut dice));
}

fn change(job: &mut JobPlan, dice: &mut Dice) {
    job.max_parallel = dice.percent(40).then(|| dice.between(1, 3));
    for task in &mut job.tasks {
        change_task(task, dice);
        if let Work::Job(inner) = &mut task.work {
            change(inner, dice);
        }
    }
}

fn change_task(task: &mut TaskPlan, dice: &mut Dice) {
    if task.run_on == RunOn::Success && dice.percent(25) {
        task.run_on = RunOn::UnlessFailed;
    }
    if dice.percent(25) {
        task.allow_failure = false;
        task.allowed = dice.pick(&[&["oom"][..], &["flaky", "lost"], &["timed_out"], &["not_reached", "oom"]]).to_vec();
    }
    if matches!(task.work, Work::Worker) && !task.is_faulty && dice.percent(10) {
        task.is_rare = false;
        task.work = if dice.percent(60) { Work::Pass } else { Work::Fail(dice.pick::<&str>(&["oom", "nobody"])) };
    }
    let may_repeat = matches!(task.work, Work::Worker | Work::Pass | Work::Sleep(_));
    if may_repeat && dice.percent(25) {
        let of_output = matches!(task.work, Work::Worker) && dice.percent(50);
        let goal = i64::try_from(dice.below(150)).expect("small");
        task.repeat = Some(RepeatPlan {
            until: if of_output { UntilPlan::Output(goal) } else { UntilPlan::Round(dice.between(1, 4)) },
            max: dice.between(1, 4),
            delay_ms: *dice.pick(&[0, 0, 200, 3_000]),
        });
    }
    if let Some(map) = task.map.as_mut().filter(|_| dice.percent(35)) {
        let most = match &map.items {
            Items::These(numbers) => numbers.len() as u64,
            Items::OutputOf(_) => 3,
        };
        map.min_successes = (most > 0).then(|| dice.between(1, most));
        if map.min_successes.is_some() {
            map.max_failures = *dice.pick(&[0, 1, 100]);
        }
    }
}
