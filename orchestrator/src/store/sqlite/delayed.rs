//! The writing of delayed messages.

use rusqlite::Transaction;

use crate::store::delayed::DelayedChanges;

pub(super) fn write(transaction: &Transaction<'_>, changes: &DelayedChanges) -> rusqlite::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare_cached(
        "INSERT INTO delayed (exchange, routing_key, due_at, after_delay, created_at, properties, body) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for message in &changes.kept {
        let (exchange, key) = (&*message.exchange, &message.routing_key);
        let (due, received) = (message.due_at.0, message.received_at.0);
        let (properties, body) = (&message.properties, &message.body);
        statement.execute((exchange, key, due, message.after_delay, received, properties, body))?;
    }
    let later = "UPDATE delayed SET due_at = ?2, after_delay = 1, reason = ?3, failures = failures + 1 \
         WHERE no = ?1";
    let mut statement = transaction.prepare_cached(later)?;
    for one in &changes.put_off {
        statement.execute((one.no, one.due_at.0, &one.reason))?;
    }
    let mut statement = transaction.prepare_cached("DELETE FROM delayed WHERE no = ?1")?;
    for no in &changes.gone {
        statement.execute([no])?;
    }
    Ok(())
}
