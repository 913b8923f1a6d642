//! Merging the layers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::layer::{self, ConfigEntry, Known};
use super::origin::Origin;
use super::problem::{ConfigErrors, ConfigProblem};
use super::production::{DevelopmentPassword, refuse_development_password};
use super::schema::{Binary, KEYS, Secrecy, find};
use super::section::Amqp;
use super::show::{self, Setting};
use super::spelling::dotted;
use super::value::{RawSetting, Typed};
use super::{env, file, secret};

/// Reads the configuration of one binary from all its places.
#[derive(Clone, Debug)]
pub struct Loader {
    readers: Vec<Binary>,
    directory: PathBuf,
    file: Option<PathBuf>,
    environment: Vec<(String, String)>,
    flags: Vec<Flag>,
}

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// The flag as it is written, such as `--listen`.
    pub flag: &'static str,
    /// The setting that it replaces, such as `http.listen`.
    pub path: &'static str,
    /// Value as text.
    pub value: String,
}

/// A configuration together with where it came from.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The configuration.
    pub value: T,
    settings: Vec<Setting>,
}

impl<T> Loaded<T> {
    /// Every effective setting in the order of the schema, secrets masked.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The effective settings as text, each with its origin, secrets masked.
    pub fn show(&self) -> String {
        show::lines(&self.settings)
    }
}

impl Loader {
    /// A loader of what `binary` reads, from `warrener.toml` in the working directory if it is there and
    /// from the environment of this process.
    pub fn new(binary: Binary) -> Self {
        Self::for_binaries(&[binary])
    }

    /// A loader of what all of these read; for a process that is several of them, and for checks.
    pub fn for_binaries(binaries: &[Binary]) -> Self {
        let readable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        };
        Self {
            readers: binaries.to_vec(),
            directory: PathBuf::from("."),
            file: None,
            environment: std::env::vars_os().filter_map(readable).collect(),
            flags: Vec::new(),
        }
    }

    /// Reads this file, which must be there, instead of `warrener.toml`. `None` changes nothing.
    #[must_use]
    pub fn file(mut self, file: Option<PathBuf>) -> Self {
        self.file = file.or(self.file);
        self
    }

    /// Looks for `warrener.toml` here instead of in the working directory.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Takes these variables for the environment of this process.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.environment = variables.into_iter().collect();
        self
    }

    /// Adds settings given on the command line. They win over everything else.
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = Flag>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Merges all layers into a `T`, whose fields are those sections and settings that it needs; it must
    /// not deny unknown fields. A duration may be a [`std::time::Duration`].
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn load<T: DeserializeOwned>(self) -> Result<Loaded<T>, ConfigErrors> {
        let mut problems = Vec::new();
        let merged = self.merge(&mut problems);
        problems.extend(self.refuse_development_password(&merged));
        let value = deserialize(&merged);
        if let (true, Err(problem)) = (problems.is_empty(), &value) {
            problems.push(problem.clone());
        }
        match value {
            Ok(value) if problems.is_empty() => Ok(Loaded { value, settings: settings(merged) }),
            _ => Err(ConfigErrors(problems)),
        }
    }

    fn merge(&self, problems: &mut Vec<ConfigProblem>) -> Vec<Setter> {
        let mut setters = Vec::new();
        for layer in self.layers(problems) {
            let (known, unknown): (Vec<_>, Vec<_>) =
                layer.into_iter().map(ConfigEntry::resolve).partition(Result::is_ok);
            problems.extend(unknown.into_iter().filter_map(Result::err));
            let known: Vec<Known> = known.into_iter().filter_map(Result::ok).collect();
            problems.extend(layer::contradictions(&known));
            for entry in known.into_iter().filter(|entry| self.reads(entry)) {
                entry.convert().map_or_else(|problem| problems.push(problem), |setter| setters.push(setter));
            }
        }
        setters
    }

    fn reads(&self, entry: &Known) -> bool {
        self.readers.iter().any(|binary| entry.key.is_read_by(*binary))
    }

    fn layers(&self, problems: &mut Vec<ConfigProblem>) -> [Vec<ConfigEntry>; 4] {
        let file = self.file_to_read().map_or_else(|| Ok(Vec::new()), |path| file::entries(&path));
        let file = file.unwrap_or_else(|problem| {
            problems.push(problem);
            Vec::new()
        });
        [defaults(), file, env::entries(&self.environment), self.flags.iter().map(Flag::entry).collect()]
    }

    fn file_to_read(&self) -> Option<PathBuf> {
        let usual = || Some(self.directory.join(FILE)).filter(|path| path.exists());
        // The working directory is not worth naming in every message.
        let plain = |path: PathBuf| path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
        self.file.clone().or_else(usual).map(plain)
    }

    fn refuse_development_password(&self, merged: &[Setter]) -> Option<ConfigProblem> {
        let production = self.environment.iter().any(|(name, value)| name == "WARRENER_ENV" && value == "production");
        let serves = self.readers.iter().any(|binary| *binary != Binary::Cli);
        // The command line may never talk to the broker at all: it asks the guard when it does.
        if !(production && serves) {
            return None;
        }
        let amqp: WithAmqp = deserialize(merged).ok()?;
        let refused = refuse_development_password(&amqp.amqp.address()).err()?;
        let origin =
            merged.iter().rev().find(|setter| setter.path.join(".") == "amqp.url").map(|setter| setter.origin.clone());
        Some(ConfigProblem { message: refused.to_string(), origin, hint: Some(DevelopmentPassword::HINT.to_owned()) })
    }
}

