//! `warrener schedule apply`: files become schedules.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde_json::{Map, Value};
use warrener_client::HttpClient;
use warrener_shared::schedule::ScheduleSpec;

use super::{all, own_document, read};
use crate::context::Context;
use crate::document::JobSource;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Files to be applied, and what becomes of the schedules that no file has.
#[derive(Debug, ClapArgs)]
pub(crate) struct ApplyArgs {
    /// Files with a schedule each, as YAML or JSON, or folders of them; - reads stdin
    #[arg(required = true, value_name = "FILE|FOLDER")]
    files: Vec<PathBuf>,
    /// Delete the schedules with the label of -l that no file has
    #[arg(long, requires = "label")]
    prune: bool,
    /// The label by which the schedules of these files are known
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = label)]
    label: Option<(String, String)>,
    /// Say what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
}

fn label(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "write NAME=VALUE, such as team=growth".to_owned())
}

/// Reads all files before anything is changed: one that is wrong must not leave half of a folder applied.
pub(super) async fn apply(context: &Context, args: &ApplyArgs) -> Result<Exit, Failure> {
    let sources = sources(&args.files)?;
    let (mut specs, mut problems): (Vec<(JobSource, ScheduleSpec)>, Vec<String>) = (Vec::new(), Vec::new());
    for source in sources {
        match read(&source) {
            Ok(spec) => specs.push((source, spec)),
            Err(failure) => problems.push(failure.lines()),
        }
    }
    let mut names = BTreeSet::new();
    for (source, spec) in &specs {
        if !names.insert(spec.name.to_string()) {
            problems.push(format!("{}: another file has the schedule {} too", source.name(), spec.name));
        }
    }
    if let Some((label, value)) = args.label.as_ref().filter(|_| args.prune) {
        let unlabelled = specs.iter().filter(|(_, spec)| spec.labels.get(label) != Some(value));
        problems.extend(unlabelled.map(|(source, _)| format!("{}: lacks the label {label}={value}", source.name())));
    }
    if !problems.is_empty() {
        return Err(Failure::new(Exit::Refused, "nothing was applied").details(problems));
    }
    let http = context.http()?;
    for (source, spec) in &specs {
        spec.warnings.iter().for_each(|warning| context.say(&format!("warning: {}", source.place(warning))));
        let outcome = apply_one(&http, source, spec, args.dry_run).await?;
        talk::words(&format!("{}: {outcome}", spec.name))?;
    }
    if args.prune {
        prune(&http, args, &names).await?;
    }
    Ok(Exit::Ok)
}

async fn apply_one(
    http: &HttpClient,
    source: &JobSource,
    spec: &ScheduleSpec,
    dry_run: bool,
) -> Result<&'static str, Failure> {
    let name = spec.name.as_str();
    let is_there = match http.schedule(name).await {
        Ok(answer) => {
            if is_same(&own_document(&answer.text)?, source)? {
                return Ok("unchanged");
            }
            true
        }
        Err(error) if error.status() == Some(404) => false,
        Err(error) => return Err(error.into()),
    };
    if !dry_run {
        http.put_schedule(name, source.json().to_vec()).await?;
    }
    Ok(match (is_there, dry_run) {
        (true, true) => "would be changed",
        (true, false) => "changed",
        (false, true) => "would be created",
        (false, false) => "created",
    })
}

/// Tells whether a schedule is what a file says. A file that says nothing of `paused` leaves that as it is.
fn is_same(there: &Map<String, Value>, source: &JobSource) -> Result<bool, Failure> {
    let mut wanted: Map<String, Value> = serde_json::from_slice(source.json())
        .map_err(|error| Failure::new(Exit::Error, format!("reading {}: {error}", source.name())))?;
    let mut there = there.clone();
    if !wanted.contains_key("paused") {
        there.remove("paused");
    }
    wanted.entry("name").or_insert_with(|| there["name"].clone());
    Ok(wanted == there)
}

async fn prune(http: &HttpClient, args: &ApplyArgs, kept: &BTreeSet<String>) -> Result<(), Failure> {
    let Some((label, value)) = &args.label else { return Ok(()) };
    let (schedules, _) = all(http).await?;
    let gone = schedules.iter().filter(|one| one.labels.get(label) == Some(value) && !kept.contains(&one.name));
    for one in gone {
        if args.dry_run {
            talk::words(&format!("{}: would be deleted", one.name))?;
        } else {
            http.delete_schedule(&one.name).await?;
            talk::words(&format!("{}: deleted", one.name))?;
        }
    }
    Ok(())
}

/// The files, those of folders by name.
fn sources(paths: &[PathBuf]) -> Result<Vec<JobSource>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(in_folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    files.iter().map(|file| JobSource::read(file)).collect()
}

fn in_folder(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::new(Exit::Error, format!("reading {}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_wanted = path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|one| end == *one));
        if is_wanted && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() {
        let none = format!("{} has no file that ends in .yaml, .yml or .json", folder.display());
        return Err(Failure::new(Exit::Usage, none));
    }
    Ok(files)
}
