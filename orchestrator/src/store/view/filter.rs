//! The filter of lists of jobs: terms that must all hold, as a condition of a statement.

use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};

use super::super::sql::{Dialect, Value};

/// All terms must hold; without any, everything is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The terms.
    pub terms: Vec<Term>,
}

/// A test, or its opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// True if the test must not hold.
    pub negated: bool,
    /// The test.
    pub test: Test,
}

/// Property of a job, and the values of which one must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// The state.
    State(Vec<JobState>),
    /// A column of the job.
    Text(Column, Vec<Pattern>),
    /// The label with this name.
    Label(String, Vec<Pattern>),
    /// The queue of any of its tasks.
    Queue(Vec<Pattern>),
    /// The id of the job that it is inside of; `None` is none.
    Parent(Vec<Option<String>>),
    /// The time since it was created.
    Created(Vec<Age>),
}

/// A column with text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// The id.
    Id,
    /// The name.
    Name,
    /// The kind of a job of one task.
    Kind,
    /// Author of a change in the audit; so the four that follow.
    Who,
    /// Address that the change came from.
    From,
    /// Verb of the change.
    Verb,
    /// Target of the change.
    Target,
    /// Outcome of the change.
    Outcome,
}

/// A text, or a pattern of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this text.
    Exact(String),
    /// A pattern in the words of SQLite's `GLOB`.
    Glob(String),
}

/// A span of time that has passed, or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Longer ago than this.
    Over(Millis),
    /// Not as long ago as this.
    Under(Millis),
}

impl Filter {
    /// The condition, with the values of its parameters in order.
    pub(super) fn condition(&self, now: Timestamp, dialect: Dialect) -> (String, Vec<Value<'static>>) {
        let mut values = Vec::new();
        let mut condition = "TRUE".to_owned();
        // What needs another table comes last: most jobs are told by their own columns.
        let (far, near): (Vec<_>, Vec<_>) = self.terms.iter().partition(|term| term.test.is_far());
        for term in near.into_iter().chain(far) {
            let test = term.test.condition(now, dialect, &mut values);
            // What is missing fits nothing, and so fits the opposite.
            let not = if term.negated { "NOT " } else { "" };
            condition.push_str(&format!(" AND {not}coalesce({test}, FALSE)"));
        }
        (condition, values)
    }
}

impl Test {
    /// Number of values.
    pub const fn values(&self) -> usize {
        match self {
            Self::State(states) => states.len(),
            Self::Text(_, patterns) | Self::Label(_, patterns) | Self::Queue(patterns) => patterns.len(),
            Self::Parent(parents) => parents.len(),
            Self::Created(ages) => ages.len(),
        }
    }

    const fn is_far(&self) -> bool {
        matches!(self, Self::Label(..) | Self::Queue(..))
    }

    fn condition(&self, now: Timestamp, dialect: Dialect, values: &mut Vec<Value<'static>>) -> String {
        match self {
            Self::State(states) => any(states, |state| {
                values.push(Value::Int(*state as i64));
                "state = ?".to_owned()
            }),
            Self::Text(column, patterns) => any(patterns, |pattern| pattern.condition(column.name(), dialect, values)),
            Self::Queue(patterns) => {
                let name = any(patterns, |pattern| pattern.condition("q.name", dialect, values));
                format!(
                    "EXISTS (SELECT 1 FROM tasks t JOIN queues q ON q.no = t.queue WHERE t.no >= first_task AND \
                     t.no < first_task + jobs.tasks AND {name})"
                )
            }
            Self::Label(label, patterns) => {
                values.push(label.clone().into());
                let value = any(patterns, |pattern| pattern.condition("l.value", dialect, values));
                format!("EXISTS (SELECT 1 FROM {} AND {value})", dialect.label())
            }
            Self::Parent(parents) => any(parents, |parent| match parent {
                None => "parent_task IS NULL".to_owned(),
                Some(id) => {
                    values.push(id.clone().into());
                    PARENT.to_owned()
                }
            }),
            Self::Created(ages) => any(ages, |age| {
                let (sign, span) = age.parts();
                values.push((now - span).0.into());
                format!("created_at {sign} ?")
            }),
        }
    }
}

/// Condition that a job is inside of the one with an id.
pub(super) const PARENT: &str = "parent_job = (SELECT p.no FROM jobs p WHERE p.id = ?)";

fn any<T>(choices: &[T], one: impl FnMut(&T) -> String) -> String {
    let choices: Vec<String> = choices.iter().map(one).collect();
    format!("({})", choices.join(" OR "))
}

impl Column {
    const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Kind => "kind",
            Self::Who => "who",
            Self::From => "source",
            Self::Verb => "verb",
            Self::Target => "target",
            Self::Outcome => "outcome",
        }
    }
}

impl Pattern {
    /// A pattern in which these characters stand for themselves, and `None` for any text.
    pub fn new(characters: impl IntoIterator<Item = Option<char>>) -> Self {
        let mut is_glob = false;
        let (mut text, mut glob) = (String::new(), String::new());
        for character in characters {
            match character {
                None => {
                    is_glob = true;
                    glob.push('*');
                }
                Some(character) => {
                    text.push(character);
                    match character {
                        '*' | '?' | '[' => glob.extend(['[', character, ']']),
                        other => glob.push(other),
                    }
                }
            }
        }
        if is_glob { Self::Glob(glob) } else { Self::Exact(text) }
    }

    fn condition(&self, column: &str, dialect: Dialect, values: &mut Vec<Value<'static>>) -> String {
        let (sign, text) = match self {
            Self::Exact(text) => ("=", text.clone()),
            Self::Glob(glob) => (dialect.fits(), dialect.glob(glob)),
        };
        values.push(text.into());
        format!("{column} {sign} ?")
    }
}

impl Age {
    const fn parts(self) -> (&'static str, Millis) {
        match self {
            Self::Over(span) => ("<", span),
            Self::Under(span) => (">", span),
        }
    }
}
