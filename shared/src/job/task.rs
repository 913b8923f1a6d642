//! Reading one task of a graph.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::elsewhere::{self, Place};
use super::field::{Reader, Zero, foreign};
use super::policy::{POLICY_FIELDS, Policies, PolicyDraft};
use super::problem::{At, code, quoted};
use super::raw::{Raw, Sort};
use super::task_names::TaskNames;
use super::walk::{Met, walk};
use super::{AllowFailure, BuiltIn, ForEach, Policy, Repeat, RunOn, TaskSpec, built_in, for_each};
use crate::expr::{Condition, Reference, Roots, Rounds, Template, TemplateProblem};
use crate::id::{Kind, TaskName};
use crate::json::Doc;
use crate::limits::ROUNDS;
use crate::time::Millis;

/// The fields of a task of a graph, beside those of a policy.
pub(crate) const TASK_FIELDS: &[&str] =
    &["kind", "input", "needs", "if", "run_on", "for_each", "repeat", "allow_failure", "description", "labels"];

/// Names that a task can refer to, and those that it referred to so far.
pub(crate) struct Surroundings<'n, 'a> {
    names: &'n TaskNames<'a>,
    /// The task itself; `None` for the output of the job.
    own: Option<u32>,
    /// The task as it is written, once it is read.
    written: Option<Raw<'n>>,
    needs: Vec<u32>,
}

impl<'n, 'a> Surroundings<'n, 'a> {
    pub(crate) fn new(names: &'n TaskNames<'a>, own: Option<u32>) -> Self {
        Self { names, own, written: None, needs: Vec::new() }
    }

    /// The positions of all tasks referred to, ascending, each once.
    pub(crate) fn into_needs(mut self) -> Vec<u32> {
        self.needs.sort_unstable();
        self.needs.dedup();
        self.needs.shrink_to_fit();
        self.needs
    }

    /// Compiles the expressions in a value and takes the tasks that they refer to as needs.
    pub(crate) fn template(
        &mut self,
        reader: &mut Reader<'_>,
        value: Raw<'_>,
        at: &At<'_>,
        roots: Roots,
    ) -> Option<Template> {
        match Template::parse(&Doc::trusted(value.bytes()), roots, reader.limits) {
            Ok(template) => {
                if self.refer(template.references()) {
                    self.explain_in_template(reader, value, at, roots);
                }
                Some(template)
            }
            Err(problems) => {
                report(reader, problems, at);
                None
            }
        }
    }

    fn condition(&mut self, reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>, roots: Roots) -> Option<Condition> {
        if reader.undecided.contains(value) {
            evaluated_too_early(reader, value, at);
            return None;
        }
        let Some(text) = value.text() else {
            reader.wrong_type(value, at, "text with an expression");
            return None;
        };
        if text.trim().is_empty() {
            reader.problems.add(at, code::INVALID_EXPRESSION, format_args!("the expression is empty"));
            return None;
        }
        if !reader.fits(&text, at, reader.limits.expression_chars) {
            return None;
        }
        match Condition::parse(&text, roots, reader.limits) {
            Ok(condition) => {
                if self.refer(condition.references()) {
                    for reference in condition.references() {
                        self.explain(reader, reference, || at.pointer());
                    }
                }
                Some(condition)
            }
            Err(problem) => {
                report(reader, vec![problem], at);
                None
            }
        }
    }

    /// Takes references as needs; `true` if one of them is wrong.
    fn refer(&mut self, references: &[Reference]) -> bool {
        let mut is_wrong = false;
        for reference in references {
            match self.names.position(&reference.task) {
                Some(position) if Some(position) != self.own => self.needs.push(position),
                _ => is_wrong = true,
            }
        }
        is_wrong
    }

