//! Jobs as plain data: as JSON for the orchestrator, and as what the judges compare with.

use serde_json::{Map, Value, json};

use crate::dice::{Dice, hash};

/// A job.
#[derive(Clone, Debug)]
pub(crate) struct JobPlan {
    pub(crate) id: String,
    pub(crate) secret: u64,
    pub(crate) tasks: Vec<TaskPlan>,
    pub(crate) fail_fast: bool,
    pub(crate) deadline_s: Option<u64>,
    pub(crate) delay_s: Option<u64>,
    /// Attempts that may be open at once.
    pub(crate) max_parallel: Option<u64>,
    /// The key of `unique`, with what happens if it is held.
    pub(crate) unique: Option<&'static str>,
    pub(crate) via: Via,
    /// When it is submitted.
    pub(crate) at_ms: u64,
    pub(crate) is_left_out: bool,
}

/// How a job is submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    Http,
    Amqp,
}

/// When a task runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunOn {
    Success,
    Failure,
    Done,
    UnlessFailed,
}

/// What `if` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum If {
    Always,
    Never,
    /// If this need succeeded.
    Succeeded(usize),
}

/// A task of a graph, by the places of others.
#[derive(Clone, Debug)]
pub(crate) struct TaskPlan {
    pub(crate) needs: Vec<usize>,
    pub(crate) run_on: RunOn,
    pub(crate) condition: If,
    pub(crate) allow_failure: bool,
    /// Codes of failures that are allowed.
    pub(crate) allowed: Vec<&'static str>,
    pub(crate) repeat: Option<RepeatPlan>,
    pub(crate) number: i64,
    pub(crate) map: Option<MapPlan>,
    pub(crate) work: Work,
    /// Its input cannot be evaluated.
    pub(crate) is_faulty: bool,
    pub(crate) queue: usize,
    pub(crate) is_rare: bool,
    pub(crate) priority: u64,
    pub(crate) attempts: u64,
    pub(crate) retry_ms: u64,
    pub(crate) timeout_s: u64,
    /// Whether the time limit is given: a built-in task has none otherwise.
    pub(crate) is_limited: bool,
    pub(crate) heartbeat_s: Option<u64>,
    pub(crate) start_within_s: Option<u64>,
}

/// Who does the work of a task.
#[derive(Clone, Debug)]
pub(crate) enum Work {
    Worker,
    /// The orchestrator, for so many milliseconds.
    Sleep(u64),
    /// Whoever answers for this key.
    Wait(usize),
    /// The tasks of a job of its own.
    Job(Box<JobPlan>),
    /// Nobody: its input is its output.
    Pass,
    /// Nobody: it fails with this code.
    Fail(&'static str),
}

/// Rounds of a task or item.
#[derive(Clone, Debug)]
pub(crate) struct RepeatPlan {
    pub(crate) until: UntilPlan,
    pub(crate) max: u64,
    pub(crate) delay_ms: u64,
}

/// When rounds are enough.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UntilPlan {
    /// In this round.
    Round(u64),
    /// Once the output, a number, is so large.
    Output(i64),
}

impl UntilPlan {
    /// Whether a round that came to this output is enough.
    pub(crate) fn holds(self, round: u64, output: &Value) -> bool {
        match self {
            Self::Round(least) => round >= least,
            Self::Output(least) => output.as_i64().is_some_and(|output| output >= least),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Round(least) => format!("round >= {least}"),
            Self::Output(least) => format!("output >= {least}"),
        }
    }
}

impl Work {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Worker => "the work",
            Self::Sleep(_) => "the sleep",
            Self::Wait(_) => "the wait",
            Self::Job(_) => "the job",
            Self::Pass => "the pass",
            Self::Fail(_) => "the failure",
        }
    }
}

/// A mapped task.
#[derive(Clone, Debug)]
pub(crate) struct MapPlan {
    pub(crate) items: Items,
    pub(crate) max_parallel: Option<u64>,
    pub(crate) max_failures: u64,
    pub(crate) min_successes: Option<u64>,
}

/// What a task is mapped over.
#[derive(Clone, Debug)]
pub(crate) enum Items {
    These(Vec<i64>),
    /// The output of a mapped task.
    OutputOf(usize),
}

