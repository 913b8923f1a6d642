//! The filter language: `state:failed kind:ml.* queue:gpu label.team:growth parent:none created:>1h`.
//!
//! Terms are separated by white space and must all hold; `,` separates values of which one must fit, `-` before a
//! term negates it, `*` in a value stands for any text. Double quotes take away the meaning of every character
//! between them.

pub(crate) mod events;
pub mod facts;
pub(crate) mod fits;

use warrener_engine::limit::Pieces;
use warrener_shared::id::JobId;
use warrener_shared::job::parse_duration;
use warrener_shared::state::{JobState, TaskState};

use self::events::EventFilter;
use crate::store::view::filter::{Age, Column, Filter, Pattern, Term, Test};

/// Most characters of a filter. A longer one is none that a person writes.
const CHARACTERS: usize = 2_000;
/// Most values of all terms together. SQLite takes a few thousand, and each costs time for each job.
const VALUES: usize = 200;
/// Keys of a filter of jobs, for messages.
const KEYS: &str = "state, kind, queue, label.<name>, name, id, parent and created";

/// Keys of a filter of the audit, for messages.
const AUDIT_KEYS: &str = "who, from, verb, target, outcome and time";
/// Keys of a filter of delayed messages, for messages.
const DELAYED_KEYS: &str = "exchange, key and received";
/// Keys of a filter of events, for messages.
const EVENT_KEYS: &str = "type, state, kind, queue, label.<name>, name, id, parent and created";

/// Character, with true if it stood between quotes.
type Char = (char, bool);

/// Maker of a test from a key and its values.
type MakeTest = fn(&str, &[&[Char]]) -> Result<Option<Test>, String>;

/// Reads a filter of jobs.
///
/// # Errors
/// One sentence that says which term is wrong and what is possible.
pub fn parse(text: &str) -> Result<Filter, String> {
    read(text, KEYS, test)
}

/// Reads a filter of the audit: `who:ci verb:job.* outcome:refused time:<1d`.
///
/// # Errors
/// One sentence that says which term is wrong and what is possible.
pub(crate) fn parse_audit(text: &str) -> Result<Filter, String> {
    read(text, AUDIT_KEYS, audit_test)
}

/// Reads a filter of delayed messages: `exchange:orders.* key:order.new received:>1h`.
///
/// # Errors
/// One sentence that says which term is wrong and what is possible.
pub(crate) fn parse_delayed(text: &str) -> Result<Filter, String> {
    read(text, DELAYED_KEYS, delayed_test)
}

/// Reads a filter of events: one of jobs, and `type:task.*`.
///
/// # Errors
/// One sentence that says which term is wrong and what is possible.
pub(crate) fn parse_events(text: &str) -> Result<EventFilter, String> {
    Ok(EventFilter::new(read(text, EVENT_KEYS, event_test)?))
}

/// Reads a filter of tasks: one of their jobs, but for `state`, which is that of the task.
///
/// # Errors
/// One sentence that says which term is wrong and what is possible.
pub(crate) fn parse_tasks(text: &str) -> Result<EventFilter, String> {
    Ok(EventFilter::new(read(text, KEYS, task_test)?))
}

/// Reads a filter whose keys `test` knows.
/// Reads a filter of the keys of a limit, `key:acme*`: terms that must all hold, each with whether it is negated and
/// the patterns of which one must fit.
///
/// # Errors
/// One sentence that says which term is wrong and what is possible.
pub(crate) fn parse_key(text: &str) -> Result<Vec<(bool, Vec<Pieces>)>, String> {
    let terms = read(text, "key", |key, values| match key {
        "key" => Ok(Some(Test::Text(Column::Id, values.iter().map(|value| pattern(value)).collect()))),
        _ => Ok(None),
    })?;
    let patterns = |test: Test| match test {
        Test::Text(_, patterns) => patterns.iter().map(|pattern| Pieces(pattern.pieces())).collect(),
        _ => Vec::new(),
    };
    Ok(terms.terms.into_iter().map(|term| (term.negated, patterns(term.test))).collect())
}

fn read(text: &str, keys: &str, test: MakeTest) -> Result<Filter, String> {
    let characters = characters(text)?;
    let terms = characters.split(|(c, quoted)| c.is_whitespace() && !quoted).filter(|term| !term.is_empty());
    let terms: Vec<Term> = terms.map(|characters| term(characters, keys, test)).collect::<Result<_, _>>()?;
    let values: usize = terms.iter().map(|term| term.test.values()).sum();
    if values > VALUES {
        return Err(format!("a filter may have {VALUES} values, this one has {values}"));
    }
    Ok(Filter { terms })
}

/// Characters of a filter without the quotes around them.
fn characters(text: &str) -> Result<Vec<Char>, String> {
    if text.chars().count() > CHARACTERS {
        return Err(format!("a filter may have {CHARACTERS} characters"));
    }
    let mut quoted = false;
    let mut characters = Vec::new();
    for character in text.chars() {
        if character == '"' {
            quoted = !quoted;
        } else {
            characters.push((character, quoted));
        }
    }
    if quoted { Err("a double quote is not closed".to_owned()) } else { Ok(characters) }
}

/// Reads a term.
fn term(characters: &[Char], keys: &str, test: MakeTest) -> Result<Term, String> {
    let (negated, key, values) = parts(characters, keys)?;
    let test = test(&key, &values)?;
    Ok(Term { negated, test: test.ok_or_else(|| format!("unknown key `{key}`; the keys are {keys}"))? })
}

