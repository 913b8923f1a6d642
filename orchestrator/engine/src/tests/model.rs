//! A second engine, written from the contract alone and without regard to cost: it must agree with the first.
//!
//! It knows needs, `run_on`, `if`, `allow_failure`, `fail_fast`, cancel, the deadline and the output of the job. It
//! looks at all tasks again and again until nothing changes, and follows needs by recursion.

use warrener_shared::error::ErrorObject;
use warrener_shared::id::Ticket;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Millis;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::random::Random;
use super::world::World;
use crate::Event;
use crate::event::Reported;

/// Jobs that both engines play.
const SEEDS: u64 = 1500;
/// The deadline of every job; passed only if the script says so.
const DEADLINE_SECS: u64 = 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Running,
    Succeeded,
    Failed,
    TimedOut,
    Cancelled,
    /// By `run_on` or `if`.
    SkippedByRule,
    /// Because of a need that failed.
    SkippedUpstream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunOn {
    Success,
    Failure,
    Done,
}

#[derive(Clone, Copy, Debug)]
enum If {
    Always,
    Never,
    /// If this need succeeded.
    Succeeded(usize),
}

#[derive(Clone, Debug)]
struct Task {
    needs: Vec<usize>,
    run_on: RunOn,
    condition: If,
    allow_failure: bool,
    /// How it ends if it runs.
    ends: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Cancel,
    Deadline,
}

#[derive(Clone, Debug)]
struct Model {
    tasks: Vec<Task>,
    states: Vec<State>,
    fail_fast: bool,
    failing: bool,
    stops: Vec<Stop>,
}

impl State {
    fn is_final(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    fn word(self) -> TaskState {
        match self {
            Self::Waiting => TaskState::Waiting,
            Self::Running => TaskState::Dispatched,
            Self::Succeeded => TaskState::Succeeded,
            Self::Failed => TaskState::Failed,
            Self::TimedOut => TaskState::TimedOut,
            Self::Cancelled => TaskState::Cancelled,
            Self::SkippedByRule | Self::SkippedUpstream => TaskState::Skipped,
        }
    }
}

/// The rules.
impl Model {
    fn is_ok(&self, at: usize) -> bool {
        let failed = matches!(self.states[at], State::Failed | State::TimedOut);
        self.states[at] == State::Succeeded || (failed && self.tasks[at].allow_failure)
    }

    fn is_failed(&self, at: usize) -> bool {
        let failed = matches!(self.states[at], State::Failed | State::TimedOut) && !self.tasks[at].allow_failure;
        failed || matches!(self.states[at], State::Cancelled | State::SkippedUpstream)
    }

    fn is_below(&self, at: usize, other: usize) -> bool {
        self.tasks[at].needs.iter().any(|need| *need == other || self.is_below(*need, other))
    }

    fn is_in_k(&self, at: usize) -> bool {
        let handles = |at: usize| self.tasks[at].run_on != RunOn::Success;
        handles(at) || (0..self.tasks.len()).any(|other| handles(other) && self.is_below(at, other))
    }

    fn judge(&self, at: usize) -> State {
        let task = &self.tasks[at];
        let failed = task.needs.iter().any(|need| self.is_failed(*need));
        let ok = task.needs.iter().any(|need| self.is_ok(*need));
        match task.run_on {
            RunOn::Success if failed => return State::SkippedUpstream,
            RunOn::Success if !task.needs.is_empty() && !ok => return State::SkippedByRule,
            RunOn::Failure if !failed => return State::SkippedByRule,
            _ => {}
        }
        let holds = match task.condition {
            If::Always => true,
            If::Never => false,
            If::Succeeded(need) => self.states[need] == State::Succeeded,
        };
        if holds { State::Running } else { State::SkippedByRule }
    }

    fn settle(&mut self) {
        while let Some(at) = (0..self.tasks.len()).find(|at| {
            let needs_over = self.tasks[*at].needs.iter().all(|need| self.states[*need].is_final());
            self.states[*at] == State::Waiting && needs_over
        }) {
            self.states[at] = self.judge(at);
        }
    }

    fn end(&mut self, at: usize) {
        self.states[at] = self.tasks[at].ends;
        let counts = self.is_failed(at);
        if counts && self.fail_fast && !self.failing && self.stops.is_empty() {
            self.failing = true;
            for other in (0..self.tasks.len()).filter(|other| !self.is_in_k(*other)).collect::<Vec<_>>() {
                if !self.states[other].is_final() {
                    let below = self.is_below(other, at);
                    self.states[other] = if below { State::SkippedUpstream } else { State::Cancelled };
                }
            }
        }
        self.settle();
    }

    fn stop(&mut self, stop: Stop) {
        if stop == Stop::Deadline && !self.stops.is_empty() {
            return;
        }
        self.stops.push(stop);
        for at in 0..self.tasks.len() {
            let spared = self.tasks[at].run_on == RunOn::Done && self.stops.len() == 1;
            if !self.states[at].is_final() && !spared {
                self.states[at] = State::Cancelled;
            }
        }
        self.settle();
    }

    fn is_over(&self) -> bool {
        self.states.iter().all(|state| state.is_final())
    }

    fn job_state(&self) -> JobState {
        let counts = |at: usize| matches!(self.states[at], State::Failed | State::TimedOut) && self.is_failed(at);
        match self.stops.first() {
            _ if !self.is_over() => JobState::Running,
            _ if (0..self.tasks.len()).any(counts) => JobState::Failed,
            Some(Stop::Deadline) => JobState::TimedOut,
            Some(Stop::Cancel) => JobState::Cancelled,
            None => JobState::Succeeded,
        }
    }

