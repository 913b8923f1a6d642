//! Spellings of a key's path: in a file, and in the environment.

use super::origin::Origin;

/// A path as it would be written where the value came from.
pub(super) fn in_the_manner_of(origin: &Origin, path: &[String]) -> String {
    match origin {
        Origin::Env(_) => variable(path),
        _ => dotted(path),
    }
}

/// A path as TOML writes it: `kinds."text.count".command`.
pub(super) fn dotted(path: &[String]) -> String {
    let is_bare =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b));
    let quote = |name: &String| if is_bare(name) { name.clone() } else { format!("{name:?}") };
    path.iter().map(quote).collect::<Vec<_>>().join(".")
}

/// The variable that sets this path.
fn variable(path: &[String]) -> String {
    let upper = |name: &String| if name.contains(char::is_uppercase) { name.clone() } else { name.to_uppercase() };
    format!("{PREFIX}{}", path.iter().map(upper).collect::<Vec<_>>().join("__"))
}

/// First part of the names of all variables that are settings.
pub(super) const PREFIX: &str = "WARRENER_";
