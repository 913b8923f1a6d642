//! Walks: the jobs that may fit a filter, in the order of their numbers, found by an index, so that a page costs what
//! is on it, not what is kept.

use std::collections::VecDeque;

use warrener_shared::state::JobState;

use super::super::StoreError;
use super::super::sql::{Dialect, Reader, Value, limit};
use super::JobOrder;
use super::filter::{Column, Filter, PARENT, Pattern, Term, Test};
use super::window::Window;

/// Way to the jobs of a term: the values of an index, each with its jobs in the order of their numbers.
#[derive(Debug)]
pub(super) struct Walk {
    /// Column with the number of the job.
    column: &'static str,
    /// Table, and a condition with a place for each value of a set.
    source: String,
    /// Sets of values of which one must be met.
    values: Vec<Vec<Value<'static>>>,
    /// Condition on the state from the filter, if that leaves few jobs; empty otherwise.
    rare: String,
}

/// Condition on a job, with the values in it.
pub(super) type Condition<'a> = (&'a str, &'a [Value<'static>]);

/// Most entries that are counted to find out which term leaves the fewest jobs.
const PROBED: i64 = 2_000;
/// Most kinds that a pattern is compared with. A system with more has kinds that are made up, and the list is searched.
const KINDS: usize = 200;
/// Numbers that are read ahead of each set of values.
const AHEAD: usize = 64;
/// Purpose of the statements, as errors say it.
const DOING: &str = "list jobs";

impl Walk {
    /// Walk along the term that leaves the fewest jobs; `None` if no term has an index.
    pub(super) fn of(reader: &dyn Reader, filter: &Filter) -> Result<Option<Self>, StoreError> {
        let mut best = None;
        let terms = filter.terms.iter().map(|term| Self::along(reader, term));
        let states = bad_states(filter);
        let bad = states.as_ref().map(|states| Self::bad(reader, filter, states));
        for walk in bad.into_iter().chain(terms) {
            let Some(walk) = walk? else { continue };
            let size = walk.size(reader)?;
            if best.as_ref().is_none_or(|(least, _)| size < *least) {
                best = Some((size, walk));
            }
        }
        let rare = states.map(|states| rare(reader.dialect(), &states)).unwrap_or_default();
        Ok(best.map(|(_, walk)| Self { rare, ..walk }))
    }

    /// Walk along a kind or a name and states without success at once; `None` if the filter names neither.
    fn bad(reader: &dyn Reader, filter: &Filter, states: &[JobState]) -> Result<Option<Self>, StoreError> {
        for term in filter.terms.iter().filter(|term| !term.negated) {
            let (index, column, found) = match &term.test {
                Test::Text(Column::Kind, patterns) => ("jobs_bad_kind", "kind", kinds(reader, patterns)?),
                Test::Text(Column::Name, patterns) => ("jobs_bad_name", "name", texts(patterns)),
                _ => continue,
            };
            let Some(found) = found else { continue };
            let along = reader.dialect().along(index);
            let source = format!("jobs{along} WHERE state > 2 AND {column} = ? AND state = ?");
            let with = |value: &[Value<'static>], state| [value, &[Value::Int(state as i64)]].concat();
            let values = found.iter().flat_map(|value| states.iter().map(|state| with(value, *state))).collect();
            return Ok(Some(Self { column: "no", source, values, rare: String::new() }));
        }
        Ok(None)
    }

    /// Walk along one term; `None` if it has no index.
    fn along(reader: &dyn Reader, term: &Term) -> Result<Option<Self>, StoreError> {
        let walk = |index: &str, condition: &str, values| {
            let along = if index.is_empty() { String::new() } else { reader.dialect().along(index) };
            Some(Self { column: "no", source: format!("jobs{along} WHERE {condition}"), values, rare: String::new() })
        };
        let beside =
            |source: &str, values| Some(Self { column: "job", source: source.to_owned(), values, rare: String::new() });
        if let Test::State(states) = &term.test {
            let values = wanted(states, term).map(|state| vec![Value::Int(state as i64)]).collect();
            return Ok(walk("jobs_state", "state = ?", values));
        }
        if term.negated {
            return Ok(None);
        }
        Ok(match &term.test {
            Test::Text(Column::Kind, patterns) => {
                kinds(reader, patterns)?.and_then(|kinds| walk("jobs_kind", "kind = ?", kinds))
            }
            Test::Text(Column::Name, patterns) => {
                texts(patterns).and_then(|names| walk("jobs_name", "name = ?", names))
            }
            Test::Text(Column::Id, patterns) => texts(patterns).and_then(|ids| walk("", "id = ?", ids)),
            Test::Label(label, patterns) => texts(patterns).and_then(|mut values| {
                values.iter_mut().for_each(|value| value.insert(0, label.clone().into()));
                beside("job_labels WHERE name = ? AND value = ?", values)
            }),
            Test::Queue(patterns) => beside("job_queues WHERE queue = ?", queues(reader, patterns)?),
            Test::Parent(parents) => {
                let ids: Option<Vec<_>> = parents.iter().cloned().collect();
                let ids = ids.map(|ids| ids.into_iter().map(|id| vec![Value::from(id)]).collect());
                ids.and_then(|ids| walk("jobs_parent", PARENT, ids))
            }
            Test::Text(..) | Test::State(_) | Test::Created(_) => None,
        })
    }

    /// Number of jobs that the walk leads to, counted up to about [`PROBED`].
    fn size(&self, reader: &dyn Reader) -> Result<i64, StoreError> {
        let statement = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {PROBED}) AS probed", self.source);
        let mut size = 0;
        for values in &self.values {
            size += reader.number::<i64>(DOING, &statement, values)?;
            if size >= PROBED {
                break;
            }
        }
        Ok(size)
    }

