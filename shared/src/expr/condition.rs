//! The `if` of a task, and the `until` of a repeated one.

use std::sync::Arc;

use super::delimiters::unwrapped;
use super::problem::TemplateProblem;
use super::program::Program;
use super::roots::Roots;
use super::template::merged;
use super::{ExprError, Reference, Scope};
use crate::limits::Limits;

/// An expression that must give a boolean, compiled once.
#[derive(Clone, Debug)]
pub struct Condition {
    program: Arc<Program>,
    references: Arc<[Reference]>,
}

impl Condition {
    /// Compiles a bare expression; `${{ }}` around it is allowed.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str, roots: Roots, limits: &Limits) -> Result<Self, TemplateProblem> {
        let program = Program::parse(unwrapped(text), roots, limits).map_err(first)?;
        let references = merged([&program].into_iter());
        Ok(Self { program: Arc::new(program), references })
    }

    /// The tasks that it refers to, each once, by name.
    pub fn references(&self) -> &[Reference] {
        &self.references
    }

    /// Tells whether the condition holds.
    ///
    /// # Errors
    /// If it has no value, or one that is not a boolean.
    pub fn judge(&self, scope: &Scope<'_>, limits: &Limits) -> Result<bool, ExprError> {
        self.program.judge(scope, limits)
    }
}

fn first(problems: Vec<TemplateProblem>) -> TemplateProblem {
    problems.into_iter().next().unwrap_or_else(|| TemplateProblem::invalid("the expression cannot be read"))
}
