//! Opening a database in a file: the settings, the schema.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use uuid::Uuid;

use super::check::Check;
use super::lock::Lock;
use super::soundness::Soundness;
use super::{StoreError, failed};
use crate::store::columns::{Kind, TABLES, TableColumn};

/// Statements by which each version of the schema grows out of the one before. The number of versions that a file has
/// stands in `PRAGMA user_version`.
const VERSIONS: [&str; 12] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
    include_str!("schema_11.sql"),
    include_str!("schema_12.sql"),
];
/// Remedy for a damaged file.
const WAY_OUT: &str = "restore a backup; or make a copy of the file and of its -wal, then mend it with the program \
     sqlite3: `REINDEX` if indexes alone are damaged, else `.recover` into a new file";
/// Mark of our files, in `PRAGMA application_id` ("WRNR").
const APPLICATION_ID: i64 = 0x5752_4e52;

/// Opens the writer's connection, makes or upgrades the schema, and gives the check of the file if that goes on.
///
/// The order matters: nothing is written to a file that is not ours, and a damaged one is not upgraded.
pub(super) fn writer(lock: &Lock, soundness: &Soundness) -> Result<(Connection, Option<Check>), StoreError> {
    let path = lock.path();
    let refuse = |why: String| StoreError::Open { place: path.display().to_string(), why };
    let mut connection = Connection::open(path).map_err(|error| refuse(error.to_string()))?;
    // Before anything is written: what is not ours stays as it is.
    let is_new = is_new(&connection).map_err(refuse)?;
    // Before SQLite makes files beside it, to which it gives the same permissions.
    lock.make_private();
    // The cache is small because SQLite looks through all of it after each commit that balanced a tree; what is asked
    // for again is remembered by the driver, and the rest is in the memory of the system.
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; \
             PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 0; PRAGMA foreign_keys = OFF;",
        )
        .map_err(|error| refuse(error.to_string()))?;
    // Otherwise a statement such as that for the next ready tasks is planned anew for the values it is given.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(|error| refuse(format!("keep the plans of statements: {error}")))?;
    connection.set_prepared_statement_cache_capacity(64);
    let mut check = None;
    if is_new {
        create(&mut connection)?;
    } else {
        check = Check::start(path, &connection, || reader(path), soundness).map_err(|error| match error {
            StoreError::Corrupt(what) => refuse(format!("it is damaged ({what}); {WAY_OUT}")),
            other => other,
        })?;
    }
    upgrade(&mut connection)?;
    Ok((connection, check))
}

/// Opens a connection that only reads.
pub(super) fn reader(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed("open the database to read it"))?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(failed("set a reader's patience"))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Makes the first version of the schema, and the identity of the database.
fn create(connection: &mut Connection) -> Result<(), StoreError> {
    let doing = failed("create the schema");
    let transaction = connection.transaction().map_err(&doing)?;
    transaction.execute_batch(VERSIONS[0]).map_err(&doing)?;
    transaction
        .execute("INSERT INTO meta (key, value) VALUES ('database', ?1)", [Uuid::new_v4().simple().to_string()])
        .map_err(&doing)?;
    transaction
        .execute_batch(&format!("PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = 1;"))
        .map_err(&doing)?;
    transaction.commit().map_err(&doing)
}

/// Brings the schema up to date, one version after the other; there is no way back.
fn upgrade(connection: &mut Connection) -> Result<(), StoreError> {
    let doing = failed("bring the schema up to date");
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(&doing)?;
    let known = usize::try_from(found).unwrap_or_default();
    for (version, statements) in VERSIONS.iter().enumerate().skip(known) {
        let transaction = connection.transaction().map_err(&doing)?;
        transaction.execute_batch(statements).map_err(&doing)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {};", version + 1)).map_err(&doing)?;
        transaction.commit().map_err(&doing)?;
    }
    add_columns(connection)
}

/// Adds the columns of fields that are younger than the file. An older version of the program leaves them as they are.
fn add_columns(connection: &Connection) -> Result<(), StoreError> {
    let doing = failed("add columns");
    for (table, columns) in TABLES {
        let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)").map_err(&doing)?;
        let there = statement.query_map([table], |row| row.get::<_, String>(0)).map_err(&doing)?;
        let there = there.collect::<Result<Vec<_>, _>>().map_err(&doing)?;
        for TableColumn { name, kind, is_optional } in
            columns.iter().filter(|column| !there.iter().any(|t| t == column.name))
        {
            let (kind, nothing) = match kind {
                Kind::Int => ("INTEGER", "0"),
                Kind::Text => ("TEXT", "''"),
                Kind::Bytes => ("BLOB", "x''"),
            };
            let rest = if *is_optional { String::new() } else { format!(" NOT NULL DEFAULT {nothing}") };
            let statement = format!("ALTER TABLE {table} ADD COLUMN {name} {kind}{rest}");
            connection.execute_batch(&statement).map_err(&doing)?;
        }
    }
    Ok(())
}

/// Tells whether the database has no schema yet. An error if it has one that is not ours, or not of our time.
fn is_new(connection: &Connection) -> Result<bool, String> {
    let number = |statement| connection.query_row(statement, [], |row| row.get::<_, i64>(0)).map_err(|e| e.to_string());
    let owner = number("PRAGMA application_id")?;
    if owner == 0 && number("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(true);
    }
    if owner != APPLICATION_ID {
        return Err("it is the database of another program".to_owned());
    }
    let (found, known) = (number("PRAGMA user_version")?, VERSIONS.len());
    if usize::try_from(found).is_ok_and(|found| (1..=known).contains(&found)) {
        return Ok(false);
    }
    Err(format!("its schema has version {found}, this program knows {known}; use the newer program"))
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::super::place::DatabaseFile;
    use super::*;

    #[test]
    fn a_statement_is_planned_once() {
        let folder = tempfile::tempdir().unwrap();
        let lock = Lock::take(&DatabaseFile::new(folder.path().join("store.db"))).unwrap();
        let (connection, _) = writer(&lock, &Soundness::default()).unwrap();
        let next = "SELECT no FROM tasks WHERE queue = ?1 AND rank IS NOT NULL ORDER BY rank LIMIT ?2";
        let mut statement = connection.prepare(next).unwrap();
        for value in 0..10_i64 {
            statement.raw_bind_parameter(1, value).unwrap();
            statement.raw_bind_parameter(2, value).unwrap();
            assert!(statement.raw_query().next().unwrap().is_none());
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
