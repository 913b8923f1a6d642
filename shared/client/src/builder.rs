//! Writing jobs with the help of the compiler.
//!
//! ```
//! # fn main() -> Result<(), warrener_client::builder::BuildError> {
//! use warrener_client::Job;
//!
//! let mut job = Job::graph("word-count");
//! let split = job.task("split", "text.split").input(&"a b a").add();
//! let count = job.task("count", "text.count").input(&split.output("words")).retry(3).add();
//! job.task("report", "slack.post").needs([&split, &count]).run_on(warrener_client::builder::On::Done).add();
//! let document = job.build()?;
//! # Ok(())
//! # }
//! ```
//!
//! A task can only need tasks that were added before it, so a graph written this way has no cycle.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::value::RawValue;
use warrener_shared::id::{JobId, Kind, TaskName};

use crate::JobDocument;

mod object;
mod unique;

use self::object::Object;
pub use self::unique::UniqueKey;

/// Entry to the two shapes of a job.
#[derive(Clone, Copy, Debug)]
pub struct Job;

impl Job {
    /// A job of one task.
    pub fn single(kind: &str) -> Single {
        let mut problems = Vec::new();
        check(&mut problems, Kind::new(kind));
        let mut object = Object::default();
        object.set("kind", &kind);
        Single { object, problems }
    }

    /// A job of several tasks, with a name for people.
    pub fn graph(name: &str) -> Graph {
        let mut head = Object::default();
        head.set("name", &name);
        // Handles remember their graph, so that one of another graph is noticed.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Graph { number: NEXT.fetch_add(1, Ordering::Relaxed), head, tasks: Object::default(), problems: Vec::new() }
    }
}

/// Everything that is wrong with a job that was being written; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("building the job: {}", .0.join("; "))]
pub struct BuildError(pub Vec<String>);

/// Condition on the ends of a task's needs, under which it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// If none failed. The default.
    Success,
    /// If one failed.
    Failure,
    /// Always.
    Done,
    /// If none failed, even if all were skipped.
    UnlessFailed,
}

/// A job of one task being written.
#[derive(Clone, Debug)]
#[must_use = "nothing is submitted until the built document is"]
pub struct Single {
    object: Object,
    problems: Vec<String>,
}

/// A job of several tasks being written.
#[derive(Clone, Debug)]
pub struct Graph {
    number: u64,
    head: Object,
    tasks: Object,
    problems: Vec<String>,
}

/// A task being written; [`TaskBuilder::add`] adds it.
#[derive(Debug)]
#[must_use = "the task is not part of the job until it is added"]
pub struct TaskBuilder<'a> {
    graph: &'a mut Graph,
    name: String,
    object: Object,
    needs: Vec<String>,
}

/// An added task, for later ones to refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskHandle {
    graph: u64,
    name: String,
}

