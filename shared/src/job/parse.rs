//! The parser of a submitted job.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use super::elsewhere::Place;
use super::field::{Reader, foreign};
use super::head::{self, COMMON_FIELDS, Head};
#[cfg(feature = "schedule")]
use super::outline::Undecided;
use super::policy::{POLICY_FIELDS, Policies, PolicyDraft};
use super::problem::{At, Problem, code, quoted};
use super::raw::{Raw, Sort};
use super::task::{self, Surroundings};
use super::task_names::TaskNames;
use super::templates::TEMPLATE_FIELDS;
use super::walk::{Met, walk};
use super::{
    AllowFailure, BuiltIn, JobSpec, JobTemplates, Policy, RunOn, Shape, TaskSpec, built_in, graph, template_rules,
};
use crate::expr::{Roots, Template};
use crate::id::{JobId, Kind, TaskName};
use crate::json::{self, Doc, JsonErrorKind};
use crate::limits::Limits;

/// Properties of a submit beside its body.
#[derive(Clone, Copy, Debug, Default)]
pub struct SubmitContext<'a> {
    /// The AMQP `message_id` or the HTTP `Idempotency-Key`: the id of the job.
    pub message_id: Option<&'a str>,
    /// The AMQP priority: `defaults.priority` where the body has none. Above 9 counts as 9.
    pub priority: Option<u8>,
    /// Number of jobs around it, as the sub-job of a `warrener.job`.
    pub level: u8,
    /// The templates of the job around that a sub-job may use.
    pub templates: Option<&'a JobTemplates>,
}

/// Reads a submitted job.
///
/// # Errors
/// Every [`Problem`] of the job at once, up to 100 and a count of the rest.
pub fn parse(bytes: &[u8], context: &SubmitContext<'_>, limits: &Limits) -> Result<JobSpec, Vec<Problem>> {
    let mut reader = Reader::new(limits);
    reader.level = context.level;
    let given = message_id(&mut reader, context);
    let Some(root) = document(&mut reader, bytes, JOB_SHAPE) else {
        return Err(reader.problems.into_vec());
    };
    duplicate_keys(&mut reader, root);
    let job = read(&mut reader, root, context, given);
    match job {
        Some(job) if reader.problems.is_empty() => Ok(job),
        _ => Err(reader.problems.into_vec()),
    }
}

/// The fields of a graph that a single does not have.
const GRAPH_FIELDS: &[&str] = &["input", "defaults", "fail_fast", "max_parallel", "tasks", "output"];
const SINGLE_FIELDS: &[&str] = &["kind", "input"];
/// Description of a job's shape, for messages.
const JOB_SHAPE: &str = "an object with `kind` (one task) or `tasks` (a graph)";
/// The task of a single.
const SINGLE_NAME: &str = "task";
/// Names shown at either end of a long cycle.
const CYCLE_SHOWN: usize = 10;

fn message_id(reader: &mut Reader<'_>, context: &SubmitContext<'_>) -> Option<JobId> {
    let text = context.message_id?;
    JobId::new(text).map_err(|error| reader.invalid_name(&error, &At::Root.key("id"))).ok()
}

/// The document, if the bytes are JSON within the limits and an object.
pub(crate) fn document<'a>(reader: &mut Reader<'_>, bytes: &'a [u8], expected: &str) -> Option<Raw<'a>> {
    let limits = reader.limits;
    if bytes.len() > limits.submit_bytes {
        let detail = format_args!("{} bytes, the limit on a submit is {}", bytes.len(), limits.submit_bytes);
        let added = reader.problems.add(&At::Root, code::TOO_LARGE, detail);
        added.hint(format_args!("put the data into a store and its address into the job"));
        return None;
    }
    if let Err(error) = json::check(bytes, limits.json_depth) {
        not_json(reader, bytes, &error);
        return None;
    }
    let root = Raw::checked(bytes);
    reader.is_object(root, &At::Root, expected).then_some(root)
}

