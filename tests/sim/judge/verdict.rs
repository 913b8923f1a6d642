//! A naive evaluator: what a job must have come to, given how its tasks went. Written from the contract alone.

use serde_json::{Value, json};
use warrener_engine::row::{JobRow, Skip, TaskRow};
use warrener_orchestrator::store::Rows as _;
use warrener_orchestrator::store::memory::Memory;
use warrener_shared::state::{JobState, TaskState};

use super::code::code_of;
use crate::plan::{If, Items, JobPlan, RunOn, TaskPlan, Work, name};

/// What every worker does: it adds up its input.
pub(crate) fn work(input: &[u8]) -> Value {
    let input: Value = serde_json::from_slice(input).unwrap_or(Value::Null);
    json!(add_up(&input))
}

fn add_up(value: &Value) -> i64 {
    match value {
        Value::Number(number) => number.as_i64().unwrap_or(0),
        Value::Array(list) => list.iter().map(add_up).sum(),
        Value::Object(map) => map.values().map(add_up).sum(),
        _ => 0,
    }
}

/// The output of a task as others see it.
fn output(plan: &TaskPlan, row: &TaskRow, memory: &mut Memory) -> Value {
    if row.state != TaskState::Succeeded {
        return Value::Null;
    }
    if plan.map.is_none() {
        return row.output.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
    }
    let Some(map) = row.map else { return json!([]) };
    let items = memory.tasks(map.first_item, map.total).unwrap_or_default();
    let of = |item: &TaskRow| item.output.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
    let mut list: Vec<Value> = items.iter().map(|item| of(item).unwrap_or(Value::Null)).collect();
    // An item that never went out left nothing.
    list.resize(map.total as usize, Value::Null);
    Value::Array(list)
}

/// The input that a task or item must have in a round, counted from 1.
pub(super) fn input(
    plan: &JobPlan,
    job: &JobRow,
    position: u32,
    index: Option<u32>,
    round: u32,
    memory: &mut Memory,
) -> Option<Value> {
    let task = plan.tasks.get(position as usize)?;
    let rows = memory.tasks(job.first_task, u32::try_from(plan.tasks.len()).ok()?).ok()?;
    let outputs: Vec<Value> = task.needs.iter().map(|need| output(&plan.tasks[*need], &rows[*need], memory)).collect();
    let mut input = json!({"n": task.number, "needs": outputs});
    if let (Some(map), Some(index)) = (&task.map, index) {
        let item = match &map.items {
            Items::These(numbers) => json!(numbers.get(index as usize)?),
            Items::OutputOf(need) => output(&plan.tasks[*need], &rows[*need], memory).get(index as usize)?.clone(),
        };
        input["item"] = item;
        input["index"] = json!(index);
    }
    if task.repeat.is_some() {
        input["previous"] = match round {
            0 | 1 => Value::Null,
            _ => expected(plan, job, position, index, round - 1, memory)?,
        };
        input["round"] = json!(round);
    }
    Some(input)
}

/// What is wrong with the end of a job, if anything is.
pub(super) fn of(plan: &JobPlan, job: &JobRow, tasks: &[TaskRow], memory: &mut Memory, asked: Asked) -> Option<String> {
    let case = Case { plan, job, tasks, redone: asked.redone };
    if !asked.reopened {
        for place in 0..tasks.len() {
            if let Some(wrong) = case.of_task(place) {
                return Some(format!("{}: {wrong}", name(place)));
            }
        }
    }
    for (place, task) in tasks.iter().enumerate() {
        if let Some(wrong) = of_output(plan, job, place, task, memory).filter(|_| !asked.reopened) {
            return Some(format!("{}: {wrong}", name(place)));
        }
    }
    case.of_job(memory)
}

/// What people asked to be tried again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// What of the job did not succeed; what did stays as it is, whatever is upstream of it.
    pub(super) reopened: bool,
    /// A task, with all that is downstream of it.
    pub(super) redone: bool,
}

struct Case<'a> {
    plan: &'a JobPlan,
    job: &'a JobRow,
    tasks: &'a [TaskRow],
    redone: bool,
}

