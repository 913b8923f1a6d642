//! Reading `for_each`.

use super::elsewhere::Place;
use super::field::{Reader, foreign};
use super::problem::{At, code, quoted};
use super::raw::{Raw, Sort};
use super::task::Surroundings;
use super::{ForEach, MaxFailures, Source};
use crate::expr::{Roots, Rounds, Template};

const FIELDS: &[&str] = &["items", "matrix", "exclude", "max_parallel", "max_failures", "min_successes"];
const EXPECTED: &str = "\"${{ … }}\", a list, or an object with `items` or `matrix`";
/// `if` and the list itself are judged once, before there are items.
const ROOTS: Roots = Roots { item: false, rounds: Rounds::None, schedule: false, task: false };
/// Combinations per allowed item that a matrix may have before `exclude`: each is looked at.
const COMBINATIONS_PER_ITEM: usize = 10;

/// Reads a `for_each`; expressions in it add to the needs in `scope`.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    value: Raw<'_>,
    at: &At<'_>,
) -> Option<ForEach> {
    let source = match value.sort() {
        Sort::Text | Sort::List => Source::Items(list(reader, scope, value, at)?),
        Sort::Object => return read_object(reader, scope, value, at),
        _ => {
            reader.wrong_type(value, at, EXPECTED);
            return None;
        }
    };
    Some(ForEach { source, max_parallel: None, max_failures: MaxFailures::Count(0), min_successes: None })
}

fn read_object(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    value: Raw<'_>,
    at: &At<'_>,
) -> Option<ForEach> {
    let (mut max_parallel, mut max_failures, mut min_successes) = (None, None, None);
    for entry in value.entries() {
        let place = at.key(&entry.key);
        match &*entry.key {
            "items" | "matrix" | "exclude" => {}
            "max_parallel" => max_parallel = reader.integer(entry.value, &place, 1, u32::MAX),
            "max_failures" => max_failures = read_max_failures(reader, entry.value, &place),
            "min_successes" => {
                min_successes = reader.integer(entry.value, &place, 1, u32::MAX);
                check_enough(reader, min_successes, value, &place);
            }
            other => reader.unknown_field(other, &place, &[FIELDS], foreign(other, Place::ForEach)),
        }
    }
    let source = read_source(reader, scope, value, at)?;
    // Where some are enough, others may fail.
    let usual = if min_successes.is_some() { MaxFailures::Percent(100) } else { MaxFailures::Count(0) };
    Some(ForEach { source, max_parallel, max_failures: max_failures.unwrap_or(usual), min_successes })
}

/// Reports that more items are to succeed than there are, where that is known.
fn check_enough(reader: &mut Reader<'_>, least: Option<u32>, for_each: Raw<'_>, at: &At<'_>) {
    let most = most_items(for_each);
    if let (Some(least), Some(most)) = (least, most)
        && least as usize > most
    {
        let detail = format_args!("{least} items are to succeed, and there are {most} at most");
        reader.problems.add(at, code::CONTRADICTION, detail);
    }
}

/// The most items that a literal list or matrix gives; `None` if an expression decides.
fn most_items(for_each: Raw<'_>) -> Option<usize> {
    let length = |list: Raw<'_>| (list.sort() == Sort::List).then(|| list.elements().count());
    match (for_each.get("items"), for_each.get("matrix")) {
        (Some(items), _) => length(items),
        (None, Some(matrix)) if matrix.sort() == Sort::Object => {
            let lengths: Option<Vec<usize>> = matrix.entries().map(|axis| length(axis.value)).collect();
            lengths.map(|lengths| lengths.into_iter().fold(1, usize::saturating_mul))
        }
        _ => None,
    }
}

fn read_source(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    value: Raw<'_>,
    at: &At<'_>,
) -> Option<Source> {
    let (items, matrix, exclude) = (value.get("items"), value.get("matrix"), value.get("exclude"));
    if exclude.is_some() && matrix.is_none() {
        reader
            .problems
            .add(&at.key("exclude"), code::CONTRADICTION, format_args!("`exclude` goes with `matrix` only"))
            .hint(format_args!("leave the unwanted elements out of the list"));
    }
    match (items, matrix) {
        (Some(items), None) => list(reader, scope, items, &at.key("items")).map(Source::Items),
        (None, Some(matrix)) => read_matrix(reader, scope, matrix, exclude, at),
        (Some(_), Some(_)) => {
            reader.problems.add(at, code::CONTRADICTION, format_args!("`items` and `matrix` exclude each other"));
            None
        }
        (None, None) => {
            reader.problems.add(at, code::MISSING_FIELD, format_args!("`items` or `matrix` is missing")).hint(
                format_args!("write `items: [1, 2, 3]`, `items: \"${{{{ tasks.list.output }}}}\"` or a `matrix`"),
            );
            None
        }
    }
}