fn not_json(reader: &mut Reader<'_>, bytes: &[u8], error: &json::JsonError) {
    if error.kind == JsonErrorKind::TooDeep {
        let most = reader.limits.json_depth;
        let detail = format_args!("line {}, column {}: nested deeper than {most} levels", error.line, error.column);
        reader.problems.add(&At::Root, code::TOO_DEEP, detail);
        return;
    }
    let detail = format_args!("line {}, column {}: {}", error.line, error.column, error.message);
    let added = reader.problems.add(&At::Root, code::INVALID_JSON, detail);
    let head = bytes.trim_ascii_start();
    if head.is_empty() {
        added.hint(format_args!("the body is empty; send a job such as {{\"kind\": \"demo.echo\"}}"));
    } else if head.starts_with(b"\xEF\xBB\xBF") {
        added.hint(format_args!("leave out the byte order mark"));
    } else if !matches!(head[0], b'{' | b'[' | b'"') {
        added.hint(format_args!("a job is sent as JSON; only the command line converts YAML"));
    }
}

/// Reports keys that are there twice, payloads included: an expression or a comparison could not tell which
/// of the two counts.
pub(crate) fn duplicate_keys(reader: &mut Reader<'_>, root: Raw<'_>) {
    let mut open: Vec<HashSet<Cow<'_, [u8]>>> = Vec::new();
    walk(root, |path, met| match met {
        Met::Open => open.push(HashSet::new()),
        Met::Close => drop(open.pop()),
        Met::Key(key, bytes) => {
            if open.last_mut().is_some_and(|keys| !keys.insert(bytes)) {
                let detail = format_args!("the key {} is there twice", quoted(key));
                reader.problems.add_at(|| path.pointer(), code::DUPLICATE_KEY, detail);
            }
        }
        Met::Text(_) => {}
    });
}

/// Reports what is wrong with a job that is part of a sound document.
pub(crate) fn check_whole(reader: &mut Reader<'_>, root: Raw<'_>) {
    if reader.is_object(root, &At::Root, JOB_SHAPE) {
        read(reader, root, &SubmitContext::default(), None);
    }
}

/// Finds the problems of a job in sound bytes, some of whose texts are not decided yet.
#[cfg(feature = "schedule")]
pub(crate) fn check_job(bytes: &[u8], undecided: Undecided<'_>, limits: &Limits) -> Vec<Problem> {
    let mut reader = Reader::new(limits);
    reader.undecided = undecided;
    check_whole(&mut reader, Raw::checked(bytes));
    reader.problems.into_vec()
}

fn read(reader: &mut Reader<'_>, root: Raw<'_>, context: &SubmitContext<'_>, given: Option<JobId>) -> Option<JobSpec> {
    let [kind, tasks] = root.get_all(["kind", "tasks"]);
    let head = head::read(reader, root, given);
    match (kind, tasks) {
        (kind, Some(tasks)) => {
            if kind.is_some() {
                let detail = format_args!("`kind` (one task) and `tasks` (a graph) exclude each other");
                reader.problems.add(&At::Root.key("kind"), code::CONTRADICTION, detail);
            }
            read_graph(reader, root, tasks, context, head)
        }
        (Some(kind), None) => read_single(reader, root, kind, context, head),
        (None, None) => {
            let detail = format_args!("a job needs `kind` (one task) or `tasks` (a graph)");
            let added = reader.problems.add(&At::Root, code::MISSING_FIELD, detail);
            match root.get("jobs") {
                Some(_) => added.hint(format_args!("`jobs` holds templates; what a job does stands under `tasks`")),
                None => added.hint(format_args!("the smallest job is {{\"kind\": \"demo.echo\"}}")),
            }
            let known = [COMMON_FIELDS, SINGLE_FIELDS, GRAPH_FIELDS, POLICY_FIELDS];
            for entry in root.entries().filter(|entry| !known.concat().contains(&&*entry.key)) {
                let hint = foreign(&entry.key, Place::Job).or_else(|| foreign(&entry.key, Place::Task));
                reader.unknown_field(&entry.key, &At::Root.key(&entry.key), &known, hint);
            }
            None
        }
    }
}

