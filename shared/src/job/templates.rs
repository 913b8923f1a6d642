//! Templates: jobs that a job names under `jobs`, and that its tasks of kind `warrener.job` run by that name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::BuiltIn;
use super::raw::{Raw, Sort};
use crate::json::Doc;
use crate::limits::SUB_JOB_LEVELS;

/// The fields of a template.
pub(crate) const TEMPLATE_FIELDS: &[&str] = &["input", "defaults", "fail_fast", "tasks", "output"];

/// The templates of a job, by name; cheap to clone. They exist, and none uses itself.
#[derive(Clone, Debug, Default)]
pub struct JobTemplates(Option<Arc<TemplatesByName>>);

#[derive(Debug)]
struct TemplatesByName {
    by_name: BTreeMap<Box<str>, JobTemplate>,
    unused: Vec<Box<str>>,
}

#[derive(Debug)]
struct JobTemplate {
    /// As it is written.
    body: Doc,
    /// The templates that it uses itself.
    uses: Vec<Box<str>>,
}

impl JobTemplates {
    /// The templates that nothing in the job uses, by name.
    pub fn unused(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|templates| templates.unused.iter().map(|name| &**name))
    }

    /// True if there is no template.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The document of a job of this template, with this input instead of its own, and the templates that it uses.
    /// `None` if there is no such template.
    pub(crate) fn job(&self, name: &str, input: Option<Raw<'_>>) -> Option<Vec<u8>> {
        let template = self.0.as_ref()?.by_name.get(name)?;
        let body = Raw::checked(template.body.bytes());
        let mut job = Vec::with_capacity(template.body.bytes().len() + 64);
        job.extend_from_slice(b"{\"name\":\"");
        job.extend_from_slice(name.as_bytes());
        job.push(b'"');
        if let Some(input) = input {
            job.extend_from_slice(b",\"input\":");
            job.extend_from_slice(input.bytes());
        }
        for entry in body.entries().filter(|entry| input.is_none() || entry.key != "input") {
            job.extend_from_slice(b",\"");
            job.extend_from_slice(entry.key.as_bytes());
            job.extend_from_slice(b"\":");
            job.extend_from_slice(entry.value.bytes());
        }
        self.push_used(&mut job, b",\"jobs\":{", template.uses.iter().map(|name| &**name));
        job.push(b'}');
        Some(job)
    }

    /// A job, as it is written, with those of these templates that it uses.
    pub(crate) fn handed_down<'a>(&self, job: Raw<'a>) -> Cow<'a, [u8]> {
        let bytes = job.bytes();
        let used = if self.is_empty() { BTreeMap::new() } else { uses_of([job].into_iter().chain(own_templates(job))) };
        if used.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let own = job.get("jobs").filter(|own| own.sort() == Sort::Object);
        let (kept, end): (&[u8], &[u8]) = match own {
            // Those of its own come first, at their place; what is handed down follows them.
            Some(own) => bytes.split_at(own.offset() - job.offset() + own.bytes().len() - 1),
            None => bytes.split_at(bytes.len() - 1),
        };
        let begin: &[u8] = match own {
            Some(own) if own.entries().next().is_some() => b",",
            Some(_) => b"",
            None => b",\"jobs\":{",
        };
        let mut whole = kept.to_vec();
        let names = used.keys().map(|name| &**name).filter(|name| own.is_none_or(|own| own.get(name).is_none()));
        let pushed = self.push_used(&mut whole, begin, names);
        if pushed && own.is_some() {
            // It closed the object, whose own bracket comes with the rest.
            whole.pop();
        }
        whole.extend_from_slice(end);
        Cow::Owned(whole)
    }

    /// Appends these templates and those that they use, behind `begin`, and a closing bracket; true if there are any.
    fn push_used<'n>(&'n self, out: &mut Vec<u8>, begin: &[u8], names: impl Iterator<Item = &'n str>) -> bool {
        let Some(templates) = &self.0 else { return false };
        let mut open: Vec<&str> = names.collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = open.pop() {
            let Some(template) = templates.by_name.get(name) else { continue };
            if !seen.insert(name) {
                continue;
            }
            out.extend_from_slice(if seen.len() == 1 { begin } else { b"," });
            out.push(b'"');
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            out.extend_from_slice(template.body.bytes());
            open.extend(template.uses.iter().map(|name| &**name));
        }
        if !seen.is_empty() {
            out.push(b'}');
        }
        !seen.is_empty()
    }
}

