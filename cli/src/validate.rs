//! `warrener validate`: checking job files without a server.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde::de::IgnoredAny;
use warrener_shared::job::{JobSpec, Problem, SubmitContext, parse};
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
    let unused = |name: &str| Problem {
        pointer: format!("/jobs/{name}"),
        code: String::new(),
        detail: format!("warning: nothing uses the template `{name}`"),
        hint: None,
    };
    job.templates.unused().map(|name| format!("\n{}", source.place(&unused(name)))).collect()
}

fn size(job: &JobSpec) -> String {
    let plural = if job.tasks.len() == 1 { "" } else { "s" };
    format!("{} task{plural}", job.tasks.len())
}
