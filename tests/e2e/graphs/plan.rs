//! A random job: what is in it, and how it is written down.

use serde_json::{Map, Value, json};

use super::dice::Dice;

/// A job of 1 to 60 tasks; each needs earlier ones only.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) tasks: Vec<Step>,
    /// Attempts that may be open at once.
    pub(super) max_parallel: Option<usize>,
}

/// A task.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) needs: Vec<usize>,
    pub(super) run_on: RunOn,
    pub(super) value: Form,
    /// The task runs only if the sum of these whole numbers is even.
    pub(super) only_if_even: Option<Vec<usize>>,
    pub(super) conduct: Conduct,
    pub(super) tolerance: Tolerance,
    /// Rounds that it, or each of its items, takes; a number is added to itself in each.
    pub(super) rounds: Option<u32>,
    pub(super) by: By,
    /// Number of items after whose success a mapped task is over.
    pub(super) enough: Option<usize>,
    /// How long its work takes, in milliseconds.
    pub(super) ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunOn {
    Success,
    Failure,
    Done,
    UnlessFailed,
}

/// Who does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Worker,
    /// `warrener.pass`: its input is its output.
    Pass,
    /// `warrener.fail`, with the code of a worker that fails.
    Fail,
    /// A sub-job by the template `plus`, which adds one.
    Template,
}

/// Which of its failures are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tolerance {
    None,
    All,
    Code(&'static str),
}

/// What the input of a task says its output shall be.
#[derive(Debug)]
pub(super) enum Form {
    /// A number.
    Number(i64),
    /// The sum of the whole numbers that these needs gave (0 for those that gave none), and a number.
    Sum(Vec<usize>, i64),
    /// The outputs and the states of these needs, as they are.
    List(Vec<usize>),
    /// A text with a number and the states of these needs in it.
    Text(Vec<usize>, i64),
    /// For each of these numbers: its sum with its index.
    Map(Vec<i64>),
    /// For each element of the list that this mapped task gave (none, if it gave none): its double.
    Again(usize),
}

/// How the work behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conduct {
    Works,
    /// Fails at the first attempt.
    Stumbles,
    /// Fails for good.
    Fails,
}

impl Form {
    /// Whether its output is a whole number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Number(_) | Self::Sum(..))
    }

    pub(super) fn is_mapped(&self) -> bool {
        matches!(self, Self::Map(_) | Self::Again(_))
    }
}

impl Step {
    /// Whether its output is the same each time. Which items are first is chance.
    pub(super) fn is_certain(&self) -> bool {
        self.enough.is_none()
    }

    /// Whether its failure is allowed: as it fails if it does.
    pub(super) fn is_tolerated(&self) -> bool {
        let code = if self.value.is_mapped() { "too_many_failures" } else { "planned" };
        match self.tolerance {
            Tolerance::None => false,
            Tolerance::All => true,
            Tolerance::Code(allowed) => allowed == code,
        }
    }
}

impl Plan {
    pub(super) fn roll(dice: &mut Dice) -> Self {
        let count = 1 + dice.below(60);
        let max_parallel = dice.percent(30).then(|| 1 + dice.below(8));
        let mut plan = Self { tasks: Vec::new(), max_parallel };
        for _ in 0..count {
            let step = plan.step(dice);
            plan.tasks.push(step);
        }
        plan
    }

    fn step(&self, dice: &mut Dice) -> Step {
        let mut needs: Vec<usize> = Vec::new();
        for _ in 0..dice.below(4).min(self.tasks.len()) {
            let need = dice.below(self.tasks.len());
            if !needs.contains(&need) {
                needs.push(need);
            }
        }
        let numbers: Vec<_> = needs.iter().copied().filter(|need| self.tasks[*need].value.is_number()).collect();
        let mapped =
            needs.iter().copied().find(|need| self.tasks[*need].value.is_mapped() && self.tasks[*need].is_certain());
        let number = i64::try_from(dice.below(1000)).unwrap() - 500;
        let value = match dice.below(10) {
            0..=3 if !numbers.is_empty() => Form::Sum(numbers.clone(), number),
            4 | 5 if needs.iter().any(|need| self.tasks[*need].is_certain()) => {
                Form::List(needs.iter().copied().filter(|need| self.tasks[*need].is_certain()).collect())
            }
            6 if !needs.is_empty() => Form::Text(needs.clone(), number),
            7 => Form::Map((0..dice.below(6)).map(|_| i64::try_from(dice.below(50)).unwrap()).collect()),
            8 | 9 if mapped.is_some() => Form::Again(mapped.unwrap()),
            _ => Form::Number(number),
        };
        let only_if_even = (dice.percent(15) && !numbers.is_empty()).then(|| numbers.clone());
        let run_on = match dice.below(20) {
            0 | 1 => RunOn::Failure,
            2..=6 => RunOn::Done,
            7..=9 => RunOn::UnlessFailed,
            _ => RunOn::Success,
        };
        let conduct = match dice.below(20) {
            0 => Conduct::Fails,
            1 | 2 => Conduct::Stumbles,
            _ => Conduct::Works,
        };
        let ms = u64::try_from(dice.below(15)).unwrap();
        let rounds = dice.percent(20).then(|| 1 + u32::try_from(dice.below(4)).unwrap());
        let by = match conduct {
            Conduct::Works if dice.percent(15) => By::Pass,
            Conduct::Works if value.is_number() && rounds.is_none() && dice.percent(20) => By::Template,
            Conduct::Fails if dice.percent(40) => By::Fail,
            _ => By::Worker,
        };
        let enough = match &value {
            Form::Map(items) if !items.is_empty() && dice.percent(40) => Some(1 + dice.below(items.len())),
            _ => None,
        };
        let tolerance = match dice.below(10) {
            0..=3 => Tolerance::All,
            4 => Tolerance::Code("planned"),
            5 => Tolerance::Code("too_many_failures"),
            6 => Tolerance::Code("other"),
            _ => Tolerance::None,
        };
        Step { needs, run_on, value, only_if_even, conduct, tolerance, rounds, by, enough, ms }
    }