    /// Finds the texts with wrong references. References carry no place, so this looks again, only when
    /// there is something to report.
    fn explain_in_template(&self, reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>, roots: Roots) {
        let limits = reader.limits;
        walk(value, |path, met| {
            let Met::Text(text) = met else { return };
            if !text.contains("${{") {
                return;
            }
            let Ok(template) = Template::parse(&Doc::text(&text), roots, limits) else { return };
            for reference in template.references() {
                self.explain(reader, reference, || at.pointer() + &path.pointer());
            }
        });
    }

    /// Reports a reference if it is wrong.
    fn explain(&self, reader: &mut Reader<'_>, reference: &Reference, pointer: impl FnOnce() -> String) {
        match self.names.position(&reference.task) {
            None => self.unknown(reader, &reference.task, pointer),
            Some(position) if Some(position) == self.own => {
                let detail = format_args!("the task refers to itself: `tasks.{}`", reference.task);
                reader.problems.add_at(pointer, code::SELF_REFERENCE, detail);
            }
            Some(_) => {}
        }
    }

    fn unknown(&self, reader: &mut Reader<'_>, name: &str, pointer: impl FnOnce() -> String) {
        let near = reader.problems.nearest(name, self.names.iter());
        let (is_around, is_inside) = (reader.is_around(name), self.is_inside(name));
        let added =
            reader.problems.add_at(pointer, code::UNKNOWN_TASK, format_args!("there is no task {}", quoted(name)));
        if is_around {
            added.hint(format_args!(
                "`{name}` is a task of the job around; a sub-job sees what it is given: write \
                 `input: {{\"{name}\": \"${{{{ tasks.{name}.output }}}}\"}}` beside its `tasks`, \
                 and `input.{name}` here"
            ));
        } else if is_inside {
            added.hint(format_args!(
                "`{name}` is a task of the sub-job: write `$${{{{ tasks.{name}.… }}}}`, \
                 since `${{{{` is the job around it"
            ));
        } else {
            added.did_you_mean(near);
        }
    }

    /// True if the task runs a job that is written in its input and has a task of this name.
    fn is_inside(&self, name: &str) -> bool {
        let job = self.written.and_then(|task| task.get("input")?.get("job"));
        job.and_then(|job| job.get("tasks")?.get(name)).is_some()
    }

    fn needs(&mut self, reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) {
        match value.sort() {
            Sort::Text => self.need(reader, value, at, &mut BTreeSet::new()),
            Sort::List => {
                let mut seen = BTreeSet::new();
                for (index, element) in value.elements().enumerate() {
                    self.need(reader, element, &at.index(index), &mut seen);
                }
            }
            _ => reader.wrong_type(value, at, "text (the name of a task) or a list of names"),
        }
    }

    fn need(&mut self, reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>, seen: &mut BTreeSet<u32>) {
        let Some(name) = reader.text(value, at) else { return };
        match self.names.position(&name) {
            Some(position) if Some(position) == self.own => {
                let detail = format_args!("the task needs itself: {}", quoted(&name));
                reader.problems.add(at, code::SELF_REFERENCE, detail);
            }
            Some(position) if !seen.insert(position) => {
                reader.problems.add(at, code::DUPLICATE_NEED, format_args!("{} is listed twice", quoted(&name)));
            }
            Some(position) => self.needs.push(position),
            None => match TaskName::new(&name) {
                Ok(_) => self.unknown(reader, &name, || at.pointer()),
                Err(error) => reader.invalid_name(&error, at),
            },
        }
    }
}

/// Reports a condition of a sub-job that is one expression of the job around: a value, where only an expression can
/// stand.
fn evaluated_too_early(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) {
    let Some(expression) = reader.undecided.expression(value) else { return };
    let last = expression.rsplit('.').next().unwrap_or_default();
    let name = if TaskName::new(last).is_ok() { last } else { "ok" };
    let detail = format_args!("`${{{{ {expression} }}}}` is evaluated before the sub-job begins, and gives a value");
    reader.problems.add(at, code::INVALID_EXPRESSION, detail).hint(format_args!(
        "`if` takes an expression of the sub-job: hand the value in, \
         `input: {{\"{name}\": \"${{{{ {expression} }}}}\"}}` beside its `tasks`, and write `if: input.{name}` here"
    ));
}