impl TaskHandle {
    /// The expression for a part of its output, such as `words` or `parts[0].uri`; empty for all of it. As
    /// the input of a later task it keeps its JSON type, and makes the later task need this one.
    pub fn output(&self, path: &str) -> String {
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        format!("${{{{ tasks.{}.output{dot}{path} }}}}", self.name)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Fields that both a single and a task of a graph have.
macro_rules! policy {
    () => {
        /// The input: anything that serialises to JSON.
        pub fn input(mut self, input: &(impl Serialize + ?Sized)) -> Self {
            self.set("input", input);
            self
        }

        /// The queue. Defaults to `default`.
        pub fn queue(mut self, queue: &str) -> Self {
            self.set("queue", queue);
            self
        }

        /// 0 to 9, 9 first. Defaults to 4.
        pub fn priority(mut self, priority: u8) -> Self {
            self.set("priority", &priority);
            self
        }

        /// Adds a limit of the orchestrator that counts it, beside those that select it. Each counts it once.
        pub fn limit(mut self, name: &str) -> Self {
            self.object.push("limits", &name);
            self
        }

        /// The same, where one attempt costs so much.
        pub fn limit_cost(mut self, name: &str, cost: u32) -> Self {
            self.object.push("limits", &serde_json::json!({"name": name, "cost": cost}));
            self
        }

        /// Longest time of one attempt, from the start of the work. Defaults to 30 min.
        pub fn timeout(mut self, timeout: Duration) -> Self {
            self.set("timeout", &duration(timeout));
            self
        }

        /// Longest time from ready to the first start. Defaults to for ever.
        pub fn start_within(mut self, limit: Duration) -> Self {
            self.set("start_within", &duration(limit));
            self
        }

        /// Sets the number of tries after the first. Defaults to 4.
        pub fn retry(mut self, times: u32) -> Self {
            self.set("retry", &times);
            self
        }

        /// Any other field of the job format, such as `retry` as an object.
        pub fn field(mut self, name: &str, value: &(impl Serialize + ?Sized)) -> Self {
            self.set(name, value);
            self
        }
    };
}

impl Single {
    policy!();

    /// Makes the submit idempotent: the same id and content is the same job.
    pub fn id(mut self, id: &str) -> Self {
        check(&mut self.problems, JobId::new(id));
        self.set("id", id);
        self
    }

    /// A name for people.
    pub fn name(mut self, name: &str) -> Self {
        self.set("name", name);
        self
    }

    /// The finished document.
    ///
    /// # Errors
    /// Everything that is wrong with it as far as it can be seen here.
    pub fn build(self) -> Result<JobDocument, BuildError> {
        finish(&self.object, self.problems)
    }

    fn set(&mut self, field: &str, value: &(impl Serialize + ?Sized)) {
        set(&mut self.object, &mut self.problems, field, value);
    }
}

impl Graph {
    /// Begins a task. Its name must be new, its kind picks a handler.
    pub fn task(&mut self, name: &str, kind: &str) -> TaskBuilder<'_> {
        check(&mut self.problems, TaskName::new(name));
        check(&mut self.problems, Kind::new(kind));
        if self.tasks.has(name) {
            self.problems.push(format!("two tasks are named {name}"));
        }
        let mut object = Object::default();
        object.set("kind", &kind);
        TaskBuilder { graph: self, name: name.to_owned(), object, needs: Vec::new() }
    }

    /// Makes the submit idempotent: the same id and content is the same job.
    pub fn id(&mut self, id: &str) -> &mut Self {
        check(&mut self.problems, JobId::new(id));
        self.field("id", id)
    }

    /// Sets the value that expressions see as `input`.
    pub fn input(&mut self, input: &(impl Serialize + ?Sized)) -> &mut Self {
        self.field("input", input)
    }

    /// The job's output, in which strings may be expressions. Defaults to the outputs of the tasks nobody needs.
    pub fn output(&mut self, output: &(impl Serialize + ?Sized)) -> &mut Self {
        self.field("output", output)
    }

    /// A label for finding the job again.
    pub fn label(&mut self, name: &str, value: &str) -> &mut Self {
        self.head.set_inside("labels", name, &value);
        self
    }

    /// The most attempts of the job that may be open at once, those of items included. Defaults to no bound.
    pub fn max_parallel(&mut self, most: u32) -> &mut Self {
        self.field("max_parallel", &most)
    }

    /// Longest time from the start of the job to its end. Defaults to for ever.
    pub fn deadline(&mut self, limit: Duration) -> &mut Self {
        self.field("deadline", &duration(limit))
    }

    /// Any other field of the job format, such as `defaults`.
    pub fn field(&mut self, name: &str, value: &(impl Serialize + ?Sized)) -> &mut Self {
        set(&mut self.head, &mut self.problems, name, value);
        self
    }

    /// The finished document.
    ///
    /// # Errors
    /// Everything that is wrong with it as far as it can be seen here.
    pub fn build(mut self) -> Result<JobDocument, BuildError> {
        if self.tasks.is_empty() {
            self.problems.push("a graph needs at least one task".to_owned());
        }
        self.head.set("tasks", &self.tasks);
        finish(&self.head, self.problems)
    }
}

impl TaskBuilder<'_> {
    policy!();