impl Case<'_> {
    fn is_failure(&self, place: usize) -> bool {
        let (row, plan) = (&self.tasks[place], &self.plan.tasks[place]);
        match row.state {
            TaskState::Failed | TaskState::TimedOut => !is_allowed(plan, row),
            TaskState::Cancelled => true,
            TaskState::Skipped => row.skip == Some(Skip::Upstream),
            _ => false,
        }
    }

    fn is_ok(&self, place: usize) -> bool {
        let (row, plan) = (&self.tasks[place], &self.plan.tasks[place]);
        match row.state {
            TaskState::Succeeded => true,
            TaskState::Skipped => row.skip == Some(Skip::Hand),
            TaskState::Failed | TaskState::TimedOut => is_allowed(plan, row),
            _ => false,
        }
    }

    fn counts_as_failed(&self, place: usize) -> bool {
        matches!(self.tasks[place].state, TaskState::Failed | TaskState::TimedOut)
            && !is_allowed(&self.plan.tasks[place], &self.tasks[place])
    }

    fn was_stopped(&self) -> bool {
        use warrener_engine::row::Stop;
        self.job.stop != Stop::None
    }

    /// Whether it, or what it needs directly or not, runs on failure or always: `fail_fast` leaves it alone.
    fn handles(&self, place: usize) -> bool {
        let task = &self.plan.tasks[place];
        matches!(task.run_on, RunOn::Failure | RunOn::Done) || task.needs.iter().any(|need| self.handles(*need))
    }

    fn of_task(&self, place: usize) -> Option<String> {
        let (row, plan) = (&self.tasks[place], &self.plan.tasks[place]);
        let failed = plan.needs.iter().any(|need| self.is_failure(*need));
        let ok = plan.needs.is_empty() || plan.needs.iter().any(|need| self.is_ok(*need));
        let may_run = match plan.run_on {
            RunOn::Success => !failed && ok,
            RunOn::Failure => failed,
            RunOn::Done => true,
            RunOn::UnlessFailed => !failed,
        };
        let holds = match plan.condition {
            If::Always => true,
            If::Never => false,
            If::Succeeded(need) => self.tasks[need].state == TaskState::Succeeded,
        };
        let any_failed = (0..self.tasks.len()).any(|place| self.counts_as_failed(place));
        let fails_fast = self.plan.fail_fast && any_failed;
        let wrong = match row.state {
            TaskState::Succeeded | TaskState::Failed | TaskState::TimedOut => {
                !(may_run && holds) || wants_too_many(plan, row)
            }
            TaskState::Skipped if row.skip == Some(Skip::Upstream) => {
                !(failed && matches!(plan.run_on, RunOn::Success | RunOn::UnlessFailed) || fails_fast || self.redone)
            }
            // That somebody asked for it is judged when it happens.
            TaskState::Skipped if row.skip == Some(Skip::Hand) => false,
            TaskState::Skipped => may_run && holds,
            // What failed or was stopped before may have been tried again since.
            TaskState::Cancelled => !(self.redone || self.was_stopped() || (fails_fast && !self.handles(place))),
            _ => true,
        };
        let needs: Vec<_> = plan.needs.iter().map(|need| (name(*need), self.tasks[*need].state)).collect();
        wrong.then(|| {
            format!(
                "it is {} ({:?}), run_on {:?}, if {:?}, its needs are {needs:?}",
                row.state, row.skip, plan.run_on, plan.condition
            )
        })
    }

    fn of_job(&self, memory: &mut Memory) -> Option<String> {
        use warrener_engine::row::Stop;
        let failed = (0..self.tasks.len()).any(|place| self.counts_as_failed(place));
        let expected = match self.job.stop {
            _ if failed => JobState::Failed,
            Stop::Deadline | Stop::DeadlineHalt => JobState::TimedOut,
            Stop::Cancel | Stop::CancelHalt => JobState::Cancelled,
            Stop::None => JobState::Succeeded,
        };
        if self.job.state != expected {
            return Some(format!("the job is {}, and should be {expected}", self.job.state));
        }
        let is_needed = |place: &usize| self.plan.tasks.iter().any(|task| task.needs.contains(place));
        let outputs: serde_json::Map<String, Value> = (0..self.tasks.len())
            .filter(|place| !is_needed(place))
            .map(|place| (name(place), output(&self.plan.tasks[place], &self.tasks[place], memory)))
            .collect();
        let is: Option<Value> = self.job.output.as_deref().and_then(|bytes| serde_json::from_slice(bytes).ok());
        let should = (expected == JobState::Succeeded).then_some(Value::Object(outputs));
        (is != should).then(|| format!("its output is {is:?}, and should be {should:?}"))
    }
}