impl JobPlan {
    pub(crate) fn new(seed: u64, at: u64, dice: &mut Dice) -> Self {
        let count = if dice.percent(25) { 1 } else { dice.between(2, 6) };
        let mut tasks: Vec<TaskPlan> = Vec::new();
        for place in 0..count {
            let place = usize::try_from(place).expect("a few");
            let task = TaskPlan::new(place, &tasks, dice);
            tasks.push(task);
        }
        Self {
            id: format!("j{at}"),
            secret: hash(&[seed, at]),
            tasks,
            fail_fast: dice.percent(60),
            deadline_s: dice.percent(15).then(|| dice.between(5, 60)),
            max_parallel: None,
            delay_s: dice.percent(10).then(|| dice.between(1, 10)),
            unique: dice.percent(10).then(|| *dice.pick(&["reject", "return_existing", "cancel_existing"])),
            via: *dice.pick(&[Via::Http, Via::Amqp, Via::Amqp]),
            at_ms: dice.below(5_000),
            is_left_out: false,
        }
    }

    pub(crate) fn json(&self) -> Value {
        let tasks: Map<String, Value> =
            self.tasks.iter().enumerate().map(|(place, task)| (name(place), task.json())).collect();
        let mut job = json!({"id": self.id, "name": "top", "fail_fast": self.fail_fast, "tasks": tasks});
        if let Some(seconds) = self.deadline_s {
            job["deadline"] = json!(seconds);
        }
        if let Some(seconds) = self.delay_s {
            job["delay"] = json!(seconds);
        }
        if let Some(most) = self.max_parallel {
            job["max_parallel"] = json!(most);
        }
        if let Some(conflict) = self.unique {
            job["unique"] = json!({"key": "k", "on_conflict": conflict});
        }
        job
    }
}

/// The name of the task at a place.
pub(crate) fn name(place: usize) -> String {
    format!("t{place}")
}

impl TaskPlan {
    fn new(place: usize, before: &[Self], dice: &mut Dice) -> Self {
        let needs: Vec<usize> = (0..place).filter(|_| dice.percent(40)).collect();
        let condition = match dice.below(10) {
            0 => If::Never,
            1 | 2 if !needs.is_empty() => If::Succeeded(*dice.pick(&needs)),
            _ => If::Always,
        };
        let map = dice.percent(25).then(|| MapPlan::new(&needs, before, dice));
        Self {
            run_on: *dice.pick(&[RunOn::Success, RunOn::Success, RunOn::Success, RunOn::Failure, RunOn::Done]),
            condition,
            allow_failure: dice.percent(25),
            allowed: Vec::new(),
            repeat: None,
            number: i64::try_from(dice.below(100)).expect("small"),
            map,
            work: Work::Worker,
            is_faulty: false,
            queue: usize::from(dice.percent(30)),
            is_rare: dice.percent(5),
            priority: dice.below(10),
            attempts: dice.between(1, 4),
            retry_ms: *dice.pick(&[0, 100, 1_000, 4_000]),
            timeout_s: *dice.pick(&[2, 8, 30, 60]),
            is_limited: true,
            heartbeat_s: dice.percent(20).then(|| dice.between(3, 15)),
            start_within_s: dice.percent(8).then(|| dice.between(1, 30)),
            needs,
        }
    }

    fn json(&self) -> Value {
        let needs: Vec<String> = self.needs.iter().map(|need| name(*need)).collect();
        let condition = match self.condition {
            If::Always => "true".to_owned(),
            If::Never => "false".to_owned(),
            If::Succeeded(need) => format!("tasks.{}.status == 'succeeded'", name(need)),
        };
        let mut task = json!({
            "kind": self.kind(),
            "queue": queue_name(self.queue),
            "needs": needs,
            "run_on": match self.run_on {
                RunOn::Success => "success", RunOn::Failure => "failure", RunOn::Done => "done",
                RunOn::UnlessFailed => "unless_failed",
            },
            "if": condition,
            "allow_failure": if self.allowed.is_empty() { json!(self.allow_failure) } else { json!(self.allowed) },
            "input": self.input(&needs),
            "priority": self.priority,
            "retry": {"max_attempts": self.attempts, "backoff": "fixed", "delay": format!("{}ms", self.retry_ms)},
        });
        if self.is_limited {
            task["timeout"] = json!(self.timeout_s);
        }
        if let Some(seconds) = self.heartbeat_s {
            task["heartbeat"] = json!(seconds);
        }
        if let Some(seconds) = self.start_within_s {
            task["start_within"] = json!(seconds);
        }
        if let Some(map) = &self.map {
            task["for_each"] = map.json();
        }
        if let Some(repeat) = &self.repeat {
            let delay = format!("{}ms", repeat.delay_ms);
            task["repeat"] = json!({"until": repeat.until.text(), "max": repeat.max, "delay": delay});
        }
        task
    }