    /// Waits for these tasks. Tasks whose outputs its input, `if` or `for_each` names are needed anyway.
    pub fn needs<'t>(mut self, tasks: impl IntoIterator<Item = &'t TaskHandle>) -> Self {
        for task in tasks {
            if task.graph != self.graph.number {
                self.graph
                    .problems
                    .push(format!("{} needs {}, which is a task of another graph", self.name, task.name));
            }
            if !self.needs.contains(&task.name) {
                self.needs.push(task.name.clone());
            }
        }
        self
    }

    /// Sets the condition on the ends of its needs, under which the task runs. Defaults to [`On::Success`].
    pub fn run_on(mut self, on: On) -> Self {
        self.set("run_on", &on);
        self
    }

    /// Runs only if this expression is true.
    pub fn when(mut self, expression: &str) -> Self {
        self.set("if", expression);
        self
    }

    /// Makes an item for each element: of a list, of an expression that gives one, or of the object form.
    pub fn for_each(mut self, elements: &(impl Serialize + ?Sized)) -> Self {
        self.set("for_each", elements);
        self
    }

    /// Rounds of the task, or of each of its items, until this expression of `output` and `round` is true: at most so
    /// many, with a delay between them. Its input may use `previous` and `round`.
    pub fn repeat(mut self, until: &str, max: u32, delay: Duration) -> Self {
        self.set("repeat", &serde_json::json!({"until": until, "max": max, "delay": duration(delay)}));
        self
    }

    /// Lets the job succeed even if this task does not.
    pub fn allow_failure(mut self) -> Self {
        self.set("allow_failure", &true);
        self
    }

    /// The same for failures with one of these codes alone.
    pub fn allow_failures<'c>(mut self, codes: impl IntoIterator<Item = &'c str>) -> Self {
        let codes: Vec<_> = codes.into_iter().collect();
        self.set("allow_failure", &codes);
        self
    }

    /// Longest silence of the worker. Defaults to not watching.
    pub fn heartbeat(mut self, silence: Duration) -> Self {
        self.set("heartbeat", &duration(silence));
        self
    }

    /// Adds the task to the job.
    pub fn add(mut self) -> TaskHandle {
        if !self.needs.is_empty() {
            let needs = std::mem::take(&mut self.needs);
            self.set("needs", &needs);
        }
        self.graph.tasks.set(&self.name, &self.object);
        TaskHandle { graph: self.graph.number, name: self.name }
    }

    fn set(&mut self, field: &str, value: &(impl Serialize + ?Sized)) {
        set(&mut self.object, &mut self.graph.problems, field, value);
    }
}

fn set(object: &mut Object, problems: &mut Vec<String>, field: &str, value: &(impl Serialize + ?Sized)) {
    match serde_json::value::to_raw_value(value) {
        Ok(raw) => object.set_raw(field, raw),
        Err(error) => problems.push(format!("{field} is no JSON: {error}")),
    }
}

fn check<T>(problems: &mut Vec<String>, name: Result<T, warrener_shared::id::InvalidName>) {
    problems.extend(name.err().map(|error| error.to_string()));
}

fn finish(object: &Object, problems: Vec<String>) -> Result<JobDocument, BuildError> {
    if !problems.is_empty() {
        return Err(BuildError(problems));
    }
    let raw: Box<RawValue> = serde_json::value::to_raw_value(object).expect("an object of JSON values is JSON");
    Ok(JobDocument::from_json(String::from(Box::<str>::from(raw))).expect("it was just written as an object"))
}

/// Writes a duration as the job format does; parts of a millisecond are dropped.
fn duration(span: Duration) -> String {
    format!("{}ms", span.as_millis())
}

#[cfg(test)]
mod tests;
