//! The account of one job, kept from its events alone.

use std::collections::BTreeMap;

use warrener_shared::state::{JobState, TaskState};
use warrener_shared::wire::event::JobEvent;

use super::Violation;
use crate::plan::{JobPlan, name};
use crate::reach::Reach;

/// See the module.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) plan: JobPlan,
    pub(super) sequence: u64,
    pub(super) state: Option<JobState>,
    /// State and latest attempt, by task and item.
    pub(super) tasks: BTreeMap<(usize, Option<u32>), (TaskState, u32)>,
    /// Whether it ever failed fast, was cancelled, or was out of time.
    pub(super) was_final: bool,
}

impl Account {
    pub(super) const fn new(plan: JobPlan) -> Self {
        Self { plan, sequence: 0, state: None, tasks: BTreeMap::new(), was_final: false }
    }

    /// The next event; `retried` says whether somebody asked for the job to be tried again.
    pub(super) fn note(&mut self, event: &JobEvent, retried: bool, reach: &mut Reach) -> Result<(), Violation> {
        let id = self.plan.id.clone();
        let wrong = |rule, what: String| Err(Violation::new(rule, format!("{id}, event {}: {what}", event.sequence)));
        if event.sequence != self.sequence + 1 {
            return wrong("events", format!("comes after event {}", self.sequence));
        }
        self.sequence = event.sequence;
        let Some(task) = &event.task else { return self.note_job(event, retried, reach) };
        let Some(place) = task.strip_prefix('t').and_then(|text| text.parse::<usize>().ok()) else {
            return wrong("events", format!("no task {task}"));
        };
        let Ok(next) = event.state.parse::<TaskState>() else { return wrong("events", "no such state".to_owned()) };
        let key = (place, event.index);
        let (mut from, mut attempt) = self.tasks.get(&key).copied().unwrap_or((TaskState::Waiting, 0));
        if from.is_final() && retried {
            mark(&mut reach.tasks, (from, TaskState::Waiting));
            from = TaskState::Waiting;
            // What is downstream of a task that is tried again gets a new list, and its items are new.
            if event.index.is_some() && event.attempt.is_none() {
                attempt = 0;
            }
        }
        let has_row = |from| TaskState::TRANSITIONS.iter().any(|(a, _, b)| (*a, *b) == (from, next));
        // An item becomes a row when it goes out; until then it counts as ready.
        if event.index.is_some() && from == TaskState::Waiting && !has_row(from) {
            from = TaskState::Ready;
        }
        let is_row = has_row(from);
        if !is_row {
            return wrong("transition", format!("{task} {:?} goes from {from} to {next}", event.index));
        }
        mark(&mut reach.tasks, (from, next));
        if next == TaskState::Dispatched && self.is_worked(place, event.index) {
            if let Some(need) = self.open_need(u32::try_from(place).unwrap_or(0)) {
                return wrong("needs", format!("{task} goes out before its need {need} is final"));
            }
            let said = event.attempt.unwrap_or(0);
            if said != attempt + 1 {
                return wrong("attempts", format!("{task}: attempt {said} follows attempt {attempt}"));
            }
            attempt = said;
        }
        self.tasks.insert(key, (next, attempt));
        Ok(())
    }

    fn note_job(&mut self, event: &JobEvent, retried: bool, reach: &mut Reach) -> Result<(), Violation> {
        let Ok(next) = event.state.parse::<JobState>() else {
            return Err(Violation::new("events", format!("{}: no job state {}", self.plan.id, event.state)));
        };
        if let Some(from) = self.state.filter(|from| *from != next) {
            let is_row = JobState::TRANSITIONS.iter().any(|(a, _, b)| (*a, *b) == (from, next));
            if !is_row || (from.is_final() && !retried) {
                return Err(Violation::new("transition", format!("job {} goes from {from} to {next}", self.plan.id)));
            }
            mark(&mut reach.jobs, (from, next));
        }
        self.was_final |= next.is_final();
        self.state = Some(next);
        Ok(())
    }

    /// Whether a worker works on it, rather than on its items.
    fn is_worked(&self, place: usize, index: Option<u32>) -> bool {
        self.plan.tasks.get(place).is_some_and(|task| task.map.is_none() || index.is_some())
    }

    /// A need of the task that is not final.
    pub(super) fn open_need(&self, place: u32) -> Option<String> {
        let task = self.plan.tasks.get(place as usize)?;
        let is_open = |need: &&usize| self.tasks.get(&(**need, None)).is_none_or(|(state, _)| !state.is_final());
        task.needs.iter().find(is_open).map(|need| name(*need))
    }
}

fn mark<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K) {
    *counts.entry(key).or_default() += 1;
}
