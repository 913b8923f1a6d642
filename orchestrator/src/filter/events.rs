//! The filter of events: terms about their types, and terms about their jobs.

use crate::store::view::filter::{Column, Filter, Pattern, Term, Test};

/// A filter of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct EventFilter {
    /// Patterns of types of which one must fit, or, where the first is true, none may.
    types: Vec<(bool, Vec<Pattern>)>,
    /// Terms about the job.
    pub(crate) jobs: Filter,
}

impl EventFilter {
    /// Takes the terms apart.
    pub(super) fn new(filter: Filter) -> Self {
        let mut all = Self::default();
        for term in filter.terms {
            match term {
                Term { negated, test: Test::Text(Column::Type, patterns) } => all.types.push((negated, patterns)),
                term => all.jobs.terms.push(term),
            }
        }
        all
    }

    /// Tells whether events of every type are wanted.
    pub(crate) const fn wants_every_type(&self) -> bool {
        self.types.is_empty()
    }

    /// Tells whether events of this type are wanted.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.types.iter().all(|(negated, patterns)| patterns.iter().any(|pattern| pattern.fits(kind)) != *negated)
    }
}

impl Filter {
    /// Tells whether a job with this id fits; `None` if that cannot be told by its id alone.
    pub(crate) fn fits_id(&self, id: &str) -> Option<bool> {
        self.terms.iter().try_fold(true, |fits, term| match &term.test {
            Test::Text(Column::Id, patterns) => {
                Some(fits && patterns.iter().any(|pattern| pattern.fits(id)) != term.negated)
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::parse_events;

    #[test]
    fn types_are_terms_beside_those_of_jobs() {
        let filter = parse_events("type:task.*,job.failed -type:task.ready id:a*").unwrap();
        let wanted = ["task.failed", "job.failed", "job.running", "task.ready"].map(|kind| filter.wants(kind));
        assert_eq!(wanted, [true, true, false, false]);
        assert_eq!(filter.jobs.terms.len(), 1);
        assert_eq!([filter.jobs.fits_id("ab"), filter.jobs.fits_id("ba")], [Some(true), Some(false)]);
        assert_eq!(parse_events("id:a state:failed").unwrap().jobs.fits_id("a"), None);
        assert!(parse_events("").unwrap().wants_every_type());
    }

    #[test]
    fn other_keys_are_refused_by_name() {
        let why = parse_events("tipe:x").unwrap_err();
        assert_eq!(
            why,
            "unknown key `tipe`; the keys are type, state, kind, queue, label.<name>, name, id, parent and created"
        );
        assert!(crate::filter::parse("type:x").unwrap_err().contains("unknown key `type`"));
    }
}
