//! Configuration of a worker process: `[amqp]`, `[log]`, `[worker]` and `[kinds.…]`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use warrener_runtime::config::{Amqp, ConfigErrors, ConfigProblem, Loaded, Loader, Log, Setting, Telemetry};
use warrener_shared::id::{Kind, LimitName, QueueName};

/// The configuration of one worker.
#[derive(Clone, Debug, Deserialize)]
pub struct Settings {
    /// The broker.
    pub amqp: Amqp,
    /// Level and form of the lines on stderr.
    pub log: Log,
    /// Spans for a collector of OpenTelemetry. Defaults to none.
    #[serde(default)]
    pub telemetry: Telemetry,
    /// The worker itself.
    pub worker: WorkerSection,
    /// Programs and endpoints by kind. Defaults to none.
    #[serde(default)]
    pub kinds: BTreeMap<String, KindSection>,
}

/// `[worker]`.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkerSection {
    /// Queues to serve, in order of preference. Defaults to `default`.
    pub queues: Vec<String>,
    /// Attempts worked on at once. Defaults to 8.
    pub slots: u32,
    /// Adds the kinds `demo.echo`, `demo.sleep`, `demo.fail` and `demo.crash`. Defaults to false.
    pub demo: bool,
    /// Time for what is held once the worker is asked to end. Defaults to 30 s.
    pub drain: Duration,
    /// An attempt that lasts longer is claimed, so that the broker's own limit on unsettled deliveries doesn't
    /// apply to it. Defaults to 60 s.
    pub claim_after: Duration,
}

/// `[kinds.…]`: a program or an endpoint.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct KindSection {
    /// Program and arguments.
    #[serde(default)]
    pub command: Option<Vec<String>>,
    /// Address that inputs are posted to.
    #[serde(default)]
    pub http: Option<String>,
    /// The limit whose key is paused when the endpoint answers 429. Defaults to none.
    #[serde(default)]
    pub pause_on_429: Option<String>,
    /// Names of more environment variables that the program may see. Defaults to none.
    #[serde(default)]
    pub env: Vec<String>,
}

/// The program or address that serves a kind, checked already.
pub(crate) enum KindService {
    Command { argv: Vec<String>, env: Vec<String> },
    Http(reqwest::Url, Option<LimitName>),
}

impl Settings {
    /// Reads the configuration from all its places and checks it.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load(loader: Loader) -> Result<Loaded<Self>, ConfigErrors> {
        let loaded = loader.load::<Self>()?;
        let mut problems = loaded.value.problems();
        for (path, problem) in &mut problems {
            let is_inside = |rest: &str| rest.is_empty() || rest.starts_with('.');
            let about = |setting: &&Setting| setting.path.strip_prefix(path.as_str()).is_some_and(is_inside);
            let setting = loaded.settings().iter().rev().find(about);
            problem.origin = setting.map(|setting| setting.origin.clone());
        }
        let problems: Vec<_> = problems.into_iter().map(|(_, problem)| problem).collect();
        if problems.is_empty() { Ok(loaded) } else { Err(ConfigErrors(problems)) }
    }

    /// Everything that is wrong, without the places it came from.
    pub(crate) fn check(&self) -> Result<(), ConfigErrors> {
        let problems: Vec<_> = self.problems().into_iter().map(|(_, problem)| problem).collect();
        if problems.is_empty() { Ok(()) } else { Err(ConfigErrors(problems)) }
    }

    /// Each problem with the setting that it is about.
    fn problems(&self) -> Vec<(String, ConfigProblem)> {
        let mut problems = self.worker.problems();
        for (kind, section) in &self.kinds {
            let path = format!("kinds.{}", key(kind));
            let found = kind_problem(kind).into_iter().chain(section.service().err());
            problems.extend(found.map(|found| (path.clone(), found.about(&path))));
        }
        problems
    }
}

impl WorkerSection {
    fn problems(&self) -> Vec<(String, ConfigProblem)> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        if self.queues.is_empty() {
            found.push(SettingFault::new("is empty", "name at least one queue, such as [\"default\"]"));
        }
        for queue in &self.queues {
            if let Err(error) = QueueName::new(queue) {
                found.push(SettingFault::new(format!("holds a bad name: {error}"), "queues are named as in jobs"));
            }
            if !seen.insert(queue) {
                found.push(SettingFault::new(format!("names {queue:?} twice"), "leave one out"));
            }
        }
        let path = "worker.queues".to_owned();
        found.into_iter().map(|found| (path.clone(), found.about(&path))).collect()
    }
}

impl KindSection {
    pub(crate) fn service(&self) -> Result<KindService, SettingFault> {
        match (&self.command, &self.http) {
            (Some(_), None) if self.pause_on_429.is_some() => {
                Err(SettingFault::new("has pause_on_429 without http", "only an endpoint answers 429: leave it out"))
            }
            (Some(argv), None) => command(argv, &self.env),
            (None, Some(url)) => endpoint(url, self.pause_on_429.as_deref(), &self.env),
            (None, None) => Err(SettingFault::new("does nothing", "give it a command or an http address")),
            (Some(_), Some(_)) => Err(SettingFault::new("has both command and http", "leave one out")),
        }
    }
}

fn command(argv: &[String], env: &[String]) -> Result<KindService, SettingFault> {
    let Some(program) = argv.first().filter(|program| !program.is_empty()) else {
        return Err(SettingFault::new("has an empty command", "the first item is the program"));
    };
    if !is_there(program) {
        let hint = "install it, or give its full path; commands run without a shell";
        return Err(SettingFault::new(format!("names a program that is not there: {program}"), hint));
    }
    Ok(KindService::Command { argv: argv.to_vec(), env: env.to_vec() })
}

fn endpoint(url: &str, limit: Option<&str>, env: &[String]) -> Result<KindService, SettingFault> {
    if !env.is_empty() {
        return Err(SettingFault::new("has env without a command", "endpoints have no environment: leave it out"));
    }
    let url = reqwest::Url::parse(url).map_err(|error| {
        SettingFault::new(format!("has a bad http address: {error}"), "such as http://model:8000/predict")
    })?;
    let limit = limit.map(LimitName::new).transpose().map_err(|error| {
        SettingFault::new(format!("has a bad pause_on_429: {error}"), "the name of a limit of the orchestrator")
    })?;
    Ok(KindService::Http(url, limit))
}

fn kind_problem(kind: &str) -> Option<SettingFault> {
    if let Err(error) = Kind::new(kind) {
        return Some(SettingFault::new(format!("has a bad name: {error}"), "kinds are named as in jobs"));
    }
    let reserved = ["task.", "warrener."].into_iter().find(|prefix| kind.starts_with(prefix))?;
    Some(SettingFault::new(format!("lies under {reserved}"), "that is Warrener's own: choose another name"))
}

/// A name as TOML writes it between dots.
fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    if is_bare { name.to_owned() } else { format!("{name:?}") }
}

/// Tells whether a program can be found as the system will look for it: at its path, or by its name in `PATH`.
fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder: PathBuf| folder.join(program).exists())
}

/// Something wrong with one setting.
#[derive(Debug)]
pub(crate) struct SettingFault {
    what: String,
    hint: &'static str,
}

impl SettingFault {
    fn new(what: impl Into<String>, hint: &'static str) -> Self {
        Self { what: what.into(), hint }
    }

    fn about(self, path: &str) -> ConfigProblem {
        ConfigProblem { message: format!("{path} {}", self.what), origin: None, hint: Some(self.hint.to_owned()) }
    }
}

#[cfg(test)]
mod tests;
