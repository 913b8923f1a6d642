//! The orchestrators that have names: a file of the person's own.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::exit::Exit;
use crate::failure::Failure;

/// All names, and the one in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ContextBook {
    /// The name of the orchestrator to talk to where nothing else is said.
    #[serde(default)]
    pub(crate) current: Option<String>,
    /// The orchestrators by name.
    #[serde(default)]
    pub(crate) contexts: BTreeMap<String, NamedServer>,
}

/// An orchestrator that has a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NamedServer {
    /// Address.
    pub(crate) url: String,
    /// The file with the token to show it.
    #[serde(default)]
    pub(crate) token_file: Option<PathBuf>,
}

impl ContextBook {
    /// Reads the file; an empty book if there is none.
    pub(crate) fn load() -> Result<Self, Failure> {
        let Some(path) = place() else { return Ok(Self::default()) };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed("reading", &path, &error)),
        };
        serde_json::from_str(&text).map_err(|error| failed("reading", &path, &error))
    }

    /// Writes the file anew, as a whole.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        const MISSING: &str = "there is no place for names: neither XDG_CONFIG_HOME nor HOME is set";
        let missing = || Failure::new(Exit::Error, MISSING);
        let path = place().ok_or_else(missing)?;
        let text = serde_json::to_string_pretty(self).expect("names are text");
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let write = || {
            std::fs::create_dir_all(folder)?;
            let file = tempfile::NamedTempFile::new_in(folder)?;
            std::fs::write(file.path(), text + "\n")?;
            file.persist(&path).map_err(|error| error.error).map(drop)
        };
        write().map_err(|error: std::io::Error| failed("writing", &path, &error))
    }

    /// The orchestrator of this name.
    pub(crate) fn get(&self, name: &str) -> Result<&NamedServer, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            let hint = match known.is_empty() {
                true => "warrener context set NAME --url URL".to_owned(),
                false => known.join(", "),
            };
            Failure::new(Exit::NotFound, format!("no orchestrator has the name {name:?}")).hint(hint)
        })
    }
}

impl NamedServer {
    /// The token to show it.
    pub(crate) fn token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let text = std::fs::read_to_string(path).map_err(|error| failed("reading the token in", path, &error))?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Place of the file.
fn place() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = set("XDG_CONFIG_HOME").or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(folder.join("warrener").join("contexts.json"))
}

fn failed(doing: &str, path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, format!("{doing} {}: {error}", path.display()))
}
