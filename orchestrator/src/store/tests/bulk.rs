//! Bulk operations and their sets.

use std::sync::Arc;

use super::*;
use crate::store::{BulkAction, BulkChange, BulkRow, BulkState, BulkTarget, PART};

pub(super) fn operation(no: i64, members: i64) -> BulkChange {
    let row = BulkRow {
        action: BulkAction::Retry,
        target: BulkTarget::Jobs,
        filter: "state:failed".to_owned(),
        states: 8,
        rate: Some(0.5),
        rate_text: Some("30/m".to_owned()),
        reason: None,
        who: "ops".into(),
        state: BulkState::Running,
        matched: members.unsigned_abs(),
        done: 0,
        skipped: 0,
        failed: 0,
        errors: vec![],
        created_at: NOW.0,
        finished_at: None,
    };
    BulkChange { no, row, set: Some((1..=members).collect::<Arc<[i64]>>()) }
}

fn keep(store: &mut dyn Store, change: BulkChange) {
    store.commit(&Commit { bulk: vec![change], ..Commit::default() }).unwrap();
}

pub(super) fn a_set_is_kept_until_its_operation_is_over(store: &mut dyn Store) {
    assert_eq!(store.bulks().unwrap().0, 0);
    let members = PART as i64 + 1;
    keep(store, operation(1, members));
    keep(store, operation(2, 1));
    assert_eq!(store.bulks().unwrap().0, 2);
    assert_eq!(store.bulk_part(1, 0).unwrap().map(|part| part.len()), Some(PART));
    assert_eq!(store.bulk_part(1, 1).unwrap(), Some(vec![members]));
    assert_eq!(store.bulk_part(1, 2).unwrap(), None);
    let mut row = operation(1, members).row;
    row.done = 7;
    keep(store, BulkChange { no: 1, row: row.clone(), set: None });
    assert_eq!(store.bulks().unwrap().1, [(1, row.clone()), (2, operation(2, 1).row)]);
    assert_eq!(store.bulk_part(1, 1).unwrap(), Some(vec![members]), "it goes on");
    row.end(BulkState::Cancelled, NOW);
    keep(store, BulkChange { no: 1, row, set: None });
    assert_eq!(store.bulks().unwrap().1.len(), 1);
    assert_eq!(store.bulk_part(1, 0).unwrap(), None);
    assert_eq!(store.bulks().unwrap().0, 2);
}