fn read_single(
    reader: &mut Reader<'_>,
    root: Raw<'_>,
    kind: Raw<'_>,
    context: &SubmitContext<'_>,
    head: Head,
) -> Option<JobSpec> {
    let (mut policy, mut jobs, mut input) = (PolicyDraft::default(), None, None);
    for entry in root.entries() {
        let key = &*entry.key;
        let place = At::Root.key(key);
        match key {
            "jobs" => jobs = Some(entry.value),
            "input" => input = Some(entry.value),
            _ => {}
        }
        if COMMON_FIELDS.contains(&key) || SINGLE_FIELDS.contains(&key) {
            continue;
        }
        if !policy.read(reader, key, entry.value, &place) {
            let hint = as_graph(key).or_else(|| foreign(key, Place::Task)).or_else(|| foreign(key, Place::Job));
            reader.unknown_field(key, &place, &[COMMON_FIELDS, SINGLE_FIELDS, POLICY_FIELDS], hint);
        }
    }
    let templates = templates(reader, jobs, root);
    let kind = task::read_kind(reader, kind, &At::Root.key("kind"))?;
    if let Some(built_in) = BuiltIn::of(&kind) {
        built_in::check(reader, built_in, input, &At::Root);
    }
    let input = input.map(|input| Doc::trusted(input.bytes()));
    let mut policies = Policies::new(message_policy(context));
    let policy = policies.resolve(policy, BuiltIn::of(&kind).is_some());
    let task = single_task(kind, input.clone(), policy);
    let mut job = head.into_job(Shape::Single, input.unwrap_or_else(Doc::null), vec![task]);
    job.templates = templates;
    Some(job)
}

/// Reads the templates of a job, and lets its tasks use them.
fn templates(reader: &mut Reader<'_>, jobs: Option<Raw<'_>>, root: Raw<'_>) -> JobTemplates {
    let Some(jobs) = jobs else { return JobTemplates::default() };
    template_rules::read(reader, root, jobs, |reader, template, place| {
        let mut inside = reader.inside(reader.undecided, None);
        let mut written = WrittenBody::default();
        for entry in template.entries() {
            let key = &*entry.key;
            if !written.take(key, entry.value) {
                let hint = not_in_template(key).or_else(|| foreign(key, Place::Job));
                inside.unknown_field(key, &At::Root.key(key), &[TEMPLATE_FIELDS], hint);
            }
        }
        if written.tasks.is_none() {
            let added = inside.problems.add(&At::Root, code::MISSING_FIELD, format_args!("a template has `tasks`"));
            added.hint(format_args!("{{\"jobs\": {{\"build\": {{\"tasks\": {{\"a\": {{\"kind\": …}}}}}}}}}}"));
        }
        read_body(&mut inside, &written, &SubmitContext::default());
        reader.adopt(inside.problems.into_vec(), &place.pointer());
    })
}

fn not_in_template(key: &str) -> Option<String> {
    if key == "jobs" {
        return Some("templates stand side by side under `jobs` of the job, and may use each other".to_owned());
    }
    COMMON_FIELDS.contains(&key).then(|| format!("`{key}` belongs to a job; a template is only what its sub-jobs do"))
}

/// Says how to write a single that has a field which only graphs have.
fn as_graph(key: &str) -> Option<String> {
    if GRAPH_FIELDS.contains(&key) {
        return Some(format!(
            "`{key}` belongs to a graph: write {{\"tasks\": {{\"a\": {{\"kind\": …}}}}, \"{key}\": …}}"
        ));
    }
    let in_task = task::TASK_FIELDS.contains(&key);
    in_task.then(|| {
        format!("`{key}` belongs to a task of a graph: write {{\"tasks\": {{\"a\": {{\"kind\": …, \"{key}\": …}}}}}}")
    })
}

fn single_task(kind: Kind, input: Option<Doc>, policy: Arc<Policy>) -> TaskSpec {
    TaskSpec {
        name: TaskName::new(SINGLE_NAME).expect("`task` keeps the rule for task names"),
        kind,
        input: input.map(Template::literal),
        needs: Vec::new(),
        dependents: Vec::new(),
        condition: None,
        run_on: RunOn::Success,
        allow_failure: AllowFailure::None,
        for_each: None,
        repeat: None,
        description: None,
        labels: BTreeMap::new(),
        policy,
    }
}

fn message_policy(context: &SubmitContext<'_>) -> PolicyDraft {
    PolicyDraft::with_priority(context.priority.map(|priority| priority.min(9)))
}

