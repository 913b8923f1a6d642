//! Filters of things that a few facts tell of, such as queues and workers: `state:paused name:gpu-*`.

use warrener_engine::limit::Pieces;

use super::{characters, parts, pattern};

/// Filter of things by their facts.
#[derive(Clone, Debug)]
pub struct FactFilter {
    /// Terms that must all hold.
    terms: Vec<FactTerm>,
}

/// Condition on one fact.
#[derive(Clone, Debug)]
struct FactTerm {
    /// True if it must not hold.
    negated: bool,
    /// Name of the fact.
    key: String,
    /// Patterns of which one must fit.
    patterns: Vec<Pieces>,
}

impl FactFilter {
    /// Reads a filter with these keys, of which one that ends with a dot stands for all that begin so. `*` fits all.
    ///
    /// # Errors
    /// One sentence that says which term is wrong and what is possible.
    pub fn parse(text: &str, keys: &[&str]) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self { terms: Vec::new() });
        }
        let known = keys.join(", ");
        let is_known = |key: &str| {
            keys.iter().any(|known| match known.ends_with('.') {
                true => key.strip_prefix(known).is_some_and(|rest| !rest.is_empty()),
                false => *known == key,
            })
        };
        let characters = characters(text)?;
        let written = characters.split(|(c, quoted)| c.is_whitespace() && !quoted).filter(|term| !term.is_empty());
        let mut terms = Vec::new();
        for term in written {
            let (negated, key, values) = parts(term, &known)?;
            if !is_known(&key) {
                return Err(format!("unknown key `{key}`; the keys are {known}"));
            }
            let patterns = values.iter().map(|value| Pieces(pattern(value).pieces())).collect();
            terms.push(FactTerm { negated, key, patterns });
        }
        if terms.is_empty() {
            return Err(format!("a filter without a term; write * for all, or key:value with one of the keys {known}"));
        }
        Ok(Self { terms })
    }

    /// Tells whether a thing fits, of which these facts are told. One may be told several times with other values.
    pub fn fits(&self, facts: &[(&str, &str)]) -> bool {
        let holds = |term: &FactTerm| {
            let mut values = facts.iter().filter(|(key, _)| *key == term.key).map(|(_, value)| value);
            values.any(|value| term.patterns.iter().any(|pattern| pattern.fit(value)))
        };
        self.terms.iter().all(|term| holds(term) != term.negated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: &[&str] = &["name", "state", "kind", "label."];

    fn fits(filter: &str) -> bool {
        let facts =
            [("name", "gpu-1"), ("state", "open"), ("kind", "img.resize"), ("kind", "img.crop"), ("label.team", "ml")];
        FactFilter::parse(filter, KEYS).unwrap().fits(&facts)
    }

    #[test]
    fn every_term_must_hold_and_one_of_its_values() {
        for filter in
            ["*", "name:gpu-*", "state:paused,open kind:img.crop", "-state:paused label.team:ml", "-name:\"gpu-*\""]
        {
            assert!(fits(filter), "{filter}");
        }
        for filter in ["name:gpu", "name:gpu-* state:paused", "-kind:img.*", "label.team:*x", "label.other:*"] {
            assert!(!fits(filter), "{filter}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_possible() {
        for filter in ["", "gpu", "name:", "stat:open", "label.:x", "name:\"x"] {
            let why = FactFilter::parse(filter, KEYS).unwrap_err();
            assert!(filter.contains('"') || filter.ends_with(':') || why.contains("state"), "{filter}: {why}");
        }
    }
}