#[derive(serde::Deserialize)]
struct WithAmqp {
    amqp: Amqp,
}

impl Flag {
    fn entry(&self) -> ConfigEntry {
        let path = self.path.split('.').map(str::to_owned).collect();
        ConfigEntry { path, raw: RawSetting::Text(self.value.clone()), origin: Origin::Flag(self.flag) }
    }
}

fn defaults() -> Vec<ConfigEntry> {
    let entry = |key: &super::schema::Key| {
        let path = key.segments().map(str::to_owned).collect();
        Some(ConfigEntry { path, raw: RawSetting::Text(key.default?.to_owned()), origin: Origin::Default })
    };
    KEYS.iter().filter_map(entry).collect()
}

/// A value that is ready to be merged.
#[derive(Clone, Debug)]
struct Setter {
    path: Vec<String>,
    value: Typed,
    secrecy: Secrecy,
    origin: Origin,
}

impl Known {
    fn convert(self) -> Result<Setter, ConfigProblem> {
        let name = dotted(&self.path);
        let raw = match (&self.raw, self.is_file) {
            (RawSetting::Text(file), true) => RawSetting::Text(secret::read(&name, file, &self.origin)?),
            _ => self.raw.clone(),
        };
        let value = self.key.kind.convert(&raw).map_err(|expected| {
            let written = written(&raw, self.key.secrecy);
            ConfigProblem::new(format!("{name}{written} is not {expected}"), &self.origin)
        })?;
        Ok(Setter { path: self.path, value, secrecy: self.key.secrecy, origin: self.origin })
    }
}

/// Quotes the written value as part of a message; empty if it may hold a secret.
fn written(raw: &RawSetting, secrecy: Secrecy) -> String {
    let may_hold_one = match secrecy {
        Secrecy::Open => false,
        Secrecy::Secret => true,
        Secrecy::Url | Secrecy::Command => matches!(raw, RawSetting::Text(_) | RawSetting::List(_)),
    };
    if may_hold_one {
        return String::new();
    }
    match raw {
        RawSetting::Text(text) => format!(" = {text:?}"),
        RawSetting::Bool(value) => format!(" = {value}"),
        RawSetting::Int(number) => format!(" = {number}"),
        RawSetting::List(items) => format!(" = {items:?}"),
        RawSetting::Other(what) => format!(" is {what}: it"),
    }
}

/// A setting as a source of the `config` crate; the later of two sources wins.
impl Source for Setter {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let (root, inner) = self.path.split_first().expect("a path has segments");
        let leaf = self.value.to_value(&self.origin.to_string());
        let wrap = |value: Value, name: &String| Value::new(None, ValueKind::Table(Map::from([(name.clone(), value)])));
        Ok(Map::from([(root.clone(), inner.iter().rev().fold(leaf, wrap))]))
    }
}

fn deserialize<T: DeserializeOwned>(setters: &[Setter]) -> Result<T, ConfigProblem> {
    let builder = setters.iter().fold(Config::builder(), |builder, setter| builder.add_source(setter.clone()));
    let read = builder.build().and_then(Config::try_deserialize);
    read.map_err(|error| ConfigProblem { message: error.to_string(), origin: None, hint: None })
}

fn settings(setters: Vec<Setter>) -> Vec<Setting> {
    let latest: BTreeMap<Vec<String>, Setter> =
        setters.into_iter().map(|setter| (setter.path.clone(), setter)).collect();
    let mut settings: Vec<_> = latest.into_values().collect();
    settings.sort_by_key(|setter| KEYS.iter().position(|key| key.matches(&setter.path)));
    let setting = |setter: Setter| Setting {
        about: find(&setter.path).map_or("", |key| key.doc),
        path: dotted(&setter.path),
        value: secret::mask(setter.secrecy, setter.value.shown()),
        origin: setter.origin,
    };
    settings.into_iter().map(setting).collect()
}

/// Read from the working directory unless another file is named.
const FILE: &str = "warrener.toml";
