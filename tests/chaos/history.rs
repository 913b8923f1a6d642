//! What was seen from outside: what clients sent, what workers did, and what the product says became of it. Nothing of
//! it is made by code of the product.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::shapes::Shape;

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Jobs by id.
    pub(crate) sent: BTreeMap<String, Sent>,
    /// What workers did, in no order.
    pub(crate) runs: Vec<Run>,
    /// What became of jobs, as read when each was first seen to be final.
    pub(crate) ends: BTreeMap<String, End>,
    /// The messages `job.finished` that came.
    pub(crate) answers: Vec<Finished>,
    /// States by id as listed in the very end.
    pub(crate) listed: BTreeMap<String, String>,
    /// Dead letters of tasks, by job.
    pub(crate) dead: Vec<(String, String)>,
    /// Whether every answer must have come: the broker kept its data.
    pub(crate) must_answer: bool,
    /// When the first fault was made, in nanoseconds since 1970.
    pub(crate) calm_until: u64,
}

/// A job that a client submitted.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) shape: Shape,
    /// First time, in nanoseconds since 1970.
    pub(crate) at: u64,
    /// When it was first said to be accepted.
    pub(crate) accepted: Option<u64>,
    /// Whether its client waits for `job.finished`.
    pub(crate) asks: bool,
}

/// One run of a task, as the worker wrote it down: its begin before it did anything, its end before it reported.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) job: String,
    /// Address of the task or item.
    pub(crate) task: String,
    /// A word that no other run has, and that its output carries.
    pub(crate) run: String,
    pub(crate) began: u64,
    /// When it ended and how, if it did.
    pub(crate) ended: Option<(u64, Ending)>,
    /// The runs whose outputs its input carries.
    pub(crate) up: Vec<String>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Gave,
    Failed,
}

/// What the product says of a job that is final.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) state: String,
    pub(crate) tasks: Vec<TaskEnd>,
    pub(crate) events: Vec<Event>,
}

/// What it says of a task or item.
#[derive(Clone, Debug)]
pub(crate) struct TaskEnd {
    /// Address.
    pub(crate) task: String,
    pub(crate) state: String,
    /// The word of the run whose output was recorded; `None` if there is no output, or none of a worker.
    pub(crate) run: Option<String>,
}

/// An event of a job.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) sequence: u64,
    /// Address of the task or item, empty if it is about the job.
    pub(crate) task: String,
    pub(crate) state: String,
}

/// A message `job.finished`.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) job: String,
    pub(crate) state: String,
}

impl History {
    /// Jobs that were accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.sent.values().filter(|sent| sent.accepted.is_some()).count()
    }

    /// Tasks and items of the jobs that are known to be final.
    pub(crate) fn tasks(&self) -> usize {
        self.ends.values().map(|end| end.tasks.len()).sum()
    }

    /// Jobs sent before this moment, in nanoseconds since 1970, that are not known to be final.
    pub(crate) fn open_at(&self, moment: u64) -> Vec<String> {
        let open = self.sent.iter().filter(|(id, sent)| sent.at <= moment && !self.ends.contains_key(*id));
        open.map(|(id, _)| id.clone()).collect()
    }
}

/// The address of a task or item.
pub(crate) fn address(task: &Value, index: &Value) -> String {
    let task = task.as_str().unwrap_or_default();
    index.as_u64().map_or_else(|| task.to_owned(), |index| format!("{task}.{index}"))
}

/// All words of runs in a document, in order.
pub(crate) fn words(document: &Value) -> Vec<String> {
    match document {
        Value::String(word) => vec![word.clone()],
        Value::Array(all) => all.iter().flat_map(words).collect(),
        Value::Object(fields) => fields.get("run").map(words).unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// Now, in nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
