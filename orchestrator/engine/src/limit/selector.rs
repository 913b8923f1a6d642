//! The tasks that a limit counts: terms on kind, queue, name and labels that must all hold.

use warrener_shared::job::{JobSpec, TaskSpec};

/// Terms that must all hold; without any, every task is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// The terms.
    pub terms: Vec<SelectorTerm>,
}

/// A field with the patterns of which one must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorTerm {
    /// True if none may fit.
    pub negated: bool,
    /// The field.
    pub field: Field,
    /// The patterns.
    pub patterns: Vec<Pieces>,
}

/// A field of a task or of its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Kind of the task.
    Kind,
    /// Queue of the task.
    Queue,
    /// Name of the job.
    Name,
    /// A label of the task, or else of the job.
    Label(String),
}

/// The texts between the stars of a pattern; one alone is the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pieces(pub Vec<String>);

impl Selector {
    /// Tells whether a task is meant.
    pub fn fits(&self, job: &JobSpec, task: &TaskSpec) -> bool {
        self.terms.iter().all(|term| {
            let text = match &term.field {
                Field::Kind => Some(task.kind.as_str()),
                Field::Queue => Some(task.policy.queue.as_str()),
                Field::Name => job.name.as_deref(),
                Field::Label(name) => task.labels.get(name).or_else(|| job.labels.get(name)).map(String::as_str),
            };
            text.is_some_and(|text| term.patterns.iter().any(|pieces| pieces.fit(text))) != term.negated
        })
    }
}

impl Pieces {
    /// Tells whether a text is made of these pieces in order, with any text between them.
    pub fn fit(&self, text: &str) -> bool {
        let [first, middle @ .., last] = &*self.0 else { return self.0.first().is_some_and(|only| only == text) };
        let Some(mut rest) = text.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
            return false;
        };
        for piece in middle {
            match rest.split_once(piece.as_str()) {
                Some((_, after)) => rest = after,
                None => return false,
            }
        }
        true
    }
}