pub(crate) fn report(reader: &mut Reader<'_>, problems: Vec<TemplateProblem>, at: &At<'_>) {
    for problem in problems {
        let pointer = || at.pointer() + &problem.pointer;
        let added = reader.problems.add_at(pointer, problem.code, format_args!("{}", problem.detail));
        if let Some(hint) = &problem.hint {
            added.hint(format_args!("{hint}"));
        }
    }
}

/// Reads a task; what it needs is left in `scope`. `None` if it has no valid name or kind or is no object;
/// what is wrong is reported.
pub(crate) fn read<'n>(
    reader: &mut Reader<'_>,
    policies: &mut Policies,
    scope: &mut Surroundings<'n, '_>,
    name: &str,
    value: Raw<'n>,
    at: &At<'_>,
) -> Option<TaskSpec> {
    if !reader.is_object(value, at, "an object with a `kind`") {
        return None;
    }
    scope.written = Some(value);
    // Before the others: they decide how those are read.
    let [for_each, repeat, kind_given] = value.get_all(["for_each", "repeat", "kind"]);
    let is_mapped = for_each.is_some();
    let rounds = if repeat.is_some() { Rounds::Input } else { Rounds::None };
    let mut policy = PolicyDraft::default();
    let mut kind = None;
    let mut task = Parts::default();
    for entry in value.entries() {
        let place = at.key(&entry.key);
        let value = entry.value;
        match &*entry.key {
            "kind" => kind = read_kind(reader, value, &place),
            "input" => {
                task.input = scope.template(
                    reader,
                    value,
                    &place,
                    Roots { item: is_mapped, rounds, schedule: false, task: false },
                )
            }
            "needs" => scope.needs(reader, value, &place),
            "if" => task.condition = scope.condition(reader, value, &place, Roots::default()),
            "run_on" => task.run_on = reader.word_or(value, &place, RUN_ON, elsewhere::run_on).unwrap_or_default(),
            "for_each" => task.for_each = for_each::read(reader, scope, value, &place).map(Box::new),
            "repeat" => task.repeat = read_repeat(reader, scope, value, &place, is_mapped).map(Box::new),
            "allow_failure" => task.allow_failure = read_allow_failure(reader, value, &place).unwrap_or_default(),
            "description" => task.description = reader.plain_text(value, &place),
            "labels" => task.labels = reader.labels(value, &place),
            key if policy.read(reader, key, value, &place) => {}
            key => reader.unknown_field(key, &place, &[TASK_FIELDS, POLICY_FIELDS], foreign(key, Place::Task)),
        }
    }
    if kind_given.is_none() {
        let detail = format_args!("the task has no `kind`");
        reader.problems.add(at, code::MISSING_FIELD, detail).hint(format_args!("say what it does: `kind: email.send`"));
    }
    let kind = kind?;
    if let Some(built_in) = BuiltIn::of(&kind) {
        built_in::check_template(reader, built_in, value.get("input"), scope.names, at);
    }
    let policy = policies.resolve(policy, BuiltIn::of(&kind).is_some());
    Some(task.into_spec(TaskName::new(name).ok()?, kind, policy))
}

/// The parts of a task that have a value when nothing is said about them.
#[derive(Default)]
struct Parts {
    input: Option<Template>,
    condition: Option<Condition>,
    run_on: RunOn,
    allow_failure: AllowFailure,
    for_each: Option<Box<ForEach>>,
    repeat: Option<Box<Repeat>>,
    description: Option<String>,
    labels: BTreeMap<String, String>,
}

impl Parts {
    fn into_spec(self, name: TaskName, kind: Kind, policy: Arc<Policy>) -> TaskSpec {
        TaskSpec {
            name,
            kind,
            input: self.input,
            needs: Vec::new(),
            dependents: Vec::new(),
            condition: self.condition,
            run_on: self.run_on,
            allow_failure: self.allow_failure,
            for_each: self.for_each,
            repeat: self.repeat,
            description: self.description,
            labels: self.labels,
            policy,
        }
    }
}

