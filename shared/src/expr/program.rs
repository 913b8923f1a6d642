//! An expression, compiled once and evaluated often.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Object, ValueKind};
use minijinja::{ErrorKind, Value};

use super::analysis::{Analysis, analyse};
use super::engine::{self, Compiled};
use super::path::{Found, Miss, Path};
use super::problem::TemplateProblem;
use super::rewrite::{SLOT, for_engine};
use super::roots::Roots;
use super::token::{Lexeme, LexemeKind, TOKENS};
use super::value::{Alarm, document, value};
use super::write::{Output, Unwritable, kind_name};
use super::{ExprError, Reference, Scope};
use crate::error::code;
use crate::json::Doc;
use crate::limits::Limits;

/// An expression that is ready to be evaluated.
#[derive(Debug)]
pub(super) struct Program {
    text: Box<str>,
    code: Code,
}

enum Code {
    /// A bare path, whose bytes are copied.
    Path(Path),
    /// A bare path under `default()` with a value that needs no computing: also copied.
    PathOr(Path, Doc),
    /// Everything else: the engine, with each path replaced by the name of a slot.
    Engine(Box<Compiled>, Arc<[Placeholder]>),
}

/// A path in a computed expression, and true if it may lead nowhere.
#[derive(Debug)]
struct Placeholder {
    path: Path,
    optional: bool,
}

/// Result of an expression.
pub(super) enum Outcome {
    /// Bytes as they came.
    Doc(Doc),
    /// Something computed, and what may still go wrong with it.
    Value(Value, Alarm),
}

impl Program {
    /// Compiles an expression.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(super) fn parse(text: &str, roots: Roots, limits: &Limits) -> Result<Self, Vec<TemplateProblem>> {
        let characters = text.chars().count();
        if characters > limits.expression_chars {
            let most = limits.expression_chars;
            let detail =
                format!("the expression has {characters} characters; {most} are allowed (limit `expression_chars`)");
            return Err(vec![TemplateProblem::too_long(detail).hint("do longer logic in a task")]);
        }
        if text.is_empty() {
            return Err(vec![TemplateProblem::invalid("the expression is empty")]);
        }
        let analysis = analyse(text, roots).map_err(|problem| vec![problem])?;
        let code = Code::compile(text, analysis, limits)?;
        Ok(Self { text: text.into(), code })
    }

    /// References of the expression, unsorted: each must be loaded before it is evaluated.
    pub(super) fn references(&self) -> impl Iterator<Item = Reference> {
        let (path, slots) = match &self.code {
            Code::Path(path) | Code::PathOr(path, _) => (Some(path), &[][..]),
            Code::Engine(_, slots) => (None, &slots[..]),
        };
        path.into_iter().chain(slots.iter().map(|slot| &slot.path)).filter_map(Path::reference)
    }

    /// Evaluates it.
    pub(super) fn evaluate(&self, scope: &Scope<'_>, limits: &Limits) -> Result<Outcome, ExprError> {
        match &self.code {
            Code::Path(path) => path.resolve(scope).map(Outcome::Doc).map_err(|miss| self.missing(path, &miss)),
            Code::PathOr(path, other) => match path.resolve(scope) {
                Ok(doc) => Ok(Outcome::Doc(doc)),
                Err(miss) if miss.may_default() => Ok(Outcome::Doc(other.clone())),
                Err(miss) => Err(self.missing(path, &miss)),
            },
            Code::Engine(compiled, slots) => self.run(compiled, slots, scope, limits),
        }
    }

    /// Evaluates it and appends the value as JSON.
    pub(super) fn write(&self, out: &mut Output, scope: &Scope<'_>, limits: &Limits) -> Result<(), ExprError> {
        match self.evaluate(scope, limits)? {
            Outcome::Doc(doc) => self.written(out.push(doc.bytes()), None),
            Outcome::Value(value, alarm) => self.written(out.value(&value), Some(&alarm)),
        }
    }

    /// Evaluates it and appends the value as part of a text.
    pub(super) fn write_text(&self, out: &mut Output, scope: &Scope<'_>, limits: &Limits) -> Result<(), ExprError> {
        match self.evaluate(scope, limits)? {
            Outcome::Doc(doc) => self.written(out.doc_as_text(&doc), None),
            Outcome::Value(value, alarm) => self.written(out.value_as_text(&value), Some(&alarm)),
        }
    }

    /// Evaluates it to a document, without copying if it is one already.
    pub(super) fn document(&self, scope: &Scope<'_>, limits: &Limits) -> Result<Doc, ExprError> {
        match self.evaluate(scope, limits)? {
            Outcome::Doc(doc) => Ok(doc),
            Outcome::Value(value, alarm) => {
                let mut out = Output::new(limits.resolved_bytes, limits.json_depth);
                self.written(out.value(&value), Some(&alarm))?;
                Ok(Doc::trusted(out.bytes))
            }
        }
    }

    /// Evaluates it to a boolean.
    pub(super) fn judge(&self, scope: &Scope<'_>, limits: &Limits) -> Result<bool, ExprError> {
        let (found, what) = match self.evaluate(scope, limits)? {
            Outcome::Doc(doc) => (doc.as_bool(), doc.kind().to_string()),
            Outcome::Value(value, _) => {
                ((value.kind() == ValueKind::Bool).then(|| value.is_true()), kind_name(value.kind()).to_owned())
            }
        };
        found.ok_or_else(|| self.error(&format!("it gives {what}, not a boolean")))
    }

    fn run(
        &self,
        compiled: &Compiled,
        slots: &Arc<[Placeholder]>,
        scope: &Scope<'_>,
        limits: &Limits,
    ) -> Result<Outcome, ExprError> {
        let alarm = Alarm::new(limits.expression_fuel);
        let found = slots.iter().map(|slot| slot.path.resolve(scope)).collect();
        let context = Context { slots: Arc::clone(slots), found, alarm: alarm.clone() };
        let result = compiled.eval(Value::from_object(context));
        self.quiet(Some(&alarm))?;
        let value = result.map_err(|error| self.error(&explain(&error, limits)))?;
        match document(&value) {
            Some(doc) => Ok(Outcome::Doc(doc.clone())),
            None if value.is_undefined() => Err(self.error("it is undefined")),
            None => Ok(Outcome::Value(value, alarm)),
        }
    }

    /// The engine computes some values only while they are written, so the alarm is heard once more.
    fn written(&self, result: Result<(), Unwritable>, alarm: Option<&Alarm>) -> Result<(), ExprError> {
        self.quiet(alarm)?;
        result.map_err(|why| match why {
            Unwritable::TooLarge(limit) => too_large(limit),
            Unwritable::Unfit(what) => self.error(&what),
        })
    }

    fn quiet(&self, alarm: Option<&Alarm>) -> Result<(), ExprError> {
        alarm.and_then(Alarm::message).map_or(Ok(()), |message| Err(self.error(message)))
    }

    fn missing(&self, path: &Path, miss: &Miss) -> ExprError {
        if path.text() == &*self.text {
            return ExprError { code: code::EXPRESSION_ERROR, message: path.explain(miss) };
        }
        self.error(&path.explain(miss))
    }

    fn error(&self, what: &str) -> ExprError {
        ExprError { code: code::EXPRESSION_ERROR, message: format!("`{}`: {what}", self.text) }
    }
}