    /// The document.
    pub(super) fn job(&self) -> String {
        let tasks: Map<_, _> = self.tasks.iter().enumerate().map(|(place, step)| (name(place), step.task())).collect();
        let certain = self.tasks.iter().enumerate().filter(|(_, step)| step.is_certain());
        let output: Map<_, _> =
            certain.map(|(place, _)| (name(place), json!(format!("${{{{ {}.output }}}}", path(place))))).collect();
        let work = json!({"value": "${{ input + 1 }}", "ms": 1, "conduct": "works"});
        let plus = json!({"tasks": {"t00": {"kind": "work", "input": work}}, "output": "${{ tasks.t00.output }}"});
        let mut job = json!({"fail_fast": false, "tasks": tasks, "output": output, "jobs": {"plus": plus}});
        if let Some(most) = self.max_parallel {
            job["max_parallel"] = json!(most);
        }
        job.to_string()
    }
}

impl Step {
    fn task(&self) -> Value {
        let needs: Vec<_> = self.needs.iter().map(|need| name(*need)).collect();
        let run_on = match self.run_on {
            RunOn::Success => "success",
            RunOn::Failure => "failure",
            RunOn::Done => "done",
            RunOn::UnlessFailed => "unless_failed",
        };
        let allowed = match self.tolerance {
            Tolerance::None => json!(false),
            Tolerance::All => json!(true),
            Tolerance::Code(code) => json!([code]),
        };
        let conduct = format!("{:?}", self.conduct).to_lowercase();
        let input = json!({"value": self.written(), "ms": self.ms, "conduct": conduct});
        let mut task = json!({
            "kind": "work", "needs": needs, "run_on": run_on, "allow_failure": allowed, "input": input,
            "retry": {"max_attempts": 3, "delay": "10ms", "jitter": false},
        });
        match self.by {
            By::Worker => {}
            By::Pass => {
                task["kind"] = json!("warrener.pass");
                task["input"] = self.written();
            }
            By::Fail => {
                task["kind"] = json!("warrener.fail");
                task["input"] = json!({"code": "planned", "message": "as planned"});
            }
            By::Template => {
                task["kind"] = json!("warrener.job");
                task["input"] = json!({"use": "plus", "input": self.written()});
            }
        }
        if let Some(rounds) = self.rounds {
            task["repeat"] = json!({"until": format!("round >= {rounds}"), "max": rounds});
        }
        if let Some(numbers) = &self.only_if_even {
            task["if"] = json!(format!("({}) % 2 == 0", sum(numbers, 0)));
        }
        match &self.value {
            Form::Map(items) => {
                task["for_each"] = match self.enough {
                    Some(enough) => json!({"items": items, "min_successes": enough}),
                    None => json!(items),
                }
            }
            Form::Again(need) => {
                let path = path(*need);
                let list = format!("${{{{ {path}.output if {path}.status == 'succeeded' else [] }}}}");
                task["for_each"] = json!({"items": list, "max_parallel": 2});
            }
            _ => {}
        }
        task
    }

    fn written(&self) -> Value {
        match &self.value {
            Form::Number(number) if self.rounds.is_some() => json!(format!("${{{{ (previous or 0) + ({number}) }}}}")),
            Form::Number(number) => json!(number),
            Form::Sum(needs, number) => json!(format!("${{{{ {} }}}}", sum(needs, *number))),
            Form::List(needs) => {
                let part = |need: &usize| {
                    let path = path(*need);
                    json!([format!("${{{{ {path}.output }}}}"), format!("${{{{ {path}.status }}}}")])
                };
                needs.iter().map(part).collect()
            }
            Form::Text(needs, number) => {
                let states = needs.iter().map(|need| format!(" ${{{{ {}.status }}}}", path(*need))).collect::<String>();
                json!(format!("${{{{ {number} + 1 }}}}:{states}"))
            }
            Form::Map(_) => json!("${{ item + index }}"),
            Form::Again(_) => json!("${{ item * 2 }}"),
        }
    }
}

/// The name of the task at a place; their order as text is their order.
pub(super) fn name(place: usize) -> String {
    format!("t{place:02}")
}

fn path(place: usize) -> String {
    format!("tasks.{}", name(place))
}

fn sum(needs: &[usize], number: i64) -> String {
    let term = |need: &usize| {
        let path = path(*need);
        format!("({path}.output if {path}.status == 'succeeded' else 0) + ")
    };
    needs.iter().map(term).collect::<String>() + &format!("({number})")
}