/// Reads a kind, of a task or of a single.
pub(crate) fn read_kind(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<Kind> {
    let kind = reader.name(value, at, Kind::new)?;
    if kind.as_str().starts_with("task.") {
        reader
            .problems
            .add(at, code::RESERVED_KIND, format_args!("kinds under `task.` are reserved for messages of workers"))
            .hint(format_args!("choose another first word, such as `tasks.…` or the name of your system"));
        return None;
    }
    if kind.as_str().starts_with("warrener.") && BuiltIn::of(&kind).is_none() {
        let near = reader.problems.nearest(kind.as_str(), BuiltIn::names());
        let added = reader.problems.add(at, code::UNKNOWN_KIND, format_args!("`{kind}` is not built in"));
        match near {
            Some(near) => added.hint(format_args!("did you mean `{near}`?")),
            None => added.hint(format_args!(
                "built in are {}; choose another first word",
                BuiltIn::names().collect::<Vec<_>>().join(", ")
            )),
        }
        return None;
    }
    Some(kind)
}

const REPEAT_FIELDS: &[&str] = &["until", "max", "delay"];

/// Reads `repeat`; expressions in it add to the needs in `scope`.
fn read_repeat(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    value: Raw<'_>,
    at: &At<'_>,
    is_mapped: bool,
) -> Option<Repeat> {
    if !reader.is_object(value, at, "an object such as {\"until\": \"output.done\", \"max\": 100}") {
        return None;
    }
    let (mut until, mut max, mut delay) = (None, None, Millis(0));
    let roots = Roots { item: is_mapped, rounds: Rounds::Until, schedule: false, task: false };
    for entry in value.entries() {
        let place = at.key(&entry.key);
        match &*entry.key {
            "until" => until = scope.condition(reader, entry.value, &place, roots),
            "max" => max = reader.integer(entry.value, &place, 1, ROUNDS),
            "delay" => delay = reader.duration(entry.value, &place, Zero::Allowed).unwrap_or(delay),
            other => reader.unknown_field(other, &place, &[REPEAT_FIELDS], foreign(other, Place::Repeat)),
        }
    }
    for name in ["until", "max"].into_iter().filter(|name| value.get(name).is_none()) {
        let added = reader.problems.add(at, code::MISSING_FIELD, format_args!("`{name}` is missing"));
        added.hint(format_args!("repeat: {{until: output.done, max: 100}}"));
    }
    Some(Repeat { until: until?, max: max?, delay })
}

/// Reads which failures are allowed: true, false, or a list of codes.
fn read_allow_failure(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<AllowFailure> {
    if reader.undecided.contains(value) {
        return None;
    }
    match value.sort() {
        Sort::Bool => {
            return reader.boolean(value, at).map(|all| if all { AllowFailure::All } else { AllowFailure::None });
        }
        Sort::List => {}
        _ => {
            reader.wrong_type(value, at, "true, false or a list of error codes");
            return None;
        }
    }
    let (mut codes, mut is_sound) = (Vec::new(), true);
    for (index, element) in value.elements().enumerate() {
        match reader.error_code(element, &at.index(index)) {
            Some(code) => codes.push(code),
            None => is_sound = false,
        }
    }
    if codes.is_empty() && is_sound {
        let added = reader.problems.add(at, code::TOO_FEW, format_args!("a list without codes allows nothing"));
        added.hint(format_args!("name the codes, such as [\"timed_out\", \"lost\"], or leave the field out"));
        return None;
    }
    is_sound.then(|| AllowFailure::Codes(codes.into()))
}

const RUN_ON: &[(&str, RunOn)] = &[
    ("success", RunOn::Success),
    ("failure", RunOn::Failure),
    ("done", RunOn::Done),
    ("unless_failed", RunOn::UnlessFailed),
];
