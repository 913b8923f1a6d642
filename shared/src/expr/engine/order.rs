//! The order of two values of one type.

use std::cmp::Ordering;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use super::CHAIN;
use crate::expr::write::kind_name;

/// Adds the tests that compare, under all the names that the engine has for them.
pub(super) fn add_tests(environment: &mut Environment<'static>) {
    for name in ["lt", "lessthan", "<"] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b).map(Ordering::is_lt));
    }
    for name in ["le", "<="] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b).map(Ordering::is_le));
    }
    for name in ["gt", "greaterthan", ">"] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b).map(Ordering::is_gt));
    }
    for name in ["ge", ">="] {
        environment.add_test(name, |a: &Value, b: &Value| compared(a, b).map(Ordering::is_ge));
    }
    environment.add_test(CHAIN, chain);
}

/// True if several comparisons in a row all hold. `signs` are those of [`Operator::sign`], one for each of the others.
///
/// [`Operator::sign`]: crate::expr::comparison::Operator::sign
fn chain(first: &Value, signs: &str, others: Rest<Value>) -> Result<bool, Error> {
    let mut left = first;
    for (sign, right) in signs.chars().zip(others.iter()) {
        let holds = match sign {
            '=' => left == right,
            '!' => left != right,
            '<' => compared(left, right)?.is_lt(),
            'l' => compared(left, right)?.is_le(),
            '>' => compared(left, right)?.is_gt(),
            _ => compared(left, right)?.is_ge(),
        };
        if !holds {
            return Ok(false);
        }
        left = right;
    }
    Ok(true)
}

fn compared(a: &Value, b: &Value) -> Result<Ordering, Error> {
    let (left, right) = (a.kind(), b.kind());
    if [left, right].contains(&ValueKind::Undefined) {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if sort(left) != sort(right) {
        let detail = format!("{} and {} have no order", kind_name(left), kind_name(right));
        return Err(Error::new(ErrorKind::InvalidOperation, detail));
    }
    if left == right {
        return Ok(a.cmp(b));
    }
    // Of a list that a filter made, the engine would say that it comes after all others.
    Ok(a.try_iter()?.cmp(b.try_iter()?))
}

/// The kind of a value, with one kind for lists of literals and lists of filters.
const fn sort(kind: ValueKind) -> ValueKind {
    if matches!(kind, ValueKind::Iterable) { ValueKind::Seq } else { kind }
}
