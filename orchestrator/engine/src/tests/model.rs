//! A second engine, written from the contract alone and without regard to cost: it must agree with the first.
//!
//! It knows needs, `run_on`, `if`, `allow_failure`, `fail_fast`, `max_parallel`, rounds, work that is none, cancel, the
//! deadline and the output of the job. It looks at all tasks again and again until nothing changes, and follows needs
//! by recursion.

use warrener_shared::error::ErrorObject;
use warrener_shared::id::Ticket;
use warrener_shared::state::{JobState, TaskState};
use warrener_shared::time::Millis;
use warrener_shared::wire::result::{Report, RetryAdvice};

use super::random::Random;
use super::world::World;
use crate::Event;
use crate::event::Reported;
use crate::row::TaskRow;

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
    UnlessFailed,
}

/// Which failures are allowed.
#[derive(Clone, Copy, Debug)]
enum Allowed {
    None,
    All,
    Code(&'static str),
}

/// Who works on a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Worker,
    Pass,
    Fail,
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
    allowed: Allowed,
    work: Work,
    /// Rounds that it takes, and how many it may take.
    rounds: (u32, u32),
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
    /// Why each failed that did.
    codes: Vec<&'static str>,
    /// Rounds of each that are over.
    rounds: Vec<u32>,
    max_parallel: Option<usize>,
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
    fn is_allowed(&self, at: usize) -> bool {
        match self.tasks[at].allowed {
            Allowed::None => false,
            Allowed::All => true,
            Allowed::Code(code) => code == self.codes[at],
        }
    }

    fn is_ok(&self, at: usize) -> bool {
        let failed = matches!(self.states[at], State::Failed | State::TimedOut);
        self.states[at] == State::Succeeded || (failed && self.is_allowed(at))
    }

    fn is_failed(&self, at: usize) -> bool {
        let failed = matches!(self.states[at], State::Failed | State::TimedOut) && !self.is_allowed(at);
        failed || matches!(self.states[at], State::Cancelled | State::SkippedUpstream)
    }

    fn is_below(&self, at: usize, other: usize) -> bool {
        self.tasks[at].needs.iter().any(|need| *need == other || self.is_below(*need, other))
    }

    fn is_in_k(&self, at: usize) -> bool {
        let handles = |at: usize| matches!(self.tasks[at].run_on, RunOn::Failure | RunOn::Done);
        handles(at) || (0..self.tasks.len()).any(|other| handles(other) && self.is_below(at, other))
    }

