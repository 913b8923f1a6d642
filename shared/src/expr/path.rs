//! Bare paths: a name followed by `.name`, `[integer]` and `["key"]`.

use super::{Reference, Scope, TaskScope};
use crate::json::{Doc, Kind, ObjectWriter, Step};

/// A path whose beginning is known to exist.
#[derive(Clone, Debug)]
pub(super) struct Path {
    /// Text of the path as written.
    text: Box<str>,
    root: Root,
    /// Below the root.
    steps: Box<[Step]>,
    /// Ends of the texts of the root and of each step, in bytes.
    ends: Box<[usize]>,
}

/// A path in an expression.
pub(super) struct Found {
    pub(super) path: Path,
    /// Position of its first token, and of the one after its last.
    pub(super) from: usize,
    pub(super) to: usize,
    /// True if it may lead nowhere, because `default()` or `coalesce()` takes care of that.
    pub(super) optional: bool,
}

/// Start of a path: as much of it as is not looked up in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Root {
    Input,
    Task(String, Part),
    Job(JobPart),
    Item,
    Index,
    Total,
    Round,
    Previous,
    RoundOutput,
    Schedule,
    Kind,
    Queue,
}

/// Part of a task that a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    Status,
    Output,
    Error,
    Attempts,
    Results,
}

/// Part of the job that a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JobPart {
    Whole,
    Id,
    Name,
    Labels,
}

impl Part {
    pub(super) const NAMES: [&str; 5] = ["status", "output", "error", "attempts", "results"];

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "status" => Self::Status,
            "output" => Self::Output,
            "error" => Self::Error,
            "attempts" => Self::Attempts,
            "results" => Self::Results,
            _ => return None,
        })
    }
}

impl JobPart {
    pub(super) const NAMES: [&str; 3] = ["id", "name", "labels"];

    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "name" => Self::Name,
            "labels" => Self::Labels,
            _ => return None,
        })
    }
}

/// The reason why a path leads nowhere.
#[derive(Clone, Debug)]
pub(super) enum Miss {
    /// The step at this position finds nothing in this value.
    Step(usize, Doc),
    /// The root is not in scope.
    Scope,
}

impl Miss {
    /// True if `default()` and `coalesce()` cover it: any step of the path.
    pub(super) const fn may_default(&self) -> bool {
        matches!(self, Self::Step(..))
    }
}

impl Path {
    pub(super) fn new(text: &str, root: Root, steps: Vec<Step>, ends: Vec<usize>) -> Self {
        Self { text: text.into(), root, steps: steps.into(), ends: ends.into() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The task that it names as a whole, without a part of it.
    pub(super) fn whole_task(&self) -> Option<&str> {
        match &self.root {
            Root::Task(task, Part::Whole) => Some(task),
            _ => None,
        }
    }

    /// The task whose status it is.
    pub(super) fn status_of(&self) -> Option<&str> {
        match &self.root {
            Root::Task(task, Part::Status) if self.steps.is_empty() => Some(task),
            _ => None,
        }
    }

    /// Makes the path of a task as a whole, or of its status, that of its status; false if it is another one.
    pub(super) fn take_status(&mut self) -> bool {
        if let Root::Task(_, part @ Part::Whole) = &mut self.root {
            *part = Part::Status;
        }
        self.status_of().is_some()
    }

    /// Reads that the path needs, if it refers to a task.
    pub(super) fn reference(&self) -> Option<Reference> {
        let Root::Task(task, part) = &self.root else { return None };
        let uses = |wanted: Part| *part == wanted || *part == Part::Whole;
        Some(Reference {
            task: task.clone(),
            output: uses(Part::Output),
            error: uses(Part::Error),
            results: uses(Part::Results),
        })
    }

    /// The value at its end.
    pub(super) fn resolve(&self, scope: &Scope<'_>) -> Result<Doc, Miss> {
        let mut doc = self.base(scope).ok_or(Miss::Scope)?;
        for (at, step) in self.steps.iter().enumerate() {
            doc = match doc.step(step) {
                Some(below) => below,
                None => return Err(Miss::Step(at, doc)),
            };
        }
        Ok(doc)
    }

    /// Says in words what is missing.
    pub(super) fn explain(&self, miss: &Miss) -> String {
        let until = |step: usize| self.ends.get(step).map_or(&*self.text, |&end| &self.text[..end]);
        match miss {
            Miss::Scope => format!("`{}` is not in scope here", until(0)),
            Miss::Step(at, parent) => {
                let why = self.steps.get(*at).map_or_else(String::new, |step| reason(step, parent));
                format!("`{}` is undefined: `{}` {why}", until(at + 1), until(*at))
            }
        }
    }

    fn base(&self, scope: &Scope<'_>) -> Option<Doc> {
        let item = || scope.item.as_ref();
        let round = || scope.round.as_ref();
        match &self.root {
            Root::Input => Some(scope.input.clone()),
            Root::Task(name, part) => scope.tasks.get(name.as_str()).map(|task| part.of(task)),
            Root::Job(part) => Some(part.of(scope)),
            Root::Item => item().map(|item| item.item.clone()),
            Root::Index => item().map(|item| number(item.index)),
            Root::Total => item().map(|item| number(item.total)),
            Root::Round => round().map(|round| number(round.round)),
            Root::Previous => round().map(|round| round.previous.clone()),
            Root::RoundOutput => round().map(|round| round.output.clone()),
            Root::Schedule => scope.schedule.cloned(),
            Root::Kind => scope.task.map(|(kind, _)| Doc::text(kind)),
            Root::Queue => scope.task.map(|(_, queue)| Doc::text(queue)),
        }
    }
}

impl Part {
    fn of(self, task: &TaskScope) -> Doc {
        match self {
            Self::Status => Doc::text(task.status.as_str()),
            Self::Output => task.output.clone(),
            Self::Error => task.error.clone(),
            Self::Attempts => number(task.attempts),
            Self::Results => task.results.clone(),
            Self::Whole => object(Self::NAMES.iter().filter_map(|name| Some((*name, Self::named(name)?.of(task))))),
        }
    }
}

impl JobPart {
    fn of(self, scope: &Scope<'_>) -> Doc {
        match self {
            Self::Id => Doc::text(scope.job_id),
            Self::Name => scope.job_name.map_or_else(Doc::null, Doc::text),
            Self::Labels => object(scope.job_labels.iter().map(|(key, value)| (key.as_str(), Doc::text(value)))),
            Self::Whole => object(Self::NAMES.iter().filter_map(|name| Some((*name, Self::named(name)?.of(scope))))),
        }
    }
}

fn object<'a>(entries: impl Iterator<Item = (&'a str, Doc)>) -> Doc {
    let mut writer = ObjectWriter::new(usize::MAX);
    let written = entries.into_iter().try_for_each(|(key, value)| writer.push(key, value.bytes()));
    Doc::trusted(written.and_then(|()| writer.finish()).expect("nothing is larger than the address space"))
}

fn number(number: u32) -> Doc {
    Doc::trusted(number.to_string().into_bytes())
}

fn reason(step: &Step, parent: &Doc) -> String {
    match (step, parent.kind()) {
        (Step::Key(key), Kind::Object) => format!("has no key `{key}`"),
        (Step::Index(_), Kind::List) => match parent.len() {
            Some(1) => "has 1 element".to_owned(),
            length => format!("has {} elements", length.unwrap_or_default()),
        },
        (_, kind) => format!("is {kind}"),
    }
}
