//! `warrener validate`: checking job files without a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde::de::IgnoredAny;
use warrener_shared::job::{JobSpec, Problem, RunOn, SubmitContext, parse};
use warrener_shared::limits::Limits;
use warrener_shared::schedule;

use crate::document::JobSource;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

#[derive(Debug, ClapArgs)]
pub(crate) struct ValidateArgs {
    /// Job files, as YAML or JSON; - reads stdin
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

/// Checks every file and reports every problem with its place.
pub(crate) fn validate(args: &ValidateArgs) -> Result<Exit, Failure> {
    let mut worst = Exit::Ok;
    for file in &args.files {
        match check(file) {
            Ok(line) => talk::say(&line),
            Err(failure) => {
                talk::say(&failure.lines());
                // A file that can't even be read says nothing about jobs, so it outweighs a refusal.
                worst = if worst == Exit::Error { worst } else { failure.exit };
            }
        }
    }
    Ok(worst)
}

fn check(file: &Path) -> Result<String, Failure> {
    let source = JobSource::read(file)?;
    if is_schedule(source.json()) {
        return check_schedule(&source);
    }
    let parsed = parse(source.json(), &SubmitContext::default(), &Limits::DEFAULT);
    match parsed {
        Ok(job) => Ok(format!("{}: ok, {}{}", source.name(), size(&job), warnings(&source, &job))),
        Err(problems) => {
            let places = problems.iter().map(|problem| source.place(problem)).collect();
            Err(Failure::new(Exit::Refused, "").details(places))
        }
    }
}

/// Tells whether a document is a schedule: no job has a job.
fn is_schedule(json: &[u8]) -> bool {
    let document: Option<BTreeMap<String, IgnoredAny>> = serde_json::from_slice(json).ok();
    document.is_some_and(|document| document.contains_key("job"))
}

fn check_schedule(source: &JobSource) -> Result<String, Failure> {
    match schedule::parse(source.json(), &Limits::DEFAULT) {
        Ok(spec) => {
            let warnings = spec.warnings.iter().map(|warning| format!("\nwarning: {}", source.place(warning)));
            Ok(format!("{}: ok, a schedule{}", source.name(), warnings.collect::<String>()))
        }
        Err(problems) => {
            let places = problems.iter().map(|problem| source.place(problem)).collect();
            Err(Failure::new(Exit::Refused, "").details(places))
        }
    }
}

/// The warnings of a sound job, each on a line of its own.
fn warnings(source: &JobSource, job: &JobSpec) -> String {
    let warn = |pointer: String, why: &str| {
        let detail = format!("warning: {why}");
        format!("\n{}", source.place(&Problem { pointer, code: String::new(), detail, hint: None }))
    };
    let unused = job.templates.unused().map(|name| {
        let why = format!("nothing uses the template `{name}`");
        warn(format!("/jobs/{name}"), &why)
    });
    let alone = job.tasks.iter().filter(|task| task.needs.is_empty()).filter_map(|task| {
        let why = match task.run_on {
            RunOn::Failure => "`run_on: failure` without `needs` never runs: name the tasks whose failure it waits for",
            RunOn::Done => "`run_on: done` without `needs` runs at once: name the tasks whose end it waits for",
            RunOn::Success | RunOn::UnlessFailed => return None,
        };
        Some(warn(format!("/tasks/{}/run_on", task.name), why))
    });
    let foreign = has_foreign_braces(source.json())
        .then(|| warn(String::new(), "`{{ … }}` is plain text here: an expression is `${{ … }}`"));
    unused.chain(alone).chain(foreign).collect()
}

/// Tells whether a text in a document has two braces without a dollar sign before them. Two braces side by side can be
/// nowhere else in JSON.
fn has_foreign_braces(json: &[u8]) -> bool {
    (1..json.len())
        .any(|at| json[at] == b'{' && json[at - 1] == b'{' && (at < 2 || !matches!(json[at - 2], b'$' | b'{')))
}

fn size(job: &JobSpec) -> String {
    let plural = if job.tasks.len() == 1 { "" } else { "s" };
    format!("{} task{plural}", job.tasks.len())
}