    const fn kind(&self) -> &'static str {
        match self.work {
            Work::Worker if self.is_rare => "rare",
            Work::Worker => "work",
            Work::Sleep(_) => "warrener.sleep",
            Work::Wait(_) => "warrener.wait",
            Work::Job(_) => "warrener.job",
            Work::Pass => "warrener.pass",
            Work::Fail(_) => "warrener.fail",
        }
    }

    fn input(&self, needs: &[String]) -> Value {
        let outputs: Vec<String> = needs.iter().map(|need| format!("${{{{ tasks.{need}.output }}}}")).collect();
        match &self.work {
            Work::Sleep(ms) => return json!({"for": format!("{ms}ms")}),
            Work::Wait(key) => return json!({"event": EVENT, "key": key_name(*key)}),
            Work::Job(job) => {
                let mut job = job.json();
                let parts = job.as_object_mut().expect("a job is an object");
                parts.remove("id");
                // Nor a name, by which a limit would count it beside the job that waits for it.
                parts.remove("name");
                return json!({"job": literal(job)});
            }
            Work::Fail(code) => return json!({"code": code}),
            Work::Worker | Work::Pass => {}
        }
        let mut input = json!({"n": self.number, "needs": outputs});
        if self.map.is_some() {
            input["item"] = json!("${{ item }}");
            input["index"] = json!("${{ index }}");
        }
        if self.repeat.is_some() {
            input["previous"] = json!("${{ previous }}");
            input["round"] = json!("${{ round }}");
        }
        if self.is_faulty {
            input["bad"] = json!("${{ input.missing }}");
        }
        input
    }

    /// Whether the orchestrator works on it itself.
    pub(crate) const fn is_built_in(&self) -> bool {
        !matches!(self.work, Work::Worker)
    }
}

impl MapPlan {
    fn new(needs: &[usize], before: &[TaskPlan], dice: &mut Dice) -> Self {
        let mapped: Vec<usize> = needs.iter().copied().filter(|need| before[*need].map.is_some()).collect();
        let items = if !mapped.is_empty() && dice.percent(50) {
            Items::OutputOf(*dice.pick(&mapped))
        } else {
            Items::These((0..dice.below(6)).map(|_| i64::try_from(dice.below(50)).expect("small")).collect())
        };
        let max_parallel = dice.percent(40).then(|| dice.between(1, 3));
        Self { items, max_parallel, max_failures: *dice.pick(&[0, 0, 1, 5]), min_successes: None }
    }

    fn json(&self) -> Value {
        let items = match &self.items {
            Items::These(numbers) => json!(numbers),
            Items::OutputOf(need) => json!(format!("${{{{ tasks.{}.output }}}}", name(*need))),
        };
        let mut each = json!({"items": items, "max_failures": self.max_failures});
        if let Some(most) = self.max_parallel {
            each["max_parallel"] = json!(most);
        }
        if let Some(least) = self.min_successes {
            each["min_successes"] = json!(least);
        }
        each
    }
}

/// Text whose expressions are for somebody else.
fn literal(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace("${{", "$${{")),
        Value::Array(list) => list.into_iter().map(literal).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, literal(value))).collect(),
        other => other,
    }
}

/// The event that tasks wait for.
pub(crate) const EVENT: &str = "answer";

/// The name of a key.
pub(crate) fn key_name(key: usize) -> String {
    format!("k{key}")
}

/// The name of a queue.
pub(crate) fn queue_name(queue: usize) -> String {
    format!("q{queue}")
}

/// How an attempt goes if nobody stops it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Succeeds,
    /// With a code, and what it says of another try.
    Fails(&'static str, Option<bool>),
    /// It takes its worker with it.
    Crashes,
}

/// How long an attempt takes, and how it ends: the same whenever and wherever it is worked on.
pub(crate) fn conduct(secret: u64, task: u64, index: Option<u32>, attempt: u32) -> (u64, Ending) {
    let mut dice = Dice::new(hash(&[secret, task, index.map_or(0, |index| u64::from(index) + 1)]));
    let temper = dice.below(100);
    let mut dice = Dice::new(hash(&[dice.next(), u64::from(attempt)]));
    let duration = match dice.below(20) {
        0..=12 => dice.between(1, 400),
        13..=16 => dice.between(400, 4_000),
        17 | 18 => dice.between(4_000, 20_000),
        _ => dice.between(20_000, 70_000),
    };
    let ending = match temper {
        // A poison task.
        0..=2 => Ending::Crashes,
        // One that fails always, often, or seldom.
        3..=12 => failure(&mut dice),
        13..=25 if dice.percent(50) => failure(&mut dice),
        _ if dice.percent(4) => failure(&mut dice),
        _ => Ending::Succeeds,
    };
    (duration, ending)
}

fn failure(dice: &mut Dice) -> Ending {
    let code = if dice.percent(50) { "oom" } else { "flaky" };
    Ending::Fails(code, *dice.pick(&[None, None, Some(true), Some(false)]))
}