    /// Numbers of jobs in a window that come after `before` in an order, each once and in that order.
    ///
    /// Where there is but one line of jobs, the database itself passes over those that do not fit the condition. Of
    /// several lines all jobs are given: one in which nothing fits would be walked to its end in search of its next
    /// job.
    pub(super) fn numbers<'a>(
        &'a self,
        window: Window,
        order: JobOrder,
        before: i64,
        (condition, values): Condition<'a>,
    ) -> Numbers<'a> {
        let Self { column, source, rare, .. } = self;
        let (fits, wanted) = match (self.values.len(), *column) {
            (1, "no") => (format!(" AND {condition}"), values),
            (1, _) => {
                let fits = format!("EXISTS (SELECT 1 FROM jobs WHERE no = {column} AND {condition})");
                (format!("{rare} AND {fits}"), values)
            }
            _ => (String::new(), &[][..]),
        };
        let (after, direction) = (order.comes_after(), order.direction());
        let within = window.condition(column);
        let statement = format!(
            "SELECT {column} FROM {source} AND {column} {after} ?{within}{fits} ORDER BY {column} {direction} LIMIT ?"
        );
        let lines = self.values.iter();
        let lines = lines.map(|values| Line { values, ahead: VecDeque::new(), before, is_over: false }).collect();
        Numbers { order, statement, wanted, lines }
    }
}

/// Numbers of the jobs of a walk, read ahead a little; see [`Walk::numbers`].
#[derive(Debug)]
pub(super) struct Numbers<'a> {
    /// Order in which they are given.
    order: JobOrder,
    /// Statement that reads the next numbers of a line.
    statement: String,
    /// Values of the condition in the statement.
    wanted: &'a [Value<'static>],
    /// Lines, one for each set of values.
    lines: Vec<Line<'a>>,
}

/// Numbers of the jobs of one set of values, in order.
#[derive(Debug)]
struct Line<'a> {
    /// The set of values.
    values: &'a [Value<'static>],
    /// Numbers that are read and not taken.
    ahead: VecDeque<i64>,
    /// Number that all others come after.
    before: i64,
    /// True once all numbers are read.
    is_over: bool,
}

impl Numbers<'_> {
    /// Takes the next numbers, at most `most`; fewer only if there are no more.
    pub(super) fn take(&mut self, reader: &dyn Reader, most: usize) -> Result<Vec<i64>, StoreError> {
        let mut taken = Vec::with_capacity(most);
        while taken.len() < most
            && let Some(next) = self.next(reader)?
        {
            taken.push(next);
        }
        Ok(taken)
    }

    /// Takes the number that comes first of all lines, out of each that has it.
    fn next(&mut self, reader: &dyn Reader) -> Result<Option<i64>, StoreError> {
        let mut first: Option<i64> = None;
        for line in &mut self.lines {
            let head = line.head(reader, &self.statement, self.wanted)?;
            first = match (first, head) {
                (Some(one), Some(other)) => Some(self.order.first(one, other)),
                (one, other) => one.or(other),
            };
        }
        // A job may stand in several lines.
        for line in &mut self.lines {
            if line.ahead.front() == first.as_ref() {
                line.ahead.pop_front();
            }
        }
        Ok(first)
    }
}