/// Whether the failure of a task is one that its plan allows.
fn is_allowed(plan: &TaskPlan, row: &TaskRow) -> bool {
    plan.allows(&code_of(row.error.as_deref()))
}

/// Whether a mapped task ran that wants more successes than it has items, or failed for that with enough of them.
fn wants_too_many(plan: &TaskPlan, row: &TaskRow) -> bool {
    let least = plan.map.as_ref().and_then(|map| map.min_successes);
    let is_short = row.state == TaskState::Failed && code_of(row.error.as_deref()) == "too_few";
    match (least, row.map) {
        (Some(least), Some(map)) => is_short || least > u64::from(map.total),
        (Some(_), None) => false,
        // What failed inside of a job comes up as it is.
        (None, _) => is_short && !matches!(plan.work, Work::Job(_)),
    }
}

/// A task that succeeded did what its input asked for.
fn of_output(plan: &JobPlan, job: &JobRow, place: usize, row: &TaskRow, memory: &mut Memory) -> Option<String> {
    if row.state != TaskState::Succeeded {
        return None;
    }
    let position = u32::try_from(place).ok()?;
    let is = output(&plan.tasks[place], row, memory);
    let Some(map) = &plan.tasks[place].map else {
        let expected = expected(plan, job, position, None, row.round + 1, memory)?;
        return (is != expected).then(|| format!("its output is {is}, and should be {expected}"));
    };
    let list = is.as_array()?;
    let items = row.map.and_then(|map| memory.tasks(map.first_item, map.total).ok()).unwrap_or_default();
    let total = row.map.map_or(0, |map| map.total as usize);
    if list.len() != total || (items.len() < total && map.min_successes.is_none()) {
        return Some(format!("it has {} outputs of {total} items, {} went out", list.len(), items.len()));
    }
    let is_ok = |item: &TaskRow| item.state == TaskState::Succeeded || item.skip == Some(Skip::Hand);
    let failed = items.iter().filter(|item| !is_ok(item)).count() as u64;
    let ok = (items.len() as u64) - failed;
    match map.min_successes {
        Some(least) if ok != least => return Some(format!("{ok} items succeeded, {least} were enough")),
        None if failed > map.max_failures => return Some(format!("it succeeded, and {failed} items did not")),
        _ => {}
    }
    for (index, item) in (0..).zip(&items).filter(|(_, item)| item.state == TaskState::Succeeded) {
        let round = item.round + 1;
        let Some(expected) = expected(plan, job, position, Some(index), round, memory) else { continue };
        let is = &list[index as usize];
        if *is != expected {
            return Some(format!(
                "item {index} of task {} came to {is}, and should have come to {expected}",
                item.no.0
            ));
        }
    }
    None
}

/// Output that a round of a task or item must have come to; `None` if only who answered it knows.
pub(super) fn expected(
    plan: &JobPlan,
    job: &JobRow,
    position: u32,
    index: Option<u32>,
    round: u32,
    memory: &mut Memory,
) -> Option<Value> {
    match &plan.tasks.get(position as usize)?.work {
        Work::Worker => Some(work(input(plan, job, position, index, round, memory)?.to_string().as_bytes())),
        Work::Pass => input(plan, job, position, index, round, memory),
        Work::Sleep(_) => Some(Value::Null),
        // Judged when they end.
        Work::Wait(_) | Work::Job(_) | Work::Fail(_) => None,
    }
}
