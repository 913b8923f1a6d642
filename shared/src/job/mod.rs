//! The parsing of submitted documents into graphs that are known to be sound.
//!
//! A [`JobSpec`] that exists is valid: names are well formed, every need exists, the graph has no cycle,
//! every expression compiles, every limit holds.

pub mod built_in;
mod by_name;
mod content;
mod duration;
mod elsewhere;
pub(crate) mod field;
mod for_each;
mod graph;
mod head;
mod locate;
pub(crate) mod outline;
mod parse;
mod policy;
pub(crate) mod problem;
mod publish;
pub(crate) mod raw;
mod task;
mod task_names;
mod template_rules;
mod templates;
mod unique;
mod walk;
#[cfg(feature = "yaml")]
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::built_in::BuiltIn;
use self::by_name::ByName;
pub use self::content::canonical_content;
pub use self::duration::{DurationError, parse_duration, parse_seconds};
#[cfg(feature = "schedule")]
pub(crate) use self::head::read_time;
pub use self::locate::locate;
pub use self::parse::{SubmitContext, parse};
#[cfg(feature = "schedule")]
pub(crate) use self::parse::{check_job, document, duplicate_keys};
pub(crate) use self::problem::quoted;
pub use self::problem::{Problem, code};
#[cfg(feature = "schedule")]
pub(crate) use self::task::report as report_expressions;
pub use self::templates::JobTemplates;
pub use self::unique::{OnConflict, Unique, Until};
pub(crate) use self::walk::push_step;
use crate::expr::{Condition, Template};
use crate::id::{JobId, Kind, LimitName, QueueName, TaskName};
use crate::json::Doc;
use crate::retry::RetryPolicy;
use crate::time::{Millis, Timestamp};

/// Shape of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `{kind, input?, …policy}`: one task, named `task`; its output is the job's.
    Single,
    /// `{tasks: {name: task}}`.
    Graph,
}

/// Start of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At once.
    Now,
    /// So long after it was accepted.
    Delay(Millis),
    /// At this time, or at once if it has passed.
    At(Timestamp),
}

impl Start {
    /// Start of a job that is accepted now; `None` if at once.
    pub fn later_than(self, now: Timestamp) -> Option<Timestamp> {
        let at = match self {
            Self::Now => return None,
            Self::Delay(delay) => now + delay,
            Self::At(at) => at,
        };
        (at > now).then_some(at)
    }
}

/// A job as submitted, known to be sound.
#[derive(Clone, Debug)]
pub struct JobSpec {
    /// Shape of the job.
    pub shape: Shape,
    /// The id that the client chose.
    pub id: Option<JobId>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels for finding it again.
    pub labels: BTreeMap<String, String>,
    /// Value that expressions see as `input`; `null` without. Of a single, the input of its task.
    pub input: Doc,
    /// Start of the job.
    pub start: Start,
    /// Longest time from its start to its end; `None` is for ever.
    pub deadline: Option<Millis>,
    /// The key that it holds alone; `None` without.
    pub unique: Option<Unique>,
    /// True if a failure that counts stops the rest. Defaults to true.
    pub fail_fast: bool,
    /// The most attempts of it that may be open at once, those of items included; `None` is no bound.
    pub max_parallel: Option<u32>,
    /// The tasks in the order in which they are written. A single has one, named `task`.
    pub tasks: Vec<TaskSpec>,
    /// The job's output; `None` takes the outputs of the tasks nobody needs.
    pub output: Option<Template>,
    /// The jobs that its tasks run by name.
    pub templates: JobTemplates,
    by_name: ByName,
}

impl JobSpec {
    /// The position of the task with this name.
    pub fn position(&self, name: &str) -> Option<u32> {
        self.by_name.find(&self.tasks, name)
    }

