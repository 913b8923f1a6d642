//! The single writer, even if locks fail: a number in the file that each transaction compares with its own.

use rusqlite::{Connection, Transaction};

use super::soundness::Soundness;
use super::{StoreError, failed};

/// Right to write, until somebody else takes it.
#[derive(Debug)]
pub(super) struct Owner {
    /// Epoch that this process has entered. The file has a later one once somebody else did.
    epoch: i64,
    /// Evidence against the file, to which the loss of the right is added.
    soundness: Soundness,
}

impl Owner {
    /// Takes the file over by raising the epoch in it: whoever had it before finds a later one.
    pub(super) fn enter(connection: &Connection, soundness: Soundness) -> Result<Self, StoreError> {
        let statement = "INSERT INTO meta (key, value) VALUES ('epoch', 1) \
             ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
        let epoch = connection.query_row(statement, [], |row| row.get(0)).map_err(failed("take the database over"))?;
        Ok(Self { epoch, soundness })
    }

    /// Begins a transaction that writes.
    ///
    /// # Errors
    /// [`StoreError::Statement`], from then on always, if somebody else has taken the file over.
    pub(super) fn begin<'c>(&self, connection: &'c mut Connection) -> Result<Transaction<'c>, StoreError> {
        let doing = failed("begin a transaction");
        let transaction = connection.transaction().map_err(&doing)?;
        let statement = "SELECT value FROM meta WHERE key = 'epoch'";
        let epoch: i64 = transaction
            .prepare_cached(statement)
            .and_then(|mut s| s.query_row([], |row| row.get(0)))
            .map_err(&doing)?;
        if epoch != self.epoch {
            self.soundness.taken();
            self.soundness.ensure_sound()?;
        }
        Ok(transaction)
    }
}