    fn output(&self) -> Option<String> {
        let is_needed = |at: &usize| self.tasks.iter().any(|task| task.needs.contains(at));
        let output = |at: usize| match self.states[at] {
            State::Succeeded => format!(r#""t{at}":{at}"#),
            _ => format!(r#""t{at}":null"#),
        };
        let outputs: Vec<_> = (0..self.tasks.len()).filter(|at| !is_needed(at)).map(output).collect();
        (self.job_state() == JobState::Succeeded).then(|| format!("{{{}}}", outputs.join(",")))
    }
}

/// Making jobs.
impl Model {
    fn new(random: &mut Random) -> Self {
        let count = usize::try_from(1 + random.below(9)).unwrap();
        let tasks: Vec<Task> = (0..count).map(|at| Task::new(random, at)).collect();
        let states = vec![State::Waiting; count];
        let mut model = Self { tasks, states, fail_fast: random.percent(60), failing: false, stops: Vec::new() };
        model.settle();
        model
    }

    fn json(&self) -> String {
        let tasks: Vec<_> =
            self.tasks.iter().enumerate().map(|(at, task)| format!(r#""t{at}":{}"#, task.json())).collect();
        let fail_fast = self.fail_fast;
        format!(
            r#"{{"deadline":{DEADLINE_SECS},"fail_fast":{fail_fast},"defaults":{{"retry":0}},"tasks":{{{}}}}}"#,
            tasks.join(",")
        )
    }
}

impl Task {
    fn new(random: &mut Random, at: usize) -> Self {
        let needs: Vec<usize> = (0..at).filter(|_| random.percent(30)).collect();
        let condition = match random.below(10) {
            0 => If::Never,
            1 | 2 if !needs.is_empty() => If::Succeeded(*random.pick(&needs)),
            _ => If::Always,
        };
        Self {
            run_on: *random.pick(&[RunOn::Success, RunOn::Success, RunOn::Success, RunOn::Failure, RunOn::Done]),
            condition,
            allow_failure: random.percent(25),
            ends: *random.pick(&[State::Succeeded, State::Succeeded, State::Succeeded, State::Failed, State::TimedOut]),
            needs,
        }
    }

    fn json(&self) -> String {
        let needs: Vec<String> = self.needs.iter().map(|need| format!(r#""t{need}""#)).collect();
        let run_on = match self.run_on {
            RunOn::Success => "success",
            RunOn::Failure => "failure",
            RunOn::Done => "done",
        };
        let condition = match self.condition {
            If::Always => "true".to_owned(),
            If::Never => "false".to_owned(),
            If::Succeeded(need) => format!("tasks.t{need}.status == 'succeeded'"),
        };
        let allow = self.allow_failure;
        format!(
            r#"{{"kind":"k","needs":[{}],"run_on":"{run_on}","if":"{condition}","allow_failure":{allow}}}"#,
            needs.join(",")
        )
    }
}

/// The real engine, led by the same script.
fn report(world: &mut World, model: &Model, at: usize) -> Event {
    let row = world.find(&format!("t{at}"));
    let ticket: Ticket = row.ticket();
    let failed = |code| Report::Failed { error: ErrorObject::new(code, "it broke"), retry: RetryAdvice::Policy };
    let report = match model.tasks[at].ends {
        State::Failed => failed("oom"),
        State::TimedOut => failed("timed_out"),
        _ => Report::Succeeded { output: at.to_string().into_bytes() },
    };
    Event::Reported(Reported { ticket, report, worker: None, interrupted: false })
}

fn compare(world: &World, model: &Model, what: &str) {
    let job = world.jobs.values().next().unwrap();
    let states: Vec<TaskState> = world.tasks_of(job).iter().map(|row| row.state).collect();
    let expected: Vec<TaskState> = model.states.iter().map(|state| state.word()).collect();
    assert_eq!(states, expected, "{what}: tasks of {}\n{model:#?}", model.json());
    assert_eq!(job.state, model.job_state(), "{what}: the job {}\n{model:#?}", model.json());
    let output = job.output.as_deref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert_eq!(output, model.output(), "{what}: the output of {}", model.json());
}

#[test]
fn a_naive_engine_agrees() {
    let mut seen = [false; 4];
    for seed in 0..SEEDS {
        let mut random = Random::new(seed);
        let mut model = Model::new(&mut random);
        let mut world = World::new();
        let submitted = world.accept(model.json().as_bytes());
        world.batch(&[submitted]);
        compare(&world, &model, &format!("seed {seed}, submit"));
        while !model.is_over() {
            let running: Vec<usize> = (0..model.tasks.len()).filter(|at| model.states[*at] == State::Running).collect();
            let event = match random.below(20) {
                0 => {
                    model.stop(Stop::Cancel);
                    vec![Event::CancelRequested(*world.jobs.keys().next().unwrap())]
                }
                1 => {
                    model.stop(Stop::Deadline);
                    world.at(Millis::from_secs(DEADLINE_SECS));
                    vec![]
                }
                _ => {
                    let at = *random.pick(&running);
                    let event = report(&mut world, &model, at);
                    model.end(at);
                    vec![event]
                }
            };
            world.batch(&event);
            compare(&world, &model, &format!("seed {seed}, {event:?}"));
        }
        let ends = [JobState::Succeeded, JobState::Failed, JobState::TimedOut, JobState::Cancelled];
        seen[ends.iter().position(|state| *state == model.job_state()).unwrap()] = true;
    }
    assert_eq!(seen, [true; 4], "every end of a job is reached");
}
