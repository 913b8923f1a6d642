//! The jobs that may fit a filter, the newest first, found by an index: so that a page costs what is on it, not what
//! is kept.

use std::collections::BinaryHeap;
use std::ops::ControlFlow;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use warrener_shared::state::JobState;

use super::filter::{Column, Filter, Pattern, Term, Test};

/// Where a term's jobs stand: the values of one index, each with its jobs in the order of their numbers.
#[derive(Debug)]
pub(super) struct Walk {
    /// The column with the number of the job.
    column: &'static str,
    /// The table, and a condition with a place for each value of a set.
    source: &'static str,
    /// The sets of values of which one must be met.
    values: Vec<Vec<Value>>,
}

/// Entries that are counted to find out which term leaves the fewest.
const PROBED: i64 = 2_000;
/// Kinds that a pattern is compared with; a system with more has kinds that are made up, and the list is searched.
const KINDS: usize = 200;

impl Walk {
    /// The walk along the term that leaves the fewest jobs; `None` if no term has an index.
    pub(super) fn of(connection: &Connection, filter: &Filter) -> rusqlite::Result<Option<Self>> {
        let mut best = None;
        for term in &filter.terms {
            let Some(walk) = Self::along(connection, term)? else { continue };
            let size = walk.size(connection)?;
            if best.as_ref().is_none_or(|(least, _)| size < *least) {
                best = Some((size, walk));
            }
        }
        Ok(best.map(|(_, walk)| walk))
    }

    fn along(connection: &Connection, term: &Term) -> rusqlite::Result<Option<Self>> {
        let walk = |source, values| Some(Self { column: "no", source, values });
        let beside = |source, values| Some(Self { column: "job", source, values });
        if let Test::State(states) = &term.test {
            let wanted = JobState::ALL.iter().filter(|state| states.contains(state) != term.negated);
            let values = wanted.map(|state| vec![Value::from(*state as i64)]).collect();
            return Ok(walk("jobs INDEXED BY jobs_state WHERE state = ?", values));
        }
        if term.negated {
            return Ok(None);
        }
        Ok(match &term.test {
            Test::Text(Column::Kind, patterns) => {
                kinds(connection, patterns)?.and_then(|kinds| walk("jobs INDEXED BY jobs_kind WHERE kind = ?", kinds))
            }
            Test::Text(Column::Name, patterns) => {
                texts(patterns).and_then(|names| walk("jobs INDEXED BY jobs_name WHERE name = ?", names))
            }
            Test::Text(Column::Id, patterns) => texts(patterns).and_then(|ids| walk("jobs WHERE id = ?", ids)),
            Test::Label(label, patterns) => texts(patterns).and_then(|mut values| {
                values.iter_mut().for_each(|value| value.insert(0, label.clone().into()));
                beside("job_labels WHERE name = ? AND value = ?", values)
            }),
            Test::Queue(patterns) => beside("job_queues WHERE queue = ?", queues(connection, patterns)?),
            Test::State(_) | Test::Created(_) => None,
        })
    }

    /// How many jobs it leads to, counted up to a bound.
    fn size(&self, connection: &Connection) -> rusqlite::Result<i64> {
        let statement = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT {PROBED})", self.source);
        let mut statement = connection.prepare_cached(&statement)?;
        let mut size = 0;
        for values in &self.values {
            size += statement.query_row(params_from_iter(values), |row| row.get::<_, i64>(0))?;
            if size >= PROBED {
                break;
            }
        }
        Ok(size)
    }

    /// Shows the numbers below one, each once and the highest first, until the visitor has enough.
    pub(super) fn visit(
        &self,
        connection: &Connection,
        before: i64,
        mut visitor: impl FnMut(i64) -> rusqlite::Result<ControlFlow<()>>,
    ) -> rusqlite::Result<()> {
        let Self { column, source, .. } = self;
        let statement = format!("SELECT {column} FROM {source} AND {column} < ? ORDER BY {column} DESC");
        let mut statements =
            self.values.iter().map(|_| connection.prepare(&statement)).collect::<Result<Vec<_>, _>>()?;
        let mut lines = Vec::with_capacity(statements.len());
        for (statement, values) in statements.iter_mut().zip(&self.values) {
            let values = values.iter().cloned().chain(std::iter::once(before.into()));
            lines.push(statement.query(params_from_iter(values))?);
        }
        let mut heads = BinaryHeap::new();
        for (at, line) in lines.iter_mut().enumerate() {
            if let Some(row) = line.next()? {
                heads.push((row.get::<_, i64>(0)?, at));
            }
        }
        let mut latest = None;
        while let Some((no, at)) = heads.pop() {
            if let Some(row) = lines[at].next()? {
                heads.push((row.get(0)?, at));
            }
            if latest.replace(no) != Some(no) && visitor(no)?.is_break() {
                break;
            }
        }
        Ok(())
    }
}

/// The texts, if none of them is a pattern.
fn texts(patterns: &[Pattern]) -> Option<Vec<Vec<Value>>> {
    let text = |pattern: &Pattern| match pattern {
        Pattern::Exact(text) => Some(vec![Value::from(text.clone())]),
        Pattern::Glob(_) => None,
    };
    patterns.iter().map(text).collect()
}

/// The kinds that fit; `None` if there are too many kinds to look at.
fn kinds(connection: &Connection, patterns: &[Pattern]) -> rusqlite::Result<Option<Vec<Vec<Value>>>> {
    if let Some(kinds) = texts(patterns) {
        return Ok(Some(kinds));
    }
    let mut all = Vec::new();
    let mut next = connection.prepare_cached("SELECT min(kind) FROM jobs WHERE kind > ?1 AND kind IS NOT NULL")?;
    let mut latest = String::new();
    while let Some(kind) = next.query_row([&latest], |row| row.get::<_, Option<String>>(0))? {
        if all.len() == KINDS {
            return Ok(None);
        }
        all.push(kind.clone());
        latest = kind;
    }
    fitting(connection, all.into_iter().map(|kind| (kind.clone().into(), kind)), patterns).map(Some)
}

/// The numbers of the queues that fit.
fn queues(connection: &Connection, patterns: &[Pattern]) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut statement = connection.prepare_cached("SELECT no, name FROM queues")?;
    let queues = statement.query_map([], |row| Ok((row.get::<_, i64>(0)?.into(), row.get(1)?)));
    fitting(connection, queues?.collect::<rusqlite::Result<Vec<_>>>()?, patterns)
}

fn fitting(
    connection: &Connection,
    all: impl IntoIterator<Item = (Value, String)>,
    patterns: &[Pattern],
) -> rusqlite::Result<Vec<Vec<Value>>> {
    let mut fits = connection.prepare_cached("SELECT ?1 GLOB ?2")?;
    let mut found = Vec::new();
    for (value, name) in all {
        for pattern in patterns {
            let is_fitting = match pattern {
                Pattern::Exact(text) => *text == name,
                Pattern::Glob(glob) => fits.query_row((&name, glob), |row| row.get(0))?,
            };
            if is_fitting {
                found.push(vec![value]);
                break;
            }
        }
    }
    Ok(found)
}