/// A literal list, or an expression that gives one.
fn list(reader: &mut Reader<'_>, scope: &mut Surroundings<'_, '_>, value: Raw<'_>, at: &At<'_>) -> Option<Template> {
    if reader.undecided.contains(value) {
        return None;
    }
    match value.sort() {
        Sort::Text => return expression(reader, scope, value, at),
        Sort::List => check_length(reader, value, at),
        _ => {
            reader.wrong_type(value, at, "a list, or \"${{ … }}\"");
            return None;
        }
    }
    scope.template(reader, value, at, ROOTS)
}

/// A text that is exactly one expression: anything around it would make it text instead of a list.
fn expression(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    value: Raw<'_>,
    at: &At<'_>,
) -> Option<Template> {
    let template = scope.template(reader, value, at, ROOTS)?;
    if template.is_expression() {
        return Some(template);
    }
    let text = value.text().unwrap_or_default();
    let added =
        reader.problems.add(at, code::INVALID_EXPRESSION, format_args!("{} is not one expression", quoted(&text)));
    if template.is_literal() {
        added.hint(format_args!("write {}", quoted(&format!("${{{{ {} }}}}", text.trim()))));
    }
    None
}

fn check_length(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) {
    let (count, most) = (value.elements().count(), reader.limits.tasks);
    if count > most {
        reader.problems.add(at, code::TOO_MANY, format_args!("{count} items, the limit on tasks and items is {most}"));
    }
}

fn read_matrix(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    matrix: Raw<'_>,
    exclude: Option<Raw<'_>>,
    at: &At<'_>,
) -> Option<Source> {
    let place = at.key("matrix");
    if !reader.is_object(matrix, &place, "an object of lists") {
        return None;
    }
    let mut axes = Vec::new();
    let mut names = Vec::new();
    let mut combinations: usize = 1;
    for entry in matrix.entries() {
        if entry.value.sort() == Sort::List {
            combinations = combinations.saturating_mul(entry.value.elements().count());
        }
        let axis = list(reader, scope, entry.value, &place.key(&entry.key));
        names.push(entry.key.clone().into_owned());
        axes.extend(axis.map(|template| (entry.key.into_owned(), template)));
    }
    if names.is_empty() {
        reader.problems.add(&place, code::TOO_FEW, format_args!("a matrix needs at least one list"));
    }
    let most = reader.limits.tasks.saturating_mul(if exclude.is_some() { COMBINATIONS_PER_ITEM } else { 1 });
    if combinations > most {
        let detail = format_args!("{combinations} combinations, at most {most} are allowed (limit on tasks and items)");
        reader.problems.add(&place, code::TOO_MANY, detail);
    }
    let exclude = exclude.and_then(|exclude| read_exclude(reader, scope, exclude, &names, &at.key("exclude")));
    Some(Source::Matrix { axes, exclude })
}

fn read_exclude(
    reader: &mut Reader<'_>,
    scope: &mut Surroundings<'_, '_>,
    exclude: Raw<'_>,
    axes: &[String],
    at: &At<'_>,
) -> Option<Template> {
    if exclude.sort() != Sort::List {
        reader.wrong_type(exclude, at, "a list of objects");
        return None;
    }
    for (index, element) in exclude.elements().enumerate() {
        let place = at.index(index);
        if !reader.is_object(element, &place, "an object of values to leave out") {
            continue;
        }
        for entry in element.entries().filter(|entry| !axes.iter().any(|axis| *axis == entry.key)) {
            let near = reader.problems.nearest(&entry.key, axes.iter().map(String::as_str));
            let detail = format_args!("the matrix has no list {}, so this would exclude nothing", quoted(&entry.key));
            reader.problems.add(&place.key(&entry.key), code::UNKNOWN_NAME, detail).did_you_mean(near);
        }
    }
    scope.template(reader, exclude, at, ROOTS)
}

fn read_max_failures(reader: &mut Reader<'_>, value: Raw<'_>, at: &At<'_>) -> Option<MaxFailures> {
    if reader.undecided.contains(value) {
        return None;
    }
    let Some(text) = value.text() else {
        if value.sort() != Sort::Number {
            reader.wrong_type(value, at, "a number of items, or a share such as \"5%\"");
            return None;
        }
        return reader.integer(value, at, 0, u32::MAX).map(MaxFailures::Count);
    };
    let share = text.strip_suffix('%').filter(|digits| matches!(digits.len(), 1..=3));
    let share = share.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()) && !is_padded(digits));
    let share = share.and_then(|digits| digits.parse().ok()).filter(|share| *share <= 100);
    if share.is_none() {
        reader
            .problems
            .add(at, code::INVALID_VALUE, format_args!("{} is no share", quoted(&text)))
            .hint(format_args!("write a number of items, or \"0%\" to \"100%\" without a fraction"));
    }
    share.map(MaxFailures::Percent)
}

/// Tells whether three digits start with a zero, such as `005`.
fn is_padded(digits: &str) -> bool {
    digits.len() == 3 && digits.starts_with('0')
}