/// The error of a value that has more bytes than `resolved_bytes` allows.
pub(super) fn too_large(limit: usize) -> ExprError {
    let message = format!("the resolved value has more than {limit} bytes (limit `resolved_bytes`)");
    ExprError { code: code::TOO_LARGE, message }
}

impl Code {
    fn compile(text: &str, analysis: Analysis<'_>, limits: &Limits) -> Result<Self, Vec<TemplateProblem>> {
        let Analysis { tokens, mut paths, comparisons, lenient, problems } = analysis;
        if !problems.is_empty() {
            return Err(problems);
        }
        if tokens.len() > TOKENS {
            let detail = format!("`{text}` has {} words and symbols; {TOKENS} are allowed", tokens.len());
            return Err(vec![TemplateProblem::too_long(detail).hint("do longer logic in a task")]);
        }
        let simple = paths.pop_if(|found| found.from == 0 && (found.optional || found.to == tokens.len()));
        if let Some(found) = simple {
            if found.to == tokens.len() {
                return Ok(Self::Path(found.path));
            }
            if let Some(other) = default_literal(&tokens[found.to..]) {
                return Ok(Self::PathOr(found.path, other));
            }
            paths.push(found);
        }
        let rewritten = for_engine(text, &tokens, &paths, &comparisons, &lenient);
        let compiled =
            engine::compile(rewritten, limits.expression_fuel).map_err(|error| vec![syntax_problem(text, &error)])?;
        let slots = paths.into_iter().map(|Found { path, optional, .. }| Placeholder { path, optional }).collect();
        Ok(Self::Engine(Box::new(compiled), slots))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Path(_) => "Path",
            Self::PathOr(..) => "PathOr",
            Self::Engine(..) => "Engine",
        })
    }
}

/// The value of `| default(value)` where that is all that follows a path and the value needs no computing.
fn default_literal(tokens: &[Lexeme<'_>]) -> Option<Doc> {
    let inside = match tokens {
        [pipe, _, open, inside @ .., close] if pipe.is("|") && open.is("(") && close.is(")") => inside,
        _ => return None,
    };
    let bytes: &[u8] = match inside {
        [open, close] if open.is("[") && close.is("]") => b"[]",
        [open, close] if open.is("{") && close.is("}") => b"{}",
        [token] => match (token.kind, token.text) {
            (LexemeKind::Text, text) => return engine::literal(text).map(|text| Doc::text(&text)),
            (LexemeKind::Int, digits) if digits == "0" || !digits.starts_with('0') => digits.as_bytes(),
            (LexemeKind::Name, "none" | "None") => b"null",
            (LexemeKind::Name, "true" | "True") => b"true",
            (LexemeKind::Name, "false" | "False") => b"false",
            _ => return None,
        },
        _ => return None,
    };
    Some(Doc::trusted(bytes))
}

/// The engine's words about an expression that it cannot read, slots replaced by what they stand for.
fn syntax_problem(text: &str, error: &minijinja::Error) -> TemplateProblem {
    let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    TemplateProblem::invalid(format!("`{text}`: {detail}"))
}

fn explain(error: &minijinja::Error, limits: &Limits) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => {
            format!("it takes too many steps (limit `expression_fuel`, {})", limits.expression_fuel)
        }
        (ErrorKind::UndefinedError, _) => "a value in it is undefined".to_owned(),
        (_, Some(detail)) => detail.to_owned(),
        (kind, None) => kind.to_string(),
    }
}

/// Names that the engine can look up: the slots, and nothing else.
#[derive(Debug)]
struct Context {
    slots: Arc<[Placeholder]>,
    found: Vec<Result<Doc, Miss>>,
    alarm: Alarm,
}

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let at: usize = key.strip_prefix(SLOT)?.parse().ok()?;
        let (found, slot) = (self.found.get(at)?, self.slots.get(at)?);
        Some(match found {
            Ok(doc) => value(doc.clone(), &self.alarm),
            Err(miss) if slot.optional && miss.may_default() => Value::UNDEFINED,
            Err(miss) => {
                self.alarm.sound(|| slot.path.explain(miss));
                Value::from(minijinja::Error::from(ErrorKind::UndefinedError))
            }
        })
    }
}
