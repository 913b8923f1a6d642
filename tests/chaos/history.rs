//! Histories as seen from outside: what clients sent, what workers did, and what the product says became of it. Nothing
//! of them is made by code of the product.

use std::collections::{BTreeMap, HashSet};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::shapes::Shape;

/// History of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// Jobs by id.
    pub(crate) sent: BTreeMap<String, Sent>,
    /// Runs of tasks by workers, in no order.
    pub(crate) runs: Vec<Run>,
    /// Ends of jobs, as read when each was first seen to be final.
    pub(crate) ends: BTreeMap<String, End>,
    /// The messages `job.finished` that came.
    pub(crate) answers: Vec<Finished>,
    /// States by id as listed in the very end.
    pub(crate) listed: BTreeMap<String, String>,
    /// Dead letters of tasks, by job.
    pub(crate) dead: Vec<(String, String)>,
    /// Set if every answer must have come: the broker kept its data.
    pub(crate) must_answer: bool,
    /// Time of the first fault, in nanoseconds since 1970.
    pub(crate) calm_until: u64,
}

/// A job that a client submitted.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) shape: Shape,
    /// First time, in nanoseconds since 1970.
    pub(crate) at: u64,
    /// Time at which it was first said to be accepted, in nanoseconds since 1970.
    pub(crate) accepted: Option<u64>,
    /// Set if its client waits for `job.finished`.
    pub(crate) asks: bool,
}

/// Run of a task, as the worker wrote it down: its begin before it did anything, its end before it reported.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) job: String,
    /// Address of the task or item.
    pub(crate) task: String,
    /// A word that no other run has, and that its output carries.
    pub(crate) run: String,
    pub(crate) began: u64,
    /// End, as its time and its way; none if there was none.
    pub(crate) ended: Option<(u64, Ending)>,
    /// The runs whose outputs its input carries.
    pub(crate) up: Vec<String>,
}

/// Ways in which a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Gave,
    Failed,
}

/// Final job, as the product tells it.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) state: String,
    pub(crate) tasks: Vec<TaskEnd>,
    pub(crate) events: Vec<Event>,
}

/// Task or item of a final job, as the product tells it.
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

    /// Jobs sent before this moment, in nanoseconds since 1970, of which nobody said that they are final.
    pub(crate) fn open_at(&self, moment: u64) -> Vec<String> {
        let told: HashSet<_> = self.answers.iter().map(|answer| answer.job.as_str()).collect();
        let is_open = |id: &str| !self.ends.contains_key(id) && !told.contains(id);
        let open = self.sent.iter().filter(|(id, sent)| sent.at <= moment && is_open(id));
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Jobs whose end was not read yet: those that may have ended unsaid first, then those that were said to have.
    pub(crate) fn unread(&self, now: u64) -> Vec<String> {
        let told: HashSet<_> = self.answers.iter().map(|answer| answer.job.as_str()).collect();
        let (mut unsaid, mut said) = (Vec::new(), Vec::new());
        for (id, sent) in self.sent.iter().filter(|(id, _)| !self.ends.contains_key(*id)) {
            let patience = if sent.asks { TELLING } else { YOUNG };
            match (told.contains(id.as_str()), now.saturating_sub(sent.at) > patience) {
                (true, _) => said.push(id.clone()),
                (false, true) => unsaid.push(id.clone()),
                (false, false) => {}
            }
        }
        unsaid.truncate(UNSAID);
        unsaid.extend(said);
        unsaid
    }
}

/// Nanoseconds before a job is asked after whose end is told to nobody.
const YOUNG: u64 = 400_000_000;
/// Nanoseconds before a job is asked after whose client waits to be told of its end.
const TELLING: u64 = 10_000_000_000;
/// Jobs that may have ended unsaid that are asked after in one round.
const UNSAID: usize = 60;

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
