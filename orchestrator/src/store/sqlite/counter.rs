//! Counters of the database by name.

use rusqlite::Transaction;

use super::{StoreError, failed};

/// Keeps a counter by its key in `meta`.
pub(super) fn keep(transaction: &Transaction<'_>, key: &str, value: i64) -> Result<(), StoreError> {
    let statement =
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    let written = transaction.prepare_cached(statement).and_then(|mut s| s.execute((key, value)));
    written.map(drop).map_err(failed("keep a counter"))
}
