//! The writing of delayed messages.

use super::value::columns;
use super::write::{Steps, insert_in_order};
use crate::store::delayed::DelayedChanges;
use crate::store::sql::Value;

impl<'a> Steps<'a> {
    pub(super) fn delayed(&mut self, changes: &'a DelayedChanges) {
        let rows = changes.kept.iter().map(|message| {
            [
                (&*message.exchange).into(),
                message.routing_key.as_str().into(),
                message.due_at.0.into(),
                i64::from(message.after_delay).into(),
                message.received_at.0.into(),
                Value::bytes(Some(&message.properties)),
                Value::bytes(Some(&message.body)),
            ]
        });
        let names = "exchange, routing_key, due_at, after_delay, created_at, properties, body";
        self.add("keep delayed messages", insert_in_order("delayed", names, "ttiiibb"), columns(rows));
        let later = changes.put_off.iter().map(|one| [one.no.into(), one.due_at.0.into(), one.reason.as_str().into()]);
        let statement = "UPDATE delayed r SET due_at = u.due_at, after_delay = 1, reason = u.reason, \
             failures = r.failures + 1 \
             FROM unnest(?1::bigint[], ?2::bigint[], ?3::text[]) AS u (no, due_at, reason) WHERE r.no = u.no";
        self.add("put delayed messages off", statement, columns(later));
        let gone = columns(changes.gone.iter().map(|no| [(*no).into()]));
        self.add("forget delayed messages", "DELETE FROM delayed WHERE no = ANY(?1)", gone);
    }
}