fn read_graph(
    reader: &mut Reader<'_>,
    root: Raw<'_>,
    tasks: Raw<'_>,
    context: &SubmitContext<'_>,
    head: Head,
) -> Option<JobSpec> {
    let (mut jobs, mut max_parallel) = (None, None);
    let mut written = WrittenBody { tasks: Some(tasks), ..WrittenBody::default() };
    for entry in root.entries() {
        let key = &*entry.key;
        match key {
            "jobs" => jobs = Some(entry.value),
            "max_parallel" => max_parallel = reader.integer(entry.value, &At::Root.key(key), 1, u32::MAX),
            "kind" => {}
            _ if written.take(key, entry.value) || COMMON_FIELDS.contains(&key) => {}
            _ => {
                let place = At::Root.key(key);
                let hint = in_defaults(key).or_else(|| foreign(key, Place::Job));
                reader.unknown_field(key, &place, &[COMMON_FIELDS, GRAPH_FIELDS], hint);
            }
        }
    }
    let templates = templates(reader, jobs, root);
    let body = read_body(reader, &written, context)?;
    let input = written.input.map_or_else(Doc::null, |input| Doc::trusted(input.bytes()));
    let mut job = head.into_job(Shape::Graph, input, body.tasks);
    (job.fail_fast, job.output, job.templates) = (body.fail_fast, body.output, templates);
    job.max_parallel = max_parallel;
    Some(job)
}

/// The fields of a graph that templates have too, as they are written.
#[derive(Default)]
struct WrittenBody<'a> {
    input: Option<Raw<'a>>,
    defaults: Option<Raw<'a>>,
    fail_fast: Option<Raw<'a>>,
    tasks: Option<Raw<'a>>,
    output: Option<Raw<'a>>,
}

impl<'a> WrittenBody<'a> {
    /// Takes one field; `false` if it is none of these.
    fn take(&mut self, key: &str, value: Raw<'a>) -> bool {
        let field = match key {
            "input" => &mut self.input,
            "defaults" => &mut self.defaults,
            "fail_fast" => &mut self.fail_fast,
            "tasks" => &mut self.tasks,
            "output" => &mut self.output,
            _ => return false,
        };
        *field = Some(value);
        true
    }
}

/// The same, read.
struct GraphBody {
    fail_fast: bool,
    tasks: Vec<TaskSpec>,
    output: Option<Template>,
}

fn read_body(reader: &mut Reader<'_>, written: &WrittenBody<'_>, context: &SubmitContext<'_>) -> Option<GraphBody> {
    let mut defaults = PolicyDraft::default();
    if let Some(value) = written.defaults {
        read_defaults(reader, value, &At::Root.key("defaults"), &mut defaults);
    }
    let fail_fast = written.fail_fast.and_then(|value| reader.boolean(value, &At::Root.key("fail_fast")));
    let (names, tasks) = read_tasks(reader, written.tasks?, defaults.over(&message_policy(context)))?;
    let output = written.output.and_then(|output| {
        let mut scope = Surroundings::new(&names, None);
        scope.template(reader, output, &At::Root.key("output"), Roots::default())
    });
    Some(GraphBody { fail_fast: fail_fast.unwrap_or(true), tasks: tasks?, output })
}

fn in_defaults(key: &str) -> Option<String> {
    if POLICY_FIELDS.contains(&key) {
        return Some(format!(
            "write it under `defaults`, for all tasks, or in a task: {{\"defaults\": {{\"{key}\": …}}}}"
        ));
    }
    task::TASK_FIELDS
        .contains(&key)
        .then(|| format!("`{key}` belongs to a task: {{\"tasks\": {{\"a\": {{\"{key}\": …}}}}}}"))
}

fn read_defaults(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>, defaults: &mut PolicyDraft) {
    if !reader.is_object(value, at, "an object such as {\"retry\": 3}") {
        return;
    }
    for entry in value.entries() {
        let place = at.key(&entry.key);
        if !defaults.read(reader, &entry.key, entry.value, &place) {
            reader.unknown_field(&entry.key, &place, &[POLICY_FIELDS], foreign(&entry.key, Place::Task));
        }
    }
}

/// The names of all tasks, and the tasks themselves unless one is wrong. `None` if there are no tasks to
/// speak of.
fn read_tasks<'a>(
    reader: &mut Reader<'_>,
    tasks: Raw<'a>,
    defaults: PolicyDraft,
) -> Option<(TaskNames<'a>, Option<Vec<TaskSpec>>)> {
    let at = At::Root.key("tasks");
    if tasks.sort() == Sort::List {
        let detail = format_args!("expected an object of tasks by name, found a list");
        reader.problems.add(&at, code::WRONG_TYPE, detail).hint(format_args!(
            "write each with its name, and what it waits for: \
             {{\"tasks\": {{\"first\": {{\"kind\": …}}, \"second\": {{\"kind\": …, \
             \"needs\": \"first\"}}}}}}"
        ));
        return None;
    }
    if !reader.is_object(tasks, &at, "an object of tasks by name") {
        return None;
    }
    let (count, most) = (tasks.entries().count(), reader.limits.tasks);
    if count == 0 {
        let added = reader.problems.add(&at, code::TOO_FEW, format_args!("a job needs at least one task"));
        added.hint(format_args!("{{\"tasks\": {{\"hello\": {{\"kind\": \"demo.echo\"}}}}}}"));
        return None;
    }
    if count > most {
        let added = reader.problems.add(&at, code::TOO_MANY, format_args!("{count} tasks, the limit is {most}"));
        added.hint(format_args!("many tasks of one kind are items: write one task with `for_each`"));
        return None;
    }
    let names = read_names(reader, tasks, &at);
    let (needs, specs) = read_specs(reader, tasks, &names, defaults, &at);
    let specs = link(reader, &names, needs, specs, &at);
    Some((names, specs))
}

