//! What a job must come to, by the contract, worked out in the order of the tasks without any queue or clock.

use serde_json::{Map, Value, json};
use warrener_shared::state::{JobState, TaskState};
use warrener_tests::database::Task;

use super::plan::{By, Conduct, Form, Plan, RunOn, Step, name};

/// The end of a job.
pub(super) struct Opinion {
    pub(super) state: JobState,
    pub(super) output: Option<Value>,
    pub(super) tasks: Vec<End>,
}

/// The end of a task.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) state: TaskState,
    pub(super) output: Value,
    /// Attempts; of a mapped task those of each item.
    pub(super) attempts: u32,
    /// How many items, of a mapped task that ran.
    pub(super) items: usize,
    /// Whether it counts as failed for those that need it.
    is_failure: bool,
    is_neutral: bool,
}

pub(super) fn opinion(plan: &Plan) -> Opinion {
    let mut tasks: Vec<End> = Vec::new();
    for step in &plan.tasks {
        tasks.push(end(step, &tasks));
    }
    let failed =
        plan.tasks.iter().zip(&tasks).any(|(step, end)| end.state == TaskState::Failed && !step.is_tolerated());
    let certain = tasks.iter().enumerate().filter(|(place, _)| plan.tasks[*place].is_certain());
    let outputs: Map<_, _> = certain.map(|(place, end)| (name(place), end.output.clone())).collect();
    let state = if failed { JobState::Failed } else { JobState::Succeeded };
    Opinion { state, output: (!failed).then_some(Value::Object(outputs)), tasks }
}

fn end(step: &Step, before: &[End]) -> End {
    let needs: Vec<_> = step.needs.iter().map(|need| &before[*need]).collect();
    let any_failed = needs.iter().any(|need| need.is_failure);
    let any_ok = needs.is_empty() || needs.iter().any(|need| !need.is_failure && !need.is_neutral);
    let runs = match step.run_on {
        RunOn::Success => !any_failed && any_ok,
        RunOn::Failure => any_failed,
        RunOn::Done => true,
        RunOn::UnlessFailed => !any_failed,
    };
    let is_even = |numbers: &Vec<usize>| numbers.iter().map(|need| number(&before[*need])).sum::<i64>() % 2 == 0;
    if !runs || !step.only_if_even.as_ref().is_none_or(is_even) {
        let is_failure = !runs && matches!(step.run_on, RunOn::Success | RunOn::UnlessFailed) && any_failed;
        let (state, output) = (TaskState::Skipped, Value::Null);
        return End { state, output, attempts: 0, items: 0, is_failure, is_neutral: !is_failure };
    }
    let output = output(step, before);
    let items = if step.value.is_mapped() { output.as_array().unwrap().len() } else { 0 };
    let fails = step.conduct == Conduct::Fails && (!step.value.is_mapped() || items > 0);
    let rounds = if fails { 1 } else { step.rounds.unwrap_or(1) };
    let attempts = rounds + u32::from(step.conduct == Conduct::Stumbles);
    let state = if fails { TaskState::Failed } else { TaskState::Succeeded };
    let output = if fails { Value::Null } else { output };
    End { state, output, attempts, items, is_failure: fails && !step.is_tolerated(), is_neutral: false }
}

fn output(step: &Step, before: &[End]) -> Value {
    let one = i64::from(step.by == By::Template);
    match &step.value {
        Form::Number(number) => json!(number * i64::from(step.rounds.unwrap_or(1)) + one),
        Form::Sum(needs, more) => json!(needs.iter().map(|need| number(&before[*need])).sum::<i64>() + more + one),
        Form::List(needs) => {
            needs.iter().map(|need| json!([before[*need].output, before[*need].state.as_str()])).collect()
        }
        Form::Text(needs, number) => {
            let states: String = needs.iter().map(|need| format!(" {}", before[*need].state)).collect();
            json!(format!("{}:{states}", number + 1))
        }
        Form::Map(items) => items.iter().zip(0..).map(|(item, index)| json!(item + index)).collect(),
        Form::Again(need) => {
            let items = before[*need].output.as_array();
            items.into_iter().flatten().map(|item| json!(item.as_i64().unwrap() * 2)).collect()
        }
    }
}

fn number(end: &End) -> i64 {
    end.output.as_i64().unwrap_or(0)
}

/// Where the tasks of a job did not end as they should have.
pub(super) fn faults(id: &str, plan: &Plan, opinion: &Opinion, tasks: &[Task]) -> Vec<String> {
    let mut faults = Vec::new();
    for task in tasks {
        let (step, end) = (&plan.tasks[task.position], &opinion.tasks[task.position]);
        if task.item.is_none() {
            let is_list = step.value.is_mapped() && task.state == TaskState::Succeeded;
            let output = if is_list { items(task.position, tasks) } else { kept(task) };
            let is_right = match step.enough {
                Some(enough) if end.state == TaskState::Succeeded => are_some_of(&output, &end.output, enough),
                _ => output == end.output,
            };
            if task.state != end.state || !is_right {
                faults.push(format!("{id}/{}: {} {output}, not {end:?} ({step:?})", name(task.position), task.state));
            }
            let attempts = if step.value.is_mapped() { 0 } else { end.attempts };
            if task.attempt != attempts {
                faults.push(format!("{id}/{}: {} attempts, not {attempts}", name(task.position), task.attempt));
            }
        }
    }
    for (place, end) in opinion.tasks.iter().enumerate() {
        let items = tasks.iter().filter(|task| task.position == place && task.item.is_some()).count();
        // Items that never came to be out are not kept one by one.
        let is_right = if end.state == TaskState::Failed || plan.tasks[place].enough.is_some() {
            items <= end.items
        } else {
            items == end.items
        };
        if !is_right {
            faults.push(format!("{id}/{}: {items} items, not {}", name(place), end.items));
        }
    }
    faults
}

/// Whether a list has at least so many of the wanted elements, each at its place, and null or nothing at the others.
fn are_some_of(found: &Value, wanted: &Value, enough: usize) -> bool {
    let (Some(found), Some(wanted)) = (found.as_array(), wanted.as_array()) else { return false };
    let successes = found.iter().filter(|output| !output.is_null()).count();
    successes >= enough
        && found.len() <= wanted.len()
        && found.iter().zip(wanted).all(|(output, wanted)| output.is_null() || output == wanted)
}

fn kept(task: &Task) -> Value {
    task.output.as_ref().map_or(Value::Null, |text| serde_json::from_str(text).unwrap())
}

/// The output of a mapped task is kept with its items.
fn items(position: usize, tasks: &[Task]) -> Value {
    let mut items: Vec<_> = tasks.iter().filter(|task| task.position == position && task.item.is_some()).collect();
    items.sort_by_key(|item| item.item);
    items.into_iter().map(kept).collect()
}
