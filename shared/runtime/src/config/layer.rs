//! Values from one place, before they are merged.

use super::origin::Origin;
use super::problem::ConfigProblem;
use super::schema::{self, KEYS, Key};
use super::spelling::{dotted, in_the_manner_of};
use super::value::RawSetting;

/// A value as somebody wrote it, with its key and its origin.
#[derive(Clone, Debug)]
pub(super) struct ConfigEntry {
    pub(super) path: Vec<String>,
    pub(super) raw: RawSetting,
    pub(super) origin: Origin,
}

/// An entry whose key is known.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) key: &'static Key,
    pub(super) path: Vec<String>,
    pub(super) raw: RawSetting,
    pub(super) origin: Origin,
    /// The value is the name of a file that holds the secret.
    pub(super) is_file: bool,
}

impl ConfigEntry {
    /// Finds the key, or says that there is none and which one may be meant.
    pub(super) fn resolve(self) -> Result<Known, ConfigProblem> {
        let Self { path, raw, origin } = self;
        if let Some(key) = schema::find(&path) {
            return Ok(Known { key, path, raw, origin, is_file: false });
        }
        if let Some((key, path)) = schema::find_secret_file(&path) {
            return Ok(Known { key, path, raw, origin, is_file: true });
        }
        Err(unknown(&path, &origin))
    }
}

/// Both a secret and the file that holds it, in the same place: nobody can say which is meant.
pub(super) fn contradictions(layer: &[Known]) -> Vec<ConfigProblem> {
    let both = |file: &&Known| file.is_file && layer.iter().any(|other| !other.is_file && other.path == file.path);
    let problem = |file: &Known| {
        let name = dotted(&file.path);
        ConfigProblem::new(format!("{name} and {name}_file are both given"), &file.origin).hint("remove one of them")
    };
    layer.iter().filter(both).map(problem).collect()
}

fn unknown(path: &[String], origin: &Origin) -> ConfigProblem {
    let name = dotted(path);
    if is_section(path) {
        let message = format!("{name} is a section, not a setting");
        return ConfigProblem::new(message, origin).hint(format!("write [{name}] and its settings below"));
    }
    let problem = ConfigProblem::new(format!("unknown setting {name}"), origin);
    let Some(near) = nearest(path) else { return problem };
    problem.hint(format!("did you mean {}?", in_the_manner_of(origin, &near)))
}

fn is_section(path: &[String]) -> bool {
    let begins = |key: &Key| {
        let mut segments = key.segments();
        path.iter().all(|name| segments.next().is_some_and(|segment| segment == "*" || segment == name))
    };
    KEYS.iter().any(begins)
}

/// The known path that differs from `path` by the fewest letters, if it is few enough to be a slip.
fn nearest(path: &[String]) -> Option<Vec<String>> {
    let written = path.join(".");
    let distance =
        |near: &Vec<String>| strsim::damerau_levenshtein(&written.replace('_', "."), &near.join(".").replace('_', "."));
    let most = (written.len() / 3).clamp(1, 3);
    let (slips, near) = candidates(path).map(|near| (distance(&near), near)).min_by_key(|(slips, _)| *slips)?;
    (slips <= most).then_some(near)
}

/// Every key, the names that users choose filled in from `path`, and the files of the secrets.
fn candidates(path: &[String]) -> impl Iterator<Item = Vec<String>> {
    KEYS.iter().flat_map(move |key| {
        let fill = |(at, segment): (usize, &str)| match segment {
            "*" => path.get(at).cloned().unwrap_or_else(|| "NAME".to_owned()),
            _ => segment.to_owned(),
        };
        let plain: Vec<String> = key.segments().enumerate().map(fill).collect();
        let file = key.secrecy.may_be_a_file().then(|| {
            let mut file = plain.clone();
            file.last_mut().expect("a path has segments").push_str("_file");
            file
        });
        [Some(plain), file].into_iter().flatten()
    })
}
