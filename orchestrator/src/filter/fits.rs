//! Judging in memory whether a job fits a filter: one that is submitted, or one that the driver looks at. The database
//! judges all others by the same terms.

use warrener_engine::limit::Pieces;
use warrener_shared::id::JobId;
use warrener_shared::job::{JobSpec, Shape};
use warrener_shared::state::JobState;
use warrener_shared::time::Timestamp;

use crate::store::view::filter::{Age, Column, Filter, Pattern, Test};

/// A job as a filter sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate<'a> {
    /// Id of the job; `None` if it will be drawn.
    pub(crate) id: Option<&'a JobId>,
    /// Job as it was submitted, parsed.
    pub(crate) spec: &'a JobSpec,
    /// True if it is a sub-job, whose parent is not told.
    pub(crate) is_sub_job: bool,
    /// State of the job.
    pub(crate) state: JobState,
    /// Time of its creation.
    pub(crate) created_at: Timestamp,
}

/// Share of a job's tasks that must be in a queue for the job to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tasks {
    /// At least one task, as lists see it.
    Any,
    /// All tasks: a single one elsewhere is more than was allowed.
    All,
}

impl Filter {
    /// Tells whether a job fits. `tasks` of its tasks must be in a queue that is wanted; none may be in one that is
    /// negated.
    pub(crate) fn fits(&self, job: Candidate<'_>, tasks: Tasks, now: Timestamp) -> bool {
        self.terms.iter().all(|term| match term.negated {
            // What no task may be in is meant of each.
            true => !term.test.fits(job, Tasks::Any, now),
            false => term.test.fits(job, tasks, now),
        })
    }
}

impl Test {
    /// Tells whether a job passes the test.
    fn fits(&self, job: Candidate<'_>, tasks: Tasks, now: Timestamp) -> bool {
        let any = |patterns: &[Pattern], text: Option<&str>| {
            text.is_some_and(|text| patterns.iter().any(|pattern| pattern.fits(text)))
        };
        let spec = job.spec;
        match self {
            // A job in memory names no parent, only that it has one.
            Self::Parent(parents) => !job.is_sub_job && parents.contains(&None),
            Self::State(states) => states.contains(&job.state),
            Self::Text(Column::Id, patterns) => any(patterns, job.id.map(JobId::as_str)),
            Self::Text(Column::Name, patterns) => any(patterns, spec.name.as_deref()),
            Self::Text(Column::Kind, patterns) => {
                any(patterns, spec.tasks.first().filter(|_| spec.shape == Shape::Single).map(|task| task.kind.as_str()))
            }
            // A job is in no audit, no event and no delayed message.
            Self::Text(..) => false,
            Self::Label(name, patterns) => any(patterns, spec.labels.get(name).map(String::as_str)),
            Self::Queue(patterns) => {
                let mut queues = spec.tasks.iter().map(|task| any(patterns, Some(task.policy.queue.as_str())));
                match tasks {
                    Tasks::Any => queues.any(|fits| fits),
                    Tasks::All => queues.all(|fits| fits),
                }
            }
            Self::Created(ages) => ages.iter().any(|age| match *age {
                Age::Over(span) => job.created_at < now - span,
                Age::Under(span) => job.created_at > now - span,
            }),
        }
    }
}

impl Pattern {
    /// Tells whether a text fits the pattern.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Exact(wanted) => wanted == text,
            Self::Glob(_) => Pieces(self.pieces()).fit(text),
        }
    }

    /// The texts between its stars.
    pub(crate) fn pieces(&self) -> Vec<String> {
        let glob = match self {
            Self::Exact(text) => return vec![text.clone()],
            Self::Glob(glob) => glob,
        };
        let mut pieces = vec![String::new()];
        let mut characters = glob.chars();
        while let Some(character) = characters.next() {
            match character {
                '*' => pieces.push(String::new()),
                // A character of its own, in brackets.
                '[' => {
                    let (literal, _) = (characters.next(), characters.next());
                    pieces.last_mut().expect("there is one").extend(literal);
                }
                other => pieces.last_mut().expect("there is one").push(other),
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Tasks};
    use crate::filter::parse;
    use warrener_shared::job::{SubmitContext, parse as parse_job};
    use warrener_shared::limits::Limits;
    use warrener_shared::state::JobState;
    use warrener_shared::time::Timestamp;

    fn fits(filter: &str, job: &str, tasks: Tasks) -> bool {
        let spec = parse_job(job.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT).unwrap();
        let (state, created_at) = (JobState::Running, Timestamp(1_000_000));
        let job = Candidate { id: spec.id.as_ref(), spec: &spec, is_sub_job: false, state, created_at };
        parse(filter).unwrap().fits(job, tasks, Timestamp(1_060_000))
    }

    #[test]
    fn each_term_is_judged_as_the_database_does() {
        let job = r#"{"id":"a-1","name":"Nightly*","kind":"ml.train","queue":"gpu","labels":{"team":"growth"}}"#;
        for (filter, expected) in [
            ("kind:ml.*", true),
            ("kind:ml", false),
            ("kind:*.train,other", true),
            ("kind:m*t*n", true),
            ("kind:m*x*n", false),
            ("-kind:ml.*", false),
            ("name:Nightly\"*\"", true),
            ("name:\"Nightly*\"", true),
            ("name:\"Nightly\"*", true),
            ("id:a-*", true),
            ("queue:gpu label.team:growth", true),
            ("queue:gpu label.team:growth state:failed", false),
            ("label.other:x", false),
            ("-label.other:x", true),
            ("created:>30s", true),
            ("created:<30s", false),
        ] {
            assert_eq!(fits(filter, job, Tasks::All), expected, "{filter}");
        }
    }

    #[test]
    fn a_submit_stays_within_its_queues() {
        let graph = r#"{"tasks":{"a":{"kind":"k","queue":"gpu"},"b":{"kind":"k","queue":"cpu"}}}"#;
        assert!(fits("queue:gpu", graph, Tasks::Any));
        assert!(!fits("queue:gpu", graph, Tasks::All));
        assert!(fits("queue:gpu,cpu", graph, Tasks::All));
        assert!(!fits("-queue:cpu", graph, Tasks::All));
        assert!(!fits("kind:k", graph, Tasks::Any), "a graph has no kind");
    }
}
