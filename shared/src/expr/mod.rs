//! `${{ … }}` expressions over the documents of a job.
//!
//! - [`Template`]: a JSON value whose strings may hold expressions; [`Condition`]: the `if` of a task;
//!   [`expand`]: the items of a `for_each`.
//! - [`Scope`] is what they see when they are evaluated, [`Reference`] what must be loaded for that.
//!
//! A bare path copies bytes and never enters the engine. In every other expression the paths are replaced by
//! slots, so that the engine (minijinja, with fuel) sees the values of those paths and nothing else.

mod analysis;
mod comparison;
mod condition;
mod delimiters;
mod elsewhere;
mod engine;
mod expand;
mod path;
mod preview;
mod problem;
mod program;
mod rewrite;
mod roots;
mod template;
mod token;
mod value;
mod write;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::condition::Condition;
pub use self::expand::{Items, expand};
pub(crate) use self::preview::{Preview, preview};
pub use self::problem::TemplateProblem;
pub use self::roots::{Roots, Rounds};
pub use self::template::Template;
use crate::error::ErrorObject;
use crate::json::Doc;
use crate::state::TaskState;

/// Names and values that an expression can see.
#[derive(Clone, Debug)]
pub struct Scope<'a> {
    /// `input`.
    pub input: &'a Doc,
    /// `job.id`.
    pub job_id: &'a str,
    /// `job.name`, null without.
    pub job_name: Option<&'a str>,
    /// `job.labels`.
    pub job_labels: &'a BTreeMap<String, String>,
    /// `tasks.<name>`, for at least every name that the expression refers to.
    pub tasks: BTreeMap<&'a str, TaskScope>,
    /// `item`, `index` and `total`, in the input of a mapped task.
    pub item: Option<ItemScope>,
    /// `round`, `previous` and `output`, in the input and the `until` of a repeated task.
    pub round: Option<RoundScope>,
    /// `schedule`, in the input of the job of a schedule.
    pub schedule: Option<&'a Doc>,
    /// `kind` and `queue`, in the expressions of a limit or queue.
    pub task: Option<(&'a str, &'a str)>,
}

/// Scope of one round of a repeated task.
#[derive(Clone, Debug)]
pub struct RoundScope {
    /// `round`, from 1.
    pub round: u32,
    /// `previous`: the output of the round before, null in the first.
    pub previous: Doc,
    /// `output`, of a round that is over.
    pub output: Doc,
}

/// `tasks.<name>`. A part that the expression does not refer to may be null here.
#[derive(Clone, Debug)]
pub struct TaskScope {
    /// `.status`.
    pub status: TaskState,
    /// `.output`; null unless succeeded.
    pub output: Doc,
    /// `.error`; null or the error object.
    pub error: Doc,
    /// `.attempts`.
    pub attempts: u32,
    /// `.results`, a list; of a task that is not mapped, null.
    pub results: Doc,
}

/// An element of a `for_each`.
#[derive(Clone, Debug)]
pub struct ItemScope {
    /// `item`.
    pub item: Doc,
    /// `index`, from 0.
    pub index: u32,
    /// `total`.
    pub total: u32,
}

/// A task that an expression refers to, and which of its parts must be loaded for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// The task's name.
    pub task: String,
    /// True if `.output` is used (or the task as a whole).
    pub output: bool,
    /// True if `.error` is used (or the task as a whole).
    pub error: bool,
    /// True if `.results` is used (or the task as a whole).
    pub results: bool,
}

/// The reason why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExprError {
    /// `expression_error`, or `too_large`.
    pub code: &'static str,
    /// Sentence that names the expression and, where something is undefined, the path.
    pub message: String,
}

impl ExprError {
    /// Makes it the error of the task that needed the value.
    pub fn to_object(&self) -> ErrorObject {
        ErrorObject::new(self.code, self.message.clone())
    }
}
