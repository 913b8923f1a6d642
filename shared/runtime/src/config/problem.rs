//! The problems of a configuration, all of them at once.

use std::fmt;

use super::origin::Origin;

/// A fault in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Description of the fault, in a sentence.
    pub message: String,
    /// Place that the fault came from; `None` if it is nowhere in particular.
    pub origin: Option<Origin>,
    /// Remedy, for a person.
    pub hint: Option<String>,
}

impl ConfigProblem {
    pub(super) fn new(message: impl Into<String>, origin: &Origin) -> Self {
        Self { message: message.into(), origin: Some(origin.clone()), hint: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(origin) = &self.origin {
            write!(f, "\n  from {origin}")?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\n  hint: {hint}"))
    }
}

/// Everything that is wrong with a configuration; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigProblem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "reading the configuration: {} problem{plural}", self.0.len())?;
        self.0.iter().try_for_each(|problem| write!(f, "\nerror: {problem}"))
    }
}

impl std::error::Error for ConfigErrors {}