impl JobTemplates {
    /// Keeps these templates, each as it is written, with those that it uses, and the names of those that nothing uses.
    pub(crate) fn new<'a>(written: impl Iterator<Item = (&'a str, Raw<'a>)>, unused: Vec<Box<str>>) -> Self {
        let template = |body: Raw<'a>| JobTemplate {
            body: Doc::trusted(body.bytes()),
            uses: uses(body).keys().map(|name| Box::from(&**name)).collect(),
        };
        let by_name: BTreeMap<_, _> = written.map(|(name, body)| (name.into(), template(body))).collect();
        Self((!by_name.is_empty()).then(|| Arc::new(TemplatesByName { by_name, unused })))
    }

    /// Names of the templates, for whoever reads a job that may use them.
    pub(crate) fn names(&self) -> Option<Rc<TemplateNames>> {
        let templates = self.0.as_ref()?;
        Some(Rc::new(TemplateNames { around: None, own: templates.by_name.keys().cloned().collect() }))
    }
}

/// The names of the templates that a job may use: its own, and those of the jobs around it.
pub(crate) struct TemplateNames {
    around: Option<Rc<Self>>,
    own: BTreeSet<Box<str>>,
}

impl TemplateNames {
    /// Takes the names of the templates in this object, beside those of the jobs around.
    pub(crate) fn of(jobs: Raw<'_>, around: Option<Rc<Self>>) -> Self {
        Self { around, own: jobs.entries().map(|entry| entry.key.into()).collect() }
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.levels().any(|names| names.own.contains(name))
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &str> {
        self.levels().flat_map(|names| names.own.iter().map(|name| &**name))
    }

    fn levels(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |names| names.around.as_deref())
    }
}

/// The templates that the tasks of a job name, and those of jobs that are written inside of it, with theirs; with the
/// number of jobs between.
pub(crate) fn uses(job: Raw<'_>) -> BTreeMap<Cow<'_, str>, u8> {
    uses_of(std::iter::once(job))
}

/// Bodies of the templates that a job has itself.
fn own_templates(job: Raw<'_>) -> impl Iterator<Item = Raw<'_>> {
    job.get("jobs").into_iter().flat_map(|jobs| jobs.entries().map(|entry| entry.value))
}

fn uses_of<'a>(jobs: impl Iterator<Item = Raw<'a>>) -> BTreeMap<Cow<'a, str>, u8> {
    let mut found = BTreeMap::new();
    let mut open: Vec<(Raw<'a>, u8)> = jobs.map(|job| (job, 1)).collect();
    while let Some((job, level)) = open.pop() {
        let tasks = job.get("tasks").map(|tasks| tasks.entries().map(|entry| entry.value));
        for task in tasks.into_iter().flatten().chain([job]) {
            if task.get("kind").and_then(Raw::text).is_none_or(|kind| kind != BuiltIn::Job.name()) {
                continue;
            }
            let Some(input) = task.get("input") else { continue };
            if let Some(name) = input.get("use").and_then(Raw::text) {
                let deepest = found.entry(name).or_insert(level);
                *deepest = level.max(*deepest);
            }
            if let Some(inside) = input.get("job").filter(|_| level <= SUB_JOB_LEVELS) {
                open.push((inside, level + 1));
                open.extend(own_templates(inside).map(|template| (template, level + 2)));
            }
        }
    }
    found
}
