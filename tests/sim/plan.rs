//! What a seed stands for: the jobs, what people do to them, the workers, and which faults there are.

mod extra;
mod faults;
mod job;
mod language;
mod limit;

pub(crate) use self::faults::{FAULTS, Fault, Faults};
pub(crate) use self::job::{
    EVENT, Ending, If, Items, JobPlan, RunOn, TaskPlan, Via, Work, conduct, key_name, name, queue_name,
};
pub(crate) use self::limit::LimitPlan;
use crate::dice::Dice;

/// Everything that is decided before the world begins.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) jobs: Vec<JobPlan>,
    /// When, and what is asked for.
    pub(crate) wishes: Vec<(u64, Wish)>,
    pub(crate) workers: Vec<WorkerPlan>,
    pub(crate) faults: Faults,
    /// A limit on the work of each queue.
    pub(crate) limit: Option<LimitPlan>,
    /// Jobs that may have begun and not be over at once, sub-jobs apart.
    pub(crate) jobs_at_once: Option<usize>,
    /// How long faults go on, in milliseconds.
    pub(crate) safety_ms: u64,
    /// Longest way of a frame, in milliseconds.
    pub(crate) latency_ms: u64,
}

/// What a person asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wish {
    Cancel(usize),
    Pause(usize, bool),
    Retry(usize),
    PauseQueue(usize, bool),
    RetryTask(Place),
    Skip(Place),
    Event(EventPlan),
    Drain(usize),
    Submit(usize),
}

/// A task or an item of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) job: usize,
    pub(crate) task: usize,
    pub(crate) item: Option<u32>,
}

/// An answer to whatever waits for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventPlan {
    pub(crate) key: usize,
    /// Of no other answer.
    pub(crate) payload: u64,
    /// By a message to the submit queue, rather than over HTTP.
    pub(crate) by_message: bool,
}

/// A worker process, which is started again whenever it ends.
#[derive(Clone, Debug)]
pub(crate) struct WorkerPlan {
    pub(crate) slots: usize,
    /// Queues by number.
    pub(crate) queues: Vec<usize>,
    /// Whether it knows the rare kind.
    pub(crate) knows_rare: bool,
}

/// How many queues there are.
pub(crate) const QUEUES: usize = 2;
/// How many keys tasks wait for.
pub(crate) const KEYS: usize = 2;
/// After this many milliseconds an attempt is claimed.
pub(crate) const CLAIM_AFTER_MS: u64 = 6_000;

/// What is left out of a seed to find out what matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Without {
    pub(crate) faults: Vec<String>,
    pub(crate) jobs: Vec<usize>,
    pub(crate) wishes: bool,
    pub(crate) extras: bool,
    pub(crate) language: bool,
    pub(crate) limit: bool,
}

impl Plan {
    pub(crate) fn new(seed: u64, without: &Without) -> Self {
        let mut dice = Dice::new(seed);
        let safety_ms = *dice.pick(&[15_000, 30_000, 60_000]);
        let count = dice.between(1, 3);
        let mut jobs: Vec<JobPlan> = (0..count).map(|at| JobPlan::new(seed, at, &mut dice)).collect();
        let mut wishes = wishes(&mut dice, jobs.len(), safety_ms);
        let workers = (0..dice.between(1, 3)).map(|at| worker(at, &mut dice)).collect();
        let mut faults = Faults::new(&mut dice);
        let latency_ms = *dice.pick(&[2, 20, 300]);
        if !without.extras {
            extra::add(seed, &mut jobs, &mut wishes, safety_ms);
            faults.add_rare(seed);
        }
        if !without.language {
            language::add(seed, &mut jobs);
        }
        faults.leave_out(&without.faults);
        for at in &without.jobs {
            jobs[*at].is_left_out = true;
        }
        if without.wishes {
            wishes.clear();
        }
        wishes.extend(jobs.iter().enumerate().map(|(at, job)| (job.at_ms, Wish::Submit(at))));
        let limit = LimitPlan::of(seed).filter(|_| !without.limit);
        let jobs_at_once = limit::jobs_at_once(seed).filter(|_| !without.limit);
        Self { seed, jobs, wishes, workers, faults, limit, jobs_at_once, safety_ms, latency_ms }
    }
}

fn wishes(dice: &mut Dice, jobs: usize, safety_ms: u64) -> Vec<(u64, Wish)> {
    if dice.percent(40) {
        return Vec::new();
    }
    let count = dice.between(1, 5);
    (0..count)
        .map(|_| {
            let job = dice.index(jobs);
            let wish = match dice.below(12) {
                0..=2 => Wish::Cancel(job),
                3 | 4 => Wish::Pause(job, dice.percent(60)),
                5..=7 => Wish::Retry(job),
                8 | 9 => Wish::PauseQueue(dice.index(QUEUES), dice.percent(50)),
                _ => Wish::Drain(dice.index(3)),
            };
            (dice.below(safety_ms), wish)
        })
        .collect()
}

fn worker(at: u64, dice: &mut Dice) -> WorkerPlan {
    // The first serves everything, so that every task can be worked on in the end.
    let queues = if at == 0 || dice.percent(50) { (0..QUEUES).collect() } else { vec![dice.index(QUEUES)] };
    WorkerPlan { slots: *dice.pick(&[1, 2, 4]), queues, knows_rare: at == 0 || dice.percent(30) }
}
