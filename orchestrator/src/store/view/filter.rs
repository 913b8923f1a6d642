//! The filter of lists, as a condition of a statement: terms that must all hold.

use warrener_shared::state::JobState;
use warrener_shared::time::{Millis, Timestamp};

use super::super::sql::{Dialect, Value};

/// Filter of jobs, or of rows of the audit. Without a term everything fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Terms that must all hold.
    pub terms: Vec<Term>,
}

/// A test, or its opposite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// True if the test must not hold.
    pub negated: bool,
    /// Test of one property.
    pub test: Test,
}

/// Property of a job, and the values of which one must fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// State of the job.
    State(Vec<JobState>),
    /// Text in a column.
    Text(Column, Vec<Pattern>),
    /// Value of the label with this name. A job without it does not fit.
    Label(String, Vec<Pattern>),
    /// Queue of any of its tasks.
    Queue(Vec<Pattern>),
    /// Id of the job whose sub-job it is; `None` fits jobs that are no sub-jobs.
    Parent(Vec<Option<String>>),
    /// Time since it was created.
    Created(Vec<Age>),
}

/// A column with text, of jobs or of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Id of the job.
    Id,
    /// Name of the job.
    Name,
    /// Kind of a job of one task.
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
    /// Exchange of a delayed message.
    Exchange,
    /// Routing key of a delayed message.
    RoutingKey,
    /// Type of an event, which is no column of a table.
    Type,
}

/// A text, or a pattern of texts. Case counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// Exactly this text.
    Exact(String),
    /// A pattern in the words of SQLite's `GLOB`.
    Glob(String),
}

/// A span of time that has passed since something, or has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Span that has passed: longer ago than this.
    Over(Millis),
    /// Span that has not passed: not as long ago as this.
    Under(Millis),
}

impl Filter {
    /// Condition in the words of the database, with the values of its parameters in order.
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
    /// Number of values of which one must fit.
    pub const fn values(&self) -> usize {
        match self {
            Self::State(states) => states.len(),
            Self::Text(_, patterns) | Self::Label(_, patterns) | Self::Queue(patterns) => patterns.len(),
            Self::Parent(parents) => parents.len(),
            Self::Created(ages) => ages.len(),
        }
    }

    /// True if the test needs another table.
    const fn is_far(&self) -> bool {
        matches!(self, Self::Label(..) | Self::Queue(..))
    }

    /// Condition of the test. Adds the values of its parameters.
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

/// Condition that a job is a sub-job of the one with an id, its parameter.
pub(super) const PARENT: &str = "parent_job = (SELECT p.no FROM jobs p WHERE p.id = ?)";

/// Condition that holds if one of several does.
fn any<T>(choices: &[T], one: impl FnMut(&T) -> String) -> String {
    let choices: Vec<String> = choices.iter().map(one).collect();
    format!("({})", choices.join(" OR "))
}

impl Column {
    /// Name of the column in the database.
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
            Self::Exchange => "exchange",
            Self::RoutingKey => "routing_key",
            Self::Type => "type",
        }
    }
}

impl Pattern {
    /// Pattern in which these characters stand for themselves, and `None` for any text.
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

    /// Condition that a column fits the pattern. Adds the value of its parameter.
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
    /// Sign that compares a time with the moment so long ago, and the span.
    const fn parts(self) -> (&'static str, Millis) {
        match self {
            Self::Over(span) => ("<", span),
            Self::Under(span) => (">", span),
        }
    }
}
