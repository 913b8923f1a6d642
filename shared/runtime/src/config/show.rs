//! The effective configuration, for people.

use super::origin::Origin;

/// An effective setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Path as TOML writes it, such as `kinds."text.count".command`.
    pub path: String,
    /// Value, secrets masked.
    pub value: String,
    /// Place where the value was set.
    pub origin: Origin,
    /// Meaning of the key, in one line.
    pub about: &'static str,
}

/// The settings as lines: path, value, origin, in columns.
pub(super) fn lines(settings: &[Setting]) -> String {
    let width = |of: fn(&Setting) -> usize| settings.iter().map(of).max().unwrap_or(0);
    let (path, value) = (width(|setting| setting.path.len()), width(|setting| setting.value.len()).min(WIDEST));
    let line = |setting: &Setting| format!("{:path$} = {:value$}  # {}\n", setting.path, setting.value, setting.origin);
    settings.iter().map(line).collect()
}

/// Longer values push their origin to the right instead of all others.
const WIDEST: usize = 60;
