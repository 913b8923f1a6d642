//! Problems of an expression, found before it is ever evaluated.

/// A fault of a template or a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateProblem {
    /// JSON pointer below the value that was parsed; `""` is the value itself.
    pub pointer: String,
    /// `invalid_expression`, `unknown_name` or `too_long`.
    pub code: &'static str,
    /// Description of the fault, in a sentence.
    pub detail: String,
    /// Remedy, for a person.
    pub hint: Option<String>,
}

impl TemplateProblem {
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self { pointer: String::new(), code: "invalid_expression", detail: detail.into(), hint: None }
    }

    pub(super) fn unknown(detail: impl Into<String>) -> Self {
        Self { code: "unknown_name", ..Self::invalid(detail) }
    }

    pub(super) fn too_long(detail: impl Into<String>) -> Self {
        Self { code: "too_long", ..Self::invalid(detail) }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Suggests the name that was probably meant, or else lists all.
    pub(super) fn did_you_mean(self, word: &str, names: &[&str]) -> Self {
        match closest(word, names) {
            Some(name) => self.hint(format!("did you mean `{name}`?")),
            None => self
                .hint(format!("known are {}", names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", "))),
        }
    }
}

pub(super) fn closest<'a>(word: &str, names: &[&'a str]) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(&word.to_ascii_lowercase(), name);
    let allowed = (word.len() / 3).clamp(1, 3);
    names.iter().copied().min_by_key(distance).filter(|name| distance(name) <= allowed)
}