impl Line<'_> {
    /// First number of the line that is not taken, after reading ahead if need be.
    fn head(
        &mut self,
        reader: &dyn Reader,
        statement: &str,
        wanted: &[Value<'static>],
    ) -> Result<Option<i64>, StoreError> {
        if self.ahead.is_empty() && !self.is_over {
            let (before, most) = (self.before.into(), limit(AHEAD));
            let values = self.values.iter().chain([&before]).chain(wanted).chain([&most]).cloned();
            let values: Vec<_> = values.collect();
            self.ahead = reader.all(DOING, statement, &values, |row| row.get(0))?.into();
            self.is_over = self.ahead.len() < AHEAD;
            self.before = self.ahead.back().copied().unwrap_or(self.before);
        }
        Ok(self.ahead.front().copied())
    }
}

/// States that fit a term.
fn wanted(states: &[JobState], term: &Term) -> impl Iterator<Item = JobState> {
    JobState::ALL.iter().copied().filter(|state| states.contains(state) != term.negated)
}

/// States that a job must be in, if a term names some and each of them is final without success.
fn bad_states(filter: &Filter) -> Option<Vec<JobState>> {
    filter.terms.iter().find_map(|term| {
        let Test::State(states) = &term.test else { return None };
        let states: Vec<_> = wanted(states, term).collect();
        states.iter().all(|state| state.is_final() && *state != JobState::Succeeded).then_some(states)
    })
}

/// Condition that the job of a table beside is in one of these states, told by their index alone: where they are rare
/// it is small, and rows are all over the database.
fn rare(dialect: Dialect, states: &[JobState]) -> String {
    let along = dialect.along("jobs_state");
    let states: Vec<_> = states.iter().map(|state| (*state as i64).to_string()).collect();
    format!(" AND EXISTS (SELECT 1 FROM jobs{along} WHERE no = job AND state IN ({}))", states.join(", "))
}

/// Texts of the patterns; `None` if one of them is no plain text.
fn texts(patterns: &[Pattern]) -> Option<Vec<Vec<Value<'static>>>> {
    let text = |pattern: &Pattern| match pattern {
        Pattern::Exact(text) => Some(vec![Value::from(text.clone())]),
        Pattern::Glob(_) => None,
    };
    patterns.iter().map(text).collect()
}

/// Kinds that fit; `None` if there are too many kinds to look at.
fn kinds(reader: &dyn Reader, patterns: &[Pattern]) -> Result<Option<Vec<Vec<Value<'static>>>>, StoreError> {
    if let Some(kinds) = texts(patterns) {
        return Ok(Some(kinds));
    }
    let mut all = Vec::new();
    let next = "SELECT min(kind) FROM jobs WHERE kind > ?1 AND kind IS NOT NULL";
    let mut latest = String::new();
    while let Some(kind) = reader.one(DOING, next, &[latest.as_str().into()], |row| row.find_string(0))?.flatten() {
        if all.len() == KINDS {
            return Ok(None);
        }
        all.push(kind.clone());
        latest = kind;
    }
    fitting(reader, all.into_iter().map(|kind| (kind.clone().into(), kind)), patterns).map(Some)
}

/// Numbers of the queues that fit.
fn queues(reader: &dyn Reader, patterns: &[Pattern]) -> Result<Vec<Vec<Value<'static>>>, StoreError> {
    let queues =
        reader.all(DOING, "SELECT no, name FROM queues", &[], |row| Ok((Value::Int(row.get(0)?), row.string(1)?)))?;
    fitting(reader, queues, patterns)
}

/// Values whose names fit one of the patterns.
fn fitting(
    reader: &dyn Reader,
    all: impl IntoIterator<Item = (Value<'static>, String)>,
    patterns: &[Pattern],
) -> Result<Vec<Vec<Value<'static>>>, StoreError> {
    let dialect = reader.dialect();
    let fits = format!("SELECT CASE WHEN ?1 {} ?2 THEN 1 ELSE 0 END", dialect.fits());
    let mut found = Vec::new();
    for (value, name) in all {
        for pattern in patterns {
            let is_fitting = match pattern {
                Pattern::Exact(text) => *text == name,
                Pattern::Glob(glob) => {
                    reader.number::<i64>(DOING, &fits, &[name.as_str().into(), dialect.glob(glob).into()])? != 0
                }
            };
            if is_fitting {
                found.push(vec![value]);
                break;
            }
        }
    }
    Ok(found)
}