fn read_names<'a>(reader: &mut Reader<'_>, tasks: Raw<'a>, at: &At<'_>) -> TaskNames<'a> {
    let mut names = TaskNames::default();
    for entry in tasks.entries() {
        if let Err(error) = TaskName::new(&entry.key) {
            reader.invalid_name(&error, &at.key(&entry.key));
        }
        // A name that is there twice is reported as a duplicate key.
        names.add(entry.key);
    }
    names
}

type Needs = Vec<Vec<u32>>;

fn read_specs(
    reader: &mut Reader<'_>,
    tasks: Raw<'_>,
    names: &TaskNames<'_>,
    defaults: PolicyDraft,
    at: &At<'_>,
) -> (Needs, Vec<Option<TaskSpec>>) {
    let mut policies = Policies::new(defaults);
    let mut needs = Vec::with_capacity(names.len());
    let mut specs = Vec::with_capacity(names.len());
    for entry in tasks.entries() {
        let next = needs.len();
        let position = names.position(&entry.key).filter(|position| *position as usize == next);
        let Some(position) = position else { continue };
        let mut scope = Surroundings::new(names, Some(position));
        let place = at.key(&entry.key);
        specs.push(task::read(reader, &mut policies, &mut scope, &entry.key, entry.value, &place));
        needs.push(scope.into_needs());
    }
    (needs, specs)
}

/// Checks the graph, and gives every task its needs and dependents if everything is sound.
fn link(
    reader: &mut Reader<'_>,
    names: &TaskNames<'_>,
    needs: Needs,
    specs: Vec<Option<TaskSpec>>,
    at: &At<'_>,
) -> Option<Vec<TaskSpec>> {
    let (count, most) = (needs.iter().map(Vec::len).sum::<usize>(), reader.limits.needs);
    if count > most {
        let detail = format_args!("{count} needs in all, implied ones included, the limit is {most}");
        let added = reader.problems.add(at, code::TOO_MANY, detail);
        added.hint(format_args!("put a task between the many and the many, or use `for_each`"));
    }
    report_cycles(reader, names, &needs, at);
    if !reader.problems.is_empty() {
        return None;
    }
    let mut specs: Vec<TaskSpec> = specs.into_iter().collect::<Option<_>>()?;
    for (spec, needs) in specs.iter_mut().zip(needs) {
        spec.needs = needs;
    }
    graph::link(&mut specs);
    Some(specs)
}

fn report_cycles(reader: &mut Reader<'_>, names: &TaskNames<'_>, needs: &Needs, at: &At<'_>) {
    for cycle in graph::cycles(needs) {
        let first = names.name(cycle[0]);
        let detail = format_args!("these tasks wait for each other: {}", in_words(&cycle, names));
        let added = reader.problems.add(&at.key(first), code::CYCLE, detail);
        added.hint(format_args!("`a -> b` means that a needs b; take one need, or one `tasks.…` reference, out"));
    }
}

/// A cycle as `a -> b -> a`, the middle of a long one left out.
fn in_words(cycle: &[u32], names: &TaskNames<'_>) -> String {
    let shown = |part: &[u32]| part.iter().map(|at| names.name(*at)).collect::<Vec<_>>().join(" -> ");
    let back = names.name(cycle[0]);
    if cycle.len() <= 2 * CYCLE_SHOWN {
        return format!("{} -> {back}", shown(cycle));
    }
    let (head, rest) = cycle.split_at(CYCLE_SHOWN);
    let (middle, tail) = rest.split_at(rest.len() - CYCLE_SHOWN);
    format!("{} -> … {} more … -> {} -> {back}", shown(head), middle.len(), shown(tail))
}

#[cfg(test)]
mod tests;
