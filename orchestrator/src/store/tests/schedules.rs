//! Schedules and their ticks.

use warrener_engine::schedule::{Backfill, ScheduleRow, TickOpen, TickOutcome, TickRow};
use warrener_shared::id::ScheduleName;

use super::*;
use crate::store::schedules::{ScheduleChanges, ScheduleQuery, SchedulesTotal, TickQuery};

fn name(no: i64) -> ScheduleName {
    ScheduleName::new(&format!("schedule-{no}")).unwrap()
}

fn schedule(no: i64, wake: Option<i64>) -> ScheduleRow {
    ScheduleRow {
        no,
        name: name(no),
        body: (*b"{}").into(),
        revision: 3,
        paused: true,
        paused_by: Some("it failed".to_owned()),
        next_tick: wake.map(at),
        decided: at(-5),
        ticks: 7,
        failures: 2,
        last_success: Some(at(-9)),
        wake_at: wake.map(at),
        zones: "2026b".to_owned(),
        backfill: wake.map(|_| Backfill {
            from: at(-9),
            to: at(-1),
            done_upto: at(-5),
            side_by_side: true,
            again: true,
            pause: warrener_shared::time::Millis(7),
            not_before: at(3),
            started: 4,
        }),
        created_at: NOW,
        updated_at: at(1),
    }
}

fn tick(schedule: i64, when: i64, open: TickOpen) -> TickRow {
    TickRow {
        schedule,
        at: at(when),
        run: 1,
        outcome: TickOutcome::Started,
        decided_at: at(when + 1),
        number: when,
        job: Some(JobNo(when)),
        open,
        reason: Some("because".to_owned()),
    }
}

pub(super) fn a_clock_that_is_set_back_has_schedules_looked_at(store: &mut dyn Store) {
    let ahead = |no, wake: Option<i64>| ScheduleRow { decided: at(50), ..schedule(no, wake) };
    let rows = vec![ahead(1, Some(60)), ahead(2, None), ahead(3, Some(2)), schedule(4, Some(60))];
    commit(store, ScheduleChanges { schedules: rows, ..Default::default() });
    store.shift(-9, at(10)).unwrap();
    let mut due = |no| store.schedules(ScheduleQuery::Numbered(no)).unwrap().pop().unwrap().wake_at;
    assert_eq!([due(1), due(2), due(3), due(4)], [Some(at(10)), Some(at(10)), Some(at(2)), Some(at(60))]);
}

/// A schedule that is due, with a tick that is open.
pub(super) fn of_everything(no: i64) -> ScheduleChanges {
    let (schedules, ticks) = (vec![schedule(no, Some(1))], vec![tick(no, 1, TickOpen::Running)]);
    ScheduleChanges { schedules, ticks, ..ScheduleChanges::default() }
}

fn commit(store: &mut dyn Store, schedules: ScheduleChanges) {
    store.commit(&Commit { schedules, ..Commit::default() }).unwrap();
}

pub(super) fn schedules_come_back_with_every_field(store: &mut dyn Store) {
    assert_eq!(store.schedules_total().unwrap(), SchedulesTotal::default());
    let rest = ScheduleRow { paused_by: None, last_success: None, ..schedule(2, None) };
    commit(store, ScheduleChanges { schedules: vec![schedule(1, Some(5)), rest.clone()], ..Default::default() });
    assert_eq!(store.schedules(ScheduleQuery::Named(&name(1))).unwrap(), [schedule(1, Some(5))]);
    assert_eq!(store.schedules(ScheduleQuery::Numbered(2)).unwrap(), std::slice::from_ref(&rest));
    assert_eq!(store.schedules(ScheduleQuery::Named(&name(9))).unwrap(), []);
    let changed = ScheduleRow { paused: false, revision: 4, zones: "2027a".to_owned(), ..schedule(1, Some(2)) };
    commit(store, ScheduleChanges { schedules: vec![changed.clone()], ..Default::default() });
    assert_eq!(store.schedules(ScheduleQuery::Numbered(1)).unwrap(), [changed]);
    assert_eq!(store.schedules(ScheduleQuery::OfOtherZones("2027a", 9)).unwrap(), [rest]);
    assert_eq!(store.schedules_total().unwrap(), SchedulesTotal { last_no: 2, next_due: Some(at(2)) });
}

pub(super) fn due_schedules_come_earliest_first(store: &mut dyn Store) {
    let rows = [(1, Some(3)), (2, Some(1)), (3, Some(2)), (4, None)].map(|(no, wake)| schedule(no, wake));
    commit(store, ScheduleChanges { schedules: rows.into(), ..Default::default() });
    let due = |store: &mut dyn Store, now, most| -> Vec<i64> {
        store.schedules(ScheduleQuery::Due(at(now), most)).unwrap().into_iter().map(|row| row.no).collect()
    };
    assert_eq!(due(store, 0, 9), [0_i64; 0]);
    assert_eq!(due(store, 2, 9), [2, 3]);
    assert_eq!(due(store, 9, 2), [2, 3]);
}

pub(super) fn ticks_are_kept_until_they_are_old_or_their_schedule_is_gone(store: &mut dyn Store) {
    let ticks =
        [(1, TickOpen::Running), (2, TickOpen::No), (3, TickOpen::Queued), (4, TickOpen::No), (5, TickOpen::No)];
    let mut rows: Vec<TickRow> = ticks.map(|(when, open)| tick(1, when, open)).into();
    rows[4].job = None;
    rows[4].reason = None;
    rows.push(tick(2, 1, TickOpen::Stopping));
    let schedules = vec![schedule(1, None), schedule(2, None)];
    commit(store, ScheduleChanges { schedules, ticks: rows.clone(), ..Default::default() });
    let open: Vec<_> = store.ticks(TickQuery::Open).unwrap();
    assert_eq!(open, [rows[0].clone(), rows[2].clone(), rows[5].clone()]);
    assert_eq!(store.ticks(TickQuery::At(1, at(5))).unwrap(), [rows[4].clone()]);
    assert_eq!(store.ticks(TickQuery::OfJob(JobNo(2))).unwrap(), [rows[1].clone()]);
    assert_eq!(store.ticks(TickQuery::Between(1, at(2), at(3))).unwrap(), rows[1..3]);
    // The latest two are kept, and what is open.
    commit(store, ScheduleChanges { kept: vec![(1, 2)], ..Default::default() });
    let all = store.ticks(TickQuery::Between(1, at(0), at(9))).unwrap();
    assert_eq!(all, [rows[0].clone(), rows[2].clone(), rows[3].clone(), rows[4].clone()]);
    commit(store, ScheduleChanges { removed: vec![1], ..Default::default() });
    assert_eq!(store.ticks(TickQuery::Open).unwrap(), [rows[5].clone()]);
    assert_eq!(store.schedules(ScheduleQuery::Numbered(1)).unwrap(), []);
}