/// Parts of a term: true if it is negated, its key, and its values. `keys` are those that there are, for messages.
fn parts<'c>(characters: &'c [Char], keys: &str) -> Result<(bool, String, Vec<&'c [Char]>), String> {
    let (negated, rest) = match characters {
        [('-', false), rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let shown = plain(rest);
    let Some(at) = rest.iter().position(|c| *c == (':', false)) else {
        return Err(format!("`{shown}` is not a term; write key:value with one of the keys {keys}"));
    };
    let (key, values) = (plain(&rest[..at]), &rest[at + 1..]);
    let values: Vec<&[Char]> = values.split(|c| *c == (',', false)).collect();
    if values.iter().any(|value| value.is_empty()) {
        return Err(format!("`{shown}` lacks a value"));
    }
    Ok((negated, key, values))
}

/// Test of events with this key.
fn event_test(key: &str, values: &[&[Char]]) -> Result<Option<Test>, String> {
    match key {
        "type" => Ok(Some(Test::Text(Column::Type, values.iter().map(|value| pattern(value)).collect()))),
        other => test(other, values),
    }
}

/// Test of tasks with this key. States are told as types of events are, by their words.
fn task_test(key: &str, values: &[&[Char]]) -> Result<Option<Test>, String> {
    if key != "state" {
        return test(key, values);
    }
    for value in values {
        let word = plain(value);
        word.parse::<TaskState>().map_err(|_| {
            let words: Vec<&str> = TaskState::ALL.iter().map(|state| state.as_str()).collect();
            format!("unknown state `{word}`; the states of tasks are {}", words.join(", "))
        })?;
    }
    Ok(Some(Test::Text(Column::Type, values.iter().map(|value| pattern(value)).collect())))
}

/// Test of jobs with this key.
fn test(key: &str, values: &[&[Char]]) -> Result<Option<Test>, String> {
    let patterns = || values.iter().map(|value| pattern(value)).collect();
    Ok(Some(match key {
        "state" => Test::State(values.iter().map(|value| state(&plain(value))).collect::<Result<_, _>>()?),
        "created" => Test::Created(values.iter().map(|value| age(key, &plain(value))).collect::<Result<_, _>>()?),
        "kind" => Test::Text(Column::Kind, patterns()),
        "name" => Test::Text(Column::Name, patterns()),
        "id" => Test::Text(Column::Id, patterns()),
        "queue" => Test::Queue(patterns()),
        "parent" => Test::Parent(values.iter().map(|value| parent(value)).collect::<Result<_, _>>()?),
        other => match other.strip_prefix("label.").filter(|name| !name.is_empty()) {
            Some(name) => Test::Label(name.to_owned(), patterns()),
            None => return Ok(None),
        },
    }))
}

/// Test of rows of the audit with this key.
fn audit_test(key: &str, values: &[&[Char]]) -> Result<Option<Test>, String> {
    let column = match key {
        "time" => {
            let ages = values.iter().map(|value| age(key, &plain(value))).collect::<Result<_, _>>()?;
            return Ok(Some(Test::Created(ages)));
        }
        "who" => Column::Who,
        "from" => Column::From,
        "verb" => Column::Verb,
        "target" => Column::Target,
        "outcome" => Column::Outcome,
        _ => return Ok(None),
    };
    Ok(Some(Test::Text(column, values.iter().map(|value| pattern(value)).collect())))
}

/// Test of delayed messages with this key.
fn delayed_test(key: &str, values: &[&[Char]]) -> Result<Option<Test>, String> {
    let column = match key {
        "received" => {
            let ages = values.iter().map(|value| age(key, &plain(value))).collect::<Result<_, _>>()?;
            return Ok(Some(Test::Created(ages)));
        }
        "exchange" => Column::Exchange,
        "key" => Column::RoutingKey,
        _ => return Ok(None),
    };
    Ok(Some(Test::Text(column, values.iter().map(|value| pattern(value)).collect())))
}

/// Pattern of a value: a star without quotes stands for any text.
fn pattern(value: &[Char]) -> Pattern {
    Pattern::new(value.iter().map(|(c, quoted)| (*c != '*' || *quoted).then_some(*c)))
}

/// Id of a job; `none` without quotes stands for no job.
fn parent(value: &[Char]) -> Result<Option<String>, String> {
    let text = plain(value);
    if text == "none" && value.iter().all(|(_, quoted)| !quoted) {
        return Ok(None);
    }
    match JobId::new(&text) {
        Ok(id) => Ok(Some(id.to_string())),
        Err(_) => Err(format!("`parent:{text}` is not the id of a job; write a whole id, or parent:none")),
    }
}

/// State of a job by its word.
fn state(word: &str) -> Result<JobState, String> {
    word.parse().map_err(|_| {
        let words: Vec<&str> = JobState::ALL.iter().map(|state| state.as_str()).collect();
        format!("unknown state `{word}`; the states are {}", words.join(", "))
    })
}

/// Span before which, or within which, something was created.
fn age(key: &str, text: &str) -> Result<Age, String> {
    let parsed = match text.split_at_checked(1) {
        Some((">", span)) => parse_duration(span).map(Age::Over),
        Some(("<", span)) => parse_duration(span).map(Age::Under),
        _ => return Err(format!("`{key}:{text}` needs > (longer ago) or < before a duration, such as {key}:<1h")),
    };
    parsed.map_err(|error| format!("`{key}:{text}`: {error}"))
}

/// Text of characters, quoted or not.
fn plain(characters: &[Char]) -> String {
    characters.iter().map(|(c, _)| c).collect()
}

#[cfg(test)]
mod tests;
