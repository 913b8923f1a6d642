//! The engine behind expressions, with everything taken out that reads a clock, a context or a secret.

use std::sync::{LazyLock, Mutex, PoisonError};

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Expression, UndefinedBehavior, Value};

/// An expression that is ready to be evaluated.
pub(super) type Compiled = Expression<'static, 'static>;

/// Compiles an expression whose evaluation may take so much fuel.
pub(super) fn compile(source: String, fuel: u64) -> Result<Compiled, Error> {
    environment(fuel).compile_expression_owned(source)
}

/// The text that a string literal of the language stands for.
pub(super) fn literal(token: &str) -> Option<String> {
    let inside = token.get(1..token.len().checked_sub(1)?)?;
    if !inside.contains('\\') {
        return Some(inside.to_owned());
    }
    let value = compile(token.to_owned(), LITERAL_FUEL).ok()?.eval(()).ok()?;
    value.as_str().map(str::to_owned)
}

/// The environment for an amount of fuel, which the engine keeps there.
///
/// Environments live as long as the process, because compiled expressions borrow them; a process has one set of
/// limits, so there is one beside the one for literals.
fn environment(fuel: u64) -> &'static Environment<'static> {
    static KNOWN: LazyLock<Mutex<Vec<(u64, &'static Environment<'static>)>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, environment)) = known.iter().find(|(has, _)| *has == fuel) {
        return environment;
    }
    let environment: &'static Environment<'static> = Box::leak(Box::new(new_environment(fuel)));
    known.push((fuel, environment));
    environment
}

fn new_environment(fuel: u64) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(fuel));
    for name in ["debug", "namespace"] {
        environment.remove_global(name);
    }
    for name in ["pprint", "safe", "escape", "e"] {
        environment.remove_filter(name);
    }
    for name in ["defined", "undefined", "safe", "escaped", "filter", "test", "sameas"] {
        environment.remove_test(name);
    }
    environment.add_filter(GUARD.trim_start_matches('|').trim_end(), factor);
    environment
}

/// Lets pass what may be multiplied: everything but lists.
fn factor(value: Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            Err(Error::new(ErrorKind::InvalidOperation, "lists cannot be multiplied"))
        }
        _ => Ok(value),
    }
}

/// Written behind each operand of `*`; nobody else can write it, because it is not among [`FILTERS`].
pub(super) const GUARD: &str = "|factor ";

/// Functions that expressions may call.
pub(super) const FUNCTIONS: &[&str] = &["range", "dict"];

/// Filters that expressions may use.
pub(super) const FILTERS: &[&str] = &[
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// Tests that may follow `is`.
pub(super) const TESTS: &[&str] = &[
    "boolean",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "int",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
    "upper",
];

/// A string literal is one instruction.
const LITERAL_FUEL: u64 = 1_000;
