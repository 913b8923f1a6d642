//! The engine behind expressions, with everything taken out that reads a clock, a context or a secret.

mod order;

use std::sync::{LazyLock, Mutex, PoisonError};

use minijinja::value::{Rest, ValueKind};
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
    environment.add_filter(STEP, step);
    environment.add_function(COALESCE, coalesce);
    order::add_tests(&mut environment);
    for state in STATES {
        environment.add_test(*state, |value: &Value| is_state(value, state));
    }
    environment
}

/// Takes a step below a value; undefined if there is nothing, or nothing to step below from.
fn step(value: &Value, key: &Value) -> Result<Value, Error> {
    if value.is_undefined() { Ok(Value::UNDEFINED) } else { value.get_item(key) }
}

/// The first value that is neither null nor undefined; null if there is none.
fn coalesce(values: Rest<Value>) -> Value {
    let found = values.0.into_iter().find(|value| !value.is_undefined() && !value.is_none());
    found.unwrap_or_else(|| Value::from(()))
}

/// True if the status of a task is this one.
fn is_state(status: &Value, state: &str) -> Result<bool, Error> {
    let why = || Error::new(ErrorKind::InvalidOperation, format!("`is {state}` is asked of something that is no task"));
    status.as_str().map(|status| status == state).ok_or_else(why)
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

/// The filter that [`step`] is; not among [`FILTERS`] either.
pub(super) const STEP: &str = "step";

/// The test that [`order::chain`] is; not among [`TESTS`] either.
pub(super) const CHAIN: &str = "chain";

/// The function whose arguments may be undefined.
pub(super) const COALESCE: &str = "coalesce";

/// Functions that expressions may call.
pub(super) const FUNCTIONS: &[&str] = &["range", "dict", COALESCE];

/// Tests of a task, named like the states in which it can end.
pub(super) const STATES: &[&str] = &["succeeded", "failed", "cancelled", "skipped", "timed_out"];

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
    "cancelled",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "failed",
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
    "skipped",
    "startingwith",
    "string",
    "succeeded",
    "timed_out",
    "true",
    "upper",
];

/// A string literal is one instruction.
const LITERAL_FUEL: u64 = 1_000;
