//! Reach marks: which transitions and rules were met, and which faults struck while tasks were in which states.

use std::collections::BTreeMap;

use warrener_shared::state::{JobState, TaskState};

use crate::plan::{FAULTS, Fault};

/// Counts of what was met.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reach {
    pub(crate) tasks: BTreeMap<(TaskState, TaskState), u64>,
    pub(crate) jobs: BTreeMap<(JobState, JobState), u64>,
    rules: BTreeMap<&'static str, u64>,
    /// Faults that struck while a task was in a state.
    pub(crate) pairs: BTreeMap<(Fault, TaskState), u64>,
}

impl Reach {
    /// A rule was met.
    pub(crate) fn rule(&mut self, name: &str) {
        if let Some(count) = self.rules.get_mut(name) {
            *count += 1;
        } else if let Some(known) = RULES.iter().find(|known| **known == name) {
            self.rules.insert(known, 1);
        } else {
            panic!("no rule has the name {name:?}");
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        fn sum<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
            from.into_iter().for_each(|(key, count)| *into.entry(key).or_default() += count);
        }
        sum(&mut self.tasks, other.tasks);
        sum(&mut self.jobs, other.jobs);
        sum(&mut self.rules, other.rules);
        sum(&mut self.pairs, other.pairs);
    }

    /// Everything that can be met, with its count.
    pub(crate) fn table(&self) -> Vec<(String, u64)> {
        let mut lines = Vec::new();
        for (from, to) in rows(JobState::TRANSITIONS) {
            lines.push((format!("job {from} → {to}"), self.jobs.get(&(from, to)).copied().unwrap_or(0)));
        }
        for (from, to) in rows(TaskState::TRANSITIONS) {
            lines.push((format!("task {from} → {to}"), self.tasks.get(&(from, to)).copied().unwrap_or(0)));
        }
        for name in RULES {
            lines.push(((*name).to_owned(), self.rules.get(name).copied().unwrap_or(0)));
        }
        for (fault, name) in FAULTS {
            for state in TaskState::ALL {
                lines.push((format!("{name} × {state}"), self.pairs.get(&(*fault, *state)).copied().unwrap_or(0)));
            }
        }
        lines
    }

    /// Shows the table, and what of it was never met.
    pub(crate) fn show(&self) {
        let table = self.table();
        table.iter().for_each(|(name, count)| println!("{count:>12}  {name}"));
        for (name, why) in EXCLUDED {
            println!("{:>12}  {name}: {why}", "excluded");
        }
        let never: Vec<&str> = table.iter().filter(|(_, count)| *count == 0).map(|(name, _)| name.as_str()).collect();
        println!("met: {} of {}", table.len() - never.len(), table.len());
        println!("never met: {}", if never.is_empty() { "nothing".to_owned() } else { never.join("; ") });
    }
}

fn rows<S: Copy>(table: &[(S, &str, S)]) -> Vec<(S, S)> {
    table.iter().map(|(from, _, to)| (*from, *to)).collect()
}

/// What a rule or a part of one shows to whoever looks from outside.
const RULES: &[&str] = &[
    "a job becomes rows",
    "a sub-job becomes rows",
    "a job is submitted again",
    "a job is refused",
    "unique: reject",
    "unique: return_existing",
    "unique: cancel_existing",
    "stopped: before its start",
    "stopped: by cancel",
    "stopped: by a second cancel",
    "stopped: by its deadline",
    "stopped: by cancel after its deadline",
    "runs after a stop: run_on done",
    "runs: run_on failure",
    "skipped: run_on or if does not hold",
    "skipped: a need failed",
    "skipped: a task by hand",
    "skipped: an item by hand",
    "fail_fast stops the rest",
    "items: the list is empty",
    "items: too many failures",
    "items: a failure is tolerated",
    "items: wait for their turn again",
    "items: not started in time",
    "the list of items fails",
    "an input fails",
    "not started in time",
    "report: succeeded",
    "report: failed",
    "report: released",
    "report: released as suspect",
    "report: released, the kind is unknown",
    "report: claimed",
    "report: progress",
    "report: of a closed attempt",
    "seen at work by a heartbeat",
    "seen to have left its queue",
    "attempt closed: succeeded",
    "attempt closed: failed",
    "attempt closed: timed_out",
    "attempt closed: lost",
    "attempt closed: cancelled",
    "attempt closed: released",
    "ended: timed out by the worker",
    "ended: timed out by the orchestrator",
    "ended: lost",
    "ended: crashed",
    "a round follows another",
    "rounds are enough",
    "rounds are not enough",
    "a job has as many open attempts as it may",
    "a limit is full",
    "a limit on jobs is full",
    "a pass succeeds",
    "a failure of the job's own",
    "a sleep ends",
    "a wait is answered",
    "a wait is not answered in time",
    "a sub-job succeeds",
    "a sub-job fails",
    "a sub-job is out of time",
    "a sub-job is stopped with its task",
    "another attempt of a built-in task",
    "asked: cancel, done",
    "asked: cancel, refused",
    "asked: cancel, nothing there",
    "asked: pause, done",
    "asked: pause, refused",
    "asked: pause, nothing there",
    "asked: resume, done",
    "asked: resume, refused",
    "asked: resume, nothing there",
    "asked: retry, done",
    "asked: retry, refused",
    "asked: retry, nothing there",
    "asked: retry of a task, done",
    "asked: retry of a task, refused",
    "asked: retry of a task, nothing there",
    "asked: retry of an item, done",
    "asked: retry of an item, refused",
    "asked: retry of an item, nothing there",
    "asked: skip of a task, done",
    "asked: skip of a task, refused",
    "asked: skip of a task, nothing there",
    "asked: skip of an item, done",
    "asked: skip of an item, refused",
    "asked: skip of an item, nothing there",
    "asked: pause of a queue, done",
    "asked: pause of a queue, nothing there",
    "asked: resume of a queue, done",
    "asked: resume of a queue, nothing there",
    "asked: drain, done",
    "asked: event, done",
    "asked: event, nothing there",
    "an event by a message",
    "published again",
    "a message found no queue",
    "a queue was lost",
    "the broker lost its disk",
    "a clock was set while the orchestrator ran",
    "a clock was set back while no orchestrator ran",
    "a store could not be written",
    "an answer was sent again",
    "a success is confirmed in time",
    "the orchestrator stood still",
    "the broker stood still",
];

/// What this world cannot show, why, and where it is shown.
const EXCLUDED: &[(&str, &str)] = &[
    ("ended: rejected", "its workers understand every message of the orchestrator; tests/story/crash.story"),
    (
        "ended: crashed, given up by the broker",
        "its workers hand back sooner what comes again; tests/story/crash.story",
    ),
    (
        "job running → failed because its output fails",
        "its jobs have no output of their own; tests/story/outputs.story",
    ),
    ("a clock set forward while no orchestrator runs", "it strikes, and is no other than time that passed"),
    ("queues of somebody else", "its broker has none; tests/e2e/polyglot.rs"),
    (
        "a success confirmed in time, and handed to an orchestrator that died",
        "it is not judged: until the broker notices the death, nobody sees that the report is still to be read",
    ),
    ("a task queue without a leader", "its queues are there or not; tests/e2e/kill"),
    ("replay and discard of dead letters", "they change no job; cli/tests/commands/steering.rs"),
];
