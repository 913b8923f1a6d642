//! Inspection of a database: whether everything that we need of it is there. What somebody takes away is missed before
//! an input is.

use std::collections::BTreeSet;

use super::StoreError;
use super::session::Session;
use crate::store::columns::TABLES;
use crate::store::sql::Row;

/// Looks for each table and column, and for the right to use them. Called at each connect and with each probe.
///
/// # Errors
/// [`StoreError::Statement`] that names the first that is missing.
pub(super) fn inspect(session: &Session, versions: &[&str]) -> Result<(), StoreError> {
    // The table `owner` has one row, which is only changed.
    let statement = "SELECT w.name, CASE WHEN a.attname IS NULL THEN 1 ELSE 0 END FROM ( \
         SELECT name, split_part(name, '.', 1) AS tab, split_part(name, '.', 2) AS col \
         FROM unnest(?1::text[]) AS u (name)) AS w \
         LEFT JOIN pg_namespace s ON s.nspname = 'warrener' \
         LEFT JOIN pg_class c ON c.relnamespace = s.oid AND c.relname = w.tab \
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = w.col AND NOT a.attisdropped \
         WHERE a.attname IS NULL OR NOT has_schema_privilege(s.oid, 'USAGE') \
         OR NOT has_table_privilege(c.oid, 'SELECT') OR NOT has_table_privilege(c.oid, 'UPDATE') OR (w.tab <> 'owner' \
         AND (NOT has_table_privilege(c.oid, 'INSERT') OR NOT has_table_privilege(c.oid, 'DELETE'))) LIMIT 1";
    let mut wanted: BTreeSet<String> = versions.iter().flat_map(|version| columns(version)).collect();
    for (table, columns) in TABLES {
        wanted.extend(columns.iter().map(|column| format!("{table}.{}", column.name)));
    }
    let wanted = wanted.iter().map(|name| name.as_str().into()).collect();
    let read = |row: &dyn Row| Ok((row.string(0)?, row.flag(1)?));
    let found = session.of_many(DOING, statement, wanted, read)?;
    match found.into_iter().next() {
        None => Ok(()),
        Some((name, true)) => Err(StoreError::Statement { doing: DOING, why: format!("warrener.{name} is missing") }),
        Some((name, false)) => {
            let table = name.split('.').next().unwrap_or_default();
            let why = format!("our user may not use warrener.{table}; grant it SELECT, INSERT, UPDATE and DELETE");
            Err(StoreError::Statement { doing: DOING, why })
        }
    }
}

/// Columns that a version of the schema makes, as `table.column`. Reads only the layout in which our schemas are
/// written.
fn columns(version: &str) -> impl Iterator<Item = String> + '_ {
    let mut table = None;
    version.lines().filter_map(move |line| {
        let mut words = line.split_ascii_whitespace();
        match (words.next()?, words.next()) {
            ("CREATE", Some("TABLE")) => {
                table = words.next();
                None
            }
            (");", _) => {
                table = None;
                None
            }
            ("ALTER", Some("TABLE")) => match words.collect::<Vec<_>>()[..] {
                [table, "ADD", "COLUMN", column, ..] => Some(format!("{table}.{column}")),
                _ => None,
            },
            (word, Some(_)) if word.starts_with(|c: char| c.is_ascii_lowercase()) => Some(format!("{}.{word}", table?)),
            _ => None,
        }
    })
}

/// Purpose of the statements, as errors say it.
const DOING: &str = "find what jobs are kept in";

#[cfg(test)]
mod tests {
    use super::super::Postgres;
    use super::super::open::VERSIONS;
    use super::*;
    use crate::store::sql::Reader;
    use crate::store::tests::postgres_server::Shared;

    #[test]
    fn each_column_of_the_schema_is_looked_for() {
        let database = Shared::database();
        let store = Postgres::open(database.url()).unwrap();
        let session = store.place.reader().unwrap();
        let reader: &dyn Reader = &session;
        let statement = "SELECT table_name || '.' || column_name FROM information_schema.columns \
             WHERE table_schema = 'warrener'";
        let mut there = reader.all("look", statement, &[], |row| row.string(0)).unwrap();
        let mut wanted: Vec<_> = VERSIONS.iter().flat_map(|version| columns(version)).collect();
        there.sort();
        wanted.sort();
        assert_eq!(wanted, there);
    }
}