    /// The problem with a job whose queues are more than there may be, given those that are known. Queues stay at the
    /// broker for good, so whoever may submit must not make any number of them.
    pub fn too_many_queues(&self, known: &BTreeSet<QueueName>, most: usize) -> Option<Problem> {
        // A job names no more queues than it has tasks: far from the limit nobody counts.
        if known.len() + self.tasks.len() <= most {
            return None;
        }
        let new: BTreeSet<&QueueName> =
            self.tasks.iter().map(|task| &task.policy.queue).filter(|queue| !known.contains(*queue)).collect();
        let first = new.first().filter(|_| known.len() + new.len() > most)?;
        let count = known.len();
        Some(Problem {
            pointer: String::new(),
            code: "too_many".to_owned(),
            detail: format!("the queue {first} is new, and there are {count} of at most {most} (limits.queues)"),
            hint: Some("use a queue that exists, or raise limits.queues".to_owned()),
        })
    }

    /// The problem with a task that names a limit which is not `known`.
    pub fn unknown_limit(&self, known: impl Fn(&LimitName) -> bool) -> Option<Problem> {
        let named = self.tasks.iter().flat_map(|task| task.policy.limits.iter().map(move |limit| (task, &limit.name)));
        let (task, name) = named.into_iter().find(|(_, name)| !known(name))?;
        let is_single = self.shape == Shape::Single;
        let pointer = if is_single { "/limits".to_owned() } else { format!("/tasks/{}/limits", task.name) };
        Some(Problem {
            pointer,
            code: code::UNKNOWN_NAME.to_owned(),
            detail: format!("there is no limit {name}"),
            hint: Some("limits stand in the configuration, or are made by `warrener limit set`".to_owned()),
        })
    }

    /// Roughly the bytes of memory that it takes, having been parsed from a document of so many: for whoever keeps
    /// some and has a bound. The document alone would say a tenth of it, where a job has many small tasks.
    pub fn footprint(&self, document: usize) -> usize {
        document + JOB_FOOTPRINT + self.tasks.len() * TASK_FOOTPRINT
    }
}

/// Bytes that a job takes in memory beside its document and its tasks.
const JOB_FOOTPRINT: usize = 512;
/// Bytes that a task takes in memory beside its part of the document: measured with chains and stars of 100,000 tasks,
/// each of which refers to another one (a task with a literal input takes half).
const TASK_FOOTPRINT: usize = 544;

/// Condition on the ends of a task's needs, under which it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunOn {
    /// If none failed, and there are none or at least one is ok.
    #[default]
    Success,
    /// If one failed.
    Failure,
    /// Always.
    Done,
    /// If none failed, even if none is ok.
    UnlessFailed,
}

/// Failures of a task that count as ok.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AllowFailure {
    /// None.
    #[default]
    None,
    /// All.
    All,
    /// Failures with one of these codes.
    Codes(Box<[String]>),
}

impl AllowFailure {
    /// Tells if a failure with this code counts as ok.
    pub fn covers(&self, code: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Codes(codes) => codes.iter().any(|allowed| allowed == code),
        }
    }
}

/// A task of a job.
#[derive(Clone, Debug)]
pub struct TaskSpec {
    /// Name of the task.
    pub name: TaskName,
    /// Kind of the work.
    pub kind: Kind,
    /// Input of the task; `None` is `null`. Of a single, and of literal inputs, without expressions.
    pub input: Option<Template>,
    /// Positions of the tasks it waits for, implied ones included, ascending, each once.
    pub needs: Vec<u32>,
    /// Positions of the tasks that wait for it, ascending, each once.
    pub dependents: Vec<u32>,
    /// Judged once its needs hold; false skips it.
    pub condition: Option<Condition>,
    /// Defaults to success.
    pub run_on: RunOn,
    /// Failures of it that count as ok.
    pub allow_failure: AllowFailure,
    /// Makes it a mapped task.
    pub for_each: Option<Box<ForEach>>,
    /// Rounds of it, or of each of its items, until a condition holds.
    pub repeat: Option<Box<Repeat>>,
    /// Description for people.
    pub description: Option<String>,
    /// Labels for finding it again.
    pub labels: BTreeMap<String, String>,
    /// Queue, priority, clocks and retries, merged with the job's defaults.
    pub policy: Arc<Policy>,
}