    fn judge(&self, at: usize) -> State {
        let task = &self.tasks[at];
        let failed = task.needs.iter().any(|need| self.is_failed(*need));
        let ok = task.needs.iter().any(|need| self.is_ok(*need));
        match task.run_on {
            RunOn::Success | RunOn::UnlessFailed if failed => return State::SkippedUpstream,
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

    /// Ends tasks that take no worker, all that may begin before those that become possible by that.
    fn work_on(&mut self) {
        loop {
            let own: Vec<_> = (0..self.tasks.len())
                .filter(|at| self.states[*at] == State::Running && self.tasks[*at].work != Work::Worker)
                .collect();
            if own.is_empty() {
                return;
            }
            for at in own {
                if self.states[at] == State::Running {
                    let fails = self.tasks[at].work == Work::Fail;
                    self.finish(at, if fails { State::Failed } else { State::Succeeded }, "oom");
                }
            }
        }
    }

    /// A worker's attempt ended as its task is to end.
    fn end(&mut self, at: usize) {
        let (ends, (rounds, most)) = (self.tasks[at].ends, self.tasks[at].rounds);
        match ends {
            State::Succeeded => {
                self.rounds[at] += 1;
                match self.rounds[at] {
                    done if done >= rounds => self.finish(at, State::Succeeded, ""),
                    done if done >= most => self.finish(at, State::Failed, "not_reached"),
                    _ => {}
                }
            }
            State::TimedOut => self.finish(at, ends, "timed_out"),
            _ => self.finish(at, ends, "oom"),
        }
        self.work_on();
    }

    fn finish(&mut self, at: usize, state: State, code: &'static str) {
        self.states[at] = state;
        self.codes[at] = code;
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
        self.work_on();
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
        let mut tasks: Vec<Task> = (0..count).map(|at| Task::new(random, at)).collect();
        let max_parallel = random.percent(30).then(|| usize::try_from(1 + random.below(3)).unwrap());
        if max_parallel.is_some() {
            // When work that is none gets its turn among the others is a matter of order, which this engine has none of.
            tasks.iter_mut().for_each(|task| task.work = Work::Worker);
        }
        let states = vec![State::Waiting; count];
        let mut model = Self {
            tasks,
            states,
            codes: vec![""; count],
            rounds: vec![0; count],
            max_parallel,
            fail_fast: random.percent(60),
            failing: false,
            stops: Vec::new(),
        };
        model.settle();
        model.work_on();
        model
    }

    fn json(&self) -> String {
        let tasks: Vec<_> =
            self.tasks.iter().enumerate().map(|(at, task)| format!(r#""t{at}":{}"#, task.json(at))).collect();
        let fail_fast = self.fail_fast;
        let parallel = self.max_parallel.map_or_else(String::new, |most| format!(r#""max_parallel":{most},"#));
        format!(
            r#"{{{parallel}"deadline":{DEADLINE_SECS},"fail_fast":{fail_fast},"defaults":{{"retry":0}},"tasks":{{{}}}}}"#,
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
            run_on: *random.pick(&[
                RunOn::Success,
                RunOn::Success,
                RunOn::Success,
                RunOn::Failure,
                RunOn::Done,
                RunOn::UnlessFailed,
            ]),
            condition,
            allowed: match random.below(8) {
                0 => Allowed::All,
                1 => Allowed::Code("oom"),
                2 => Allowed::Code("timed_out"),
                3 => Allowed::Code("not_reached"),
                _ => Allowed::None,
            },
            work: *random.pick(&[Work::Worker, Work::Worker, Work::Worker, Work::Worker, Work::Pass, Work::Fail]),
            rounds: *random.pick(&[(1, 1), (1, 1), (1, 3), (2, 3), (3, 3), (3, 2)]),
            ends: *random.pick(&[State::Succeeded, State::Succeeded, State::Succeeded, State::Failed, State::TimedOut]),
            needs,
        }
    }

    fn json(&self, at: usize) -> String {
        let needs: Vec<String> = self.needs.iter().map(|need| format!(r#""t{need}""#)).collect();
        let run_on = match self.run_on {
            RunOn::Success => "success",
            RunOn::Failure => "failure",
            RunOn::Done => "done",
            RunOn::UnlessFailed => "unless_failed",
        };
        let condition = match self.condition {
            If::Always => "true".to_owned(),
            If::Never => "false".to_owned(),
            If::Succeeded(need) => format!("tasks.t{need}.status == 'succeeded'"),
        };
        let allow = match self.allowed {
            Allowed::None => "false".to_owned(),
            Allowed::All => "true".to_owned(),
            Allowed::Code(code) => format!(r#"["{code}"]"#),
        };
        let work = match self.work {
            Work::Worker if self.rounds == (1, 1) => r#""kind":"k""#.to_owned(),
            Work::Worker => {
                let (rounds, most) = self.rounds;
                format!(r#""kind":"k","repeat":{{"until":"round == {rounds}","max":{most}}}"#)
            }
            Work::Pass => format!(r#""kind":"warrener.pass","input":{at}"#),
            Work::Fail => r#""kind":"warrener.fail","input":{"code":"oom"}"#.to_owned(),
        };
        format!(
            r#"{{{work},"needs":[{}],"run_on":"{run_on}","if":"{condition}","allow_failure":{allow}}}"#,
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
    Event::Reported(Reported { ticket, report, worker: None, interrupted: false, cost: None })
}

fn compare(world: &World, model: &Model, what: &str) {
    let job = world.jobs.values().next().unwrap();
    let rows = world.tasks_of(job);
    // Of what may run, as many are open as may be at once.
    let is_ready = |row: &&TaskRow| row.state == TaskState::Ready;
    let (ready, open) = (rows.iter().filter(is_ready).count(), rows.iter().filter(|r| r.dispatch_no.is_some()).count());
    let most = model.max_parallel.unwrap_or(usize::MAX);
    assert!(open <= most && (ready == 0 || open == most), "{what}: {open} are open, {ready} ready, {most} may be open");
    let stands = |row: &TaskRow| if row.state == TaskState::Ready { TaskState::Dispatched } else { row.state };
    let states: Vec<TaskState> = rows.iter().map(stands).collect();
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
            let is_open = |at: &usize| world.find(&format!("t{at}")).dispatch_no.is_some();
            let running: Vec<usize> = (0..model.tasks.len()).filter(is_open).collect();
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
