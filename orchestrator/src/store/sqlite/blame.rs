//! The party to blame for an error of SQLite.

use rusqlite::ffi;

use crate::store::{Blame, StoreError};

/// Makes the error of a failed statement: an outage, a sick database, or an input that cannot be kept.
///
/// A failed sync leaves the file in an unknown state, so the process ends at once: what was committed before is safe,
/// and the next start reads it anew.
pub(super) fn failed(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| {
        let code = error.sqlite_error().map(|error| error.extended_code);
        if code == Some(ffi::SQLITE_IOERR_FSYNC) {
            tracing::error!(%error, "the disk did not keep what was written to the store; stopping at once");
            std::process::abort();
        }
        match &error {
            // A number beyond 64 bits.
            rusqlite::Error::ToSqlConversionFailure(_) => StoreError::Unfit { doing, why: error.to_string() },
            // It says its whole text beside the message.
            rusqlite::Error::SqlInputError { error, msg, .. } => said(doing, error.extended_code, msg),
            rusqlite::Error::SqliteFailure(error, Some(message)) => said(doing, error.extended_code, message),
            rusqlite::Error::SqliteFailure(error, None) => said(doing, error.extended_code, &error.to_string()),
            other => StoreError::Statement { doing, why: other.to_string() },
        }
    }
}

/// Error with this extended code of SQLite and its message.
fn said(doing: &'static str, code: i32, message: &str) -> StoreError {
    let why = format!("{message} (SQLite {code})");
    match code & 0xff {
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => StoreError::Corrupt(format!("{doing}: {why}")),
        _ => StoreError::blamed(blame(code, message), doing, why),
    }
}

/// Party to blame for an error with this extended code.
fn blame(code: i32, message: &str) -> Blame {
    match code {
        // The name of a job is the one key that is chosen by who submits it.
        ffi::SQLITE_CONSTRAINT_UNIQUE if message.ends_with("failed: jobs.id") => Blame::Input,
        ffi::SQLITE_CONSTRAINT_CHECK => Blame::Input,
        // The file system found the damage itself.
        ffi::SQLITE_IOERR_CORRUPTFS | ffi::SQLITE_IOERR_DATA => Blame::Sick,
        _ => match code & 0xff {
            ffi::SQLITE_TOOBIG => Blame::Input,
            ffi::SQLITE_FULL
            | ffi::SQLITE_READONLY
            | ffi::SQLITE_IOERR
            | ffi::SQLITE_BUSY
            | ffi::SQLITE_LOCKED
            | ffi::SQLITE_CANTOPEN
            | ffi::SQLITE_NOMEM
            | ffi::SQLITE_PROTOCOL
            | ffi::SQLITE_INTERRUPT => Blame::Outage,
            _ => Blame::Sick,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blame_is_the_databases_unless_it_is_known_better() {
        let table = [
            (ffi::SQLITE_CORRUPT, Blame::Sick),
            (ffi::SQLITE_CORRUPT_INDEX, Blame::Sick),
            (ffi::SQLITE_CORRUPT_VTAB, Blame::Sick),
            (ffi::SQLITE_NOTADB, Blame::Sick),
            (ffi::SQLITE_ERROR, Blame::Sick),
            (ffi::SQLITE_INTERNAL, Blame::Sick),
            (ffi::SQLITE_PERM, Blame::Sick),
            (ffi::SQLITE_AUTH, Blame::Sick),
            (ffi::SQLITE_SCHEMA, Blame::Sick),
            (ffi::SQLITE_MISMATCH, Blame::Sick),
            (ffi::SQLITE_MISUSE, Blame::Sick),
            (ffi::SQLITE_RANGE, Blame::Sick),
            (ffi::SQLITE_IOERR_CORRUPTFS, Blame::Sick),
            (ffi::SQLITE_CONSTRAINT_PRIMARYKEY, Blame::Sick),
            (ffi::SQLITE_CONSTRAINT_ROWID, Blame::Sick),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Blame::Sick),
            (ffi::SQLITE_CONSTRAINT_NOTNULL, Blame::Sick),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, Blame::Sick),
            (99, Blame::Sick),
            (ffi::SQLITE_FULL, Blame::Outage),
            (ffi::SQLITE_READONLY, Blame::Outage),
            (ffi::SQLITE_READONLY_DBMOVED, Blame::Outage),
            (ffi::SQLITE_IOERR, Blame::Outage),
            (ffi::SQLITE_IOERR_WRITE, Blame::Outage),
            (ffi::SQLITE_BUSY, Blame::Outage),
            (ffi::SQLITE_BUSY_SNAPSHOT, Blame::Outage),
            (ffi::SQLITE_LOCKED, Blame::Outage),
            (ffi::SQLITE_CANTOPEN, Blame::Outage),
            (ffi::SQLITE_NOMEM, Blame::Outage),
            (ffi::SQLITE_TOOBIG, Blame::Input),
            (ffi::SQLITE_CONSTRAINT_CHECK, Blame::Input),
        ];
        for (code, expected) in table {
            assert_eq!(blame(code, "something failed: tasks.no"), expected, "{code}");
        }
        assert_eq!(blame(ffi::SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: jobs.id"), Blame::Input);
    }
}