impl TaskSpec {
    /// The most items of a mapped task that may be open at once; `None` is no bound.
    pub fn max_parallel(&self) -> Option<u32> {
        self.for_each.as_ref().and_then(|each| each.max_parallel)
    }
}

/// Rules of queueing, timing and retrying a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Defaults to `default`.
    pub queue: QueueName,
    /// 0 to 9, 9 first. Defaults to 4.
    pub priority: u8,
    /// Longest time of one attempt, from the start of the work. Defaults to 30 min; `None` is for ever
    /// (built-in kinds only).
    pub timeout: Option<Millis>,
    /// Longest silence of the worker; `None` does not watch.
    pub heartbeat: Option<Millis>,
    /// Longest wait from ready to the first start; `None` is for ever.
    pub start_within: Option<Millis>,
    /// Rules of trying it again.
    pub retry: RetryPolicy,
    /// Limits that count it beside those that select it, at most 8, each once.
    pub limits: Box<[LimitUse]>,
}

/// Wish of a task to be counted by a limit that would not select it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LimitUse {
    /// The limit.
    pub name: LimitName,
    /// Cost of one attempt in place of the limit's own `cost`; 0 to 1,000,000,000.
    pub cost: Option<u32>,
}

/// Expansion of a task into an item for each element.
#[derive(Clone, Debug)]
pub struct ForEach {
    /// Source of the elements.
    pub source: Source,
    /// Number of items that may be open at once; `None` is all.
    pub max_parallel: Option<u32>,
    /// Number of items that may end unsuccessful. Defaults to 0, or with `min_successes` to as many as leave enough.
    pub max_failures: MaxFailures,
    /// Number of successful items that are enough, at least 1; the others are cancelled then. `None` waits for all.
    pub min_successes: Option<u32>,
}

impl ForEach {
    /// Tells if so many unsuccessful items of `total` are more than allowed, or leave too few that may succeed.
    pub fn is_spent(&self, failed: u32, total: u32) -> bool {
        let too_few = self.min_successes.is_some_and(|least| total.saturating_sub(failed) < least);
        too_few || self.max_failures.is_exceeded(failed, total)
    }

    /// Tells if so many successful items are enough.
    pub fn is_enough(&self, succeeded: u32) -> bool {
        self.min_successes.is_some_and(|least| succeeded >= least)
    }
}

/// Rounds of a task until a condition holds.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Condition that is judged after each success.
    pub until: Condition,
    /// Largest number of rounds, 1 to 10,000.
    pub max: u32,
    /// Time from the end of a round to the beginning of the next.
    pub delay: Millis,
}

/// Source of the elements of a `for_each`.
#[derive(Clone, Debug)]
pub enum Source {
    /// An expression that gives a list, or a literal list whose strings may hold expressions.
    Items(Template),
    /// The product of the axes, last fastest, without the excluded combinations.
    Matrix {
        /// Axes in the order written; each template gives a list.
        axes: Vec<(String, Template)>,
        /// A list of objects; a combination that agrees with all given values is dropped.
        exclude: Option<Template>,
    },
}

/// Number of items that may end unsuccessful.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxFailures {
    /// So many.
    Count(u32),
    /// Share of the total in percent, unrounded.
    Percent(u8),
}

impl MaxFailures {
    /// Tells whether `failed` items of `total` are more than allowed.
    pub fn is_exceeded(self, failed: u32, total: u32) -> bool {
        match self {
            Self::Count(most) => failed > most,
            Self::Percent(share) => u64::from(failed) * 100 > u64::from(share) * u64::from(total),
        }
    }
}
