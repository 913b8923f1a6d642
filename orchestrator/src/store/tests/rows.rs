//! Tasks and items.

use std::ops::ControlFlow;

use warrener_engine::limit::{LimitKey, SlotChange, Waiting};
use warrener_engine::row::Skip;
use warrener_engine::slice::Line;
use warrener_shared::time::Millis;

use super::*;

pub(super) fn rows_come_back_with_every_field(store: &mut dyn Store) {
    let mut counts = Counts::default();
    TaskState::ALL.iter().zip(1..).for_each(|(state, count)| counts.add(*state, count));
    let full = JobRow {
        paused: true,
        stop: Stop::DeadlineHalt,
        begun: true,
        failing: true,
        scheduled_at: Some(at(1)),
        after_delay: true,
        deadline_at: Some(at(2)),
        wake_at: Some(at(3)),
        counts,
        failures: 4,
        rounds: 8,
        sequence: 5,
        open_attempts: 6,
        error: Some((*b"{}").into()),
        ..job(1)
    };
    let ended = JobRow { state: JobState::Succeeded, finished_at: Some(at(9)), output: Some((*b"7").into()), ..job(2) };
    let at_work = TaskRow {
        needs_open: 1,
        needs_ok: 2,
        needs_failed: 3,
        attempt: u32::MAX,
        failures: 5,
        round: 9,
        previous: Some((*b"123456789012345678901234567890").into()),
        unknown: 6,
        deliveries: Some(7),
        ready_at: Some(at(1)),
        dispatched_at: Some(at(2)),
        started_at: Some(at(3)),
        start_by: Some(at(4)),
        wake_at: Some(at(5)),
        worker: Some("w1".into()),
        lease: Some(Millis(8)),
        progress: Some((*b"{\"done\":1}").into()),
        error: Some((*b"{}").into()),
        ..dispatched(100, i64::MAX - 1)
    };
    let skipped = TaskRow { state: TaskState::Skipped, skip: Some(Skip::Hand), finished_at: Some(NOW), ..task(101) };
    let map = Map { total: 9, first_item: TaskNo(1 << 40), next: 3, counts };
    let with_items = TaskRow { map: Some(map), rank: Some(i64::MAX), ..mapped(102, 1, 1) };
    let parked = TaskRow { state: TaskState::Ready, parked: Some(i64::MAX), ..task(103) };
    let rows = vec![at_work, skipped, with_items, parked, item(1000, 5, succeeded(1000, "\"x\""))];
    store.commit(&new(vec![full.clone(), ended.clone()], rows.clone())).unwrap();
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(full));
    assert_eq!(store.job(JobNo(2)).unwrap(), Some(ended));
    assert_eq!(store.tasks(TaskNo(100), 901).unwrap(), rows);
}

pub(super) fn tasks_come_in_ranges(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![task(100), task(101), task(103), task(104)])).unwrap();
    let range = |store: &mut dyn Store, first, count| task_numbers(&store.tasks(TaskNo(first), count).unwrap());
    assert_eq!(range(store, 101, 3), [101, 103]);
    assert_eq!(range(store, 101, 1), [101]);
    assert_eq!(range(store, 102, 1), [0_i64; 0]);
    assert_eq!(range(store, 0, 1000), [100, 101, 103, 104]);
    assert_eq!(range(store, 101, 0), [0_i64; 0]);
}

pub(super) fn open_tasks_are_those_that_are_not_final(store: &mut dyn Store) {
    let retrying = TaskRow { state: TaskState::Retrying, wake_at: Some(NOW), ..task(103) };
    let cancelled = TaskRow { state: TaskState::Cancelled, finished_at: Some(NOW), ..task(104) };
    let rows = vec![task(100), ready(101, 1), dispatched(102, 1), retrying, cancelled, succeeded(105, "1")];
    store.commit(&new(vec![job(1)], rows)).unwrap();
    assert_eq!(task_numbers(&store.open_tasks(TaskNo(100), 6).unwrap()), [100, 101, 102, 103]);
    assert_eq!(task_numbers(&store.open_tasks(TaskNo(102), 1).unwrap()), [102]);
    assert_eq!(task_numbers(&store.open_tasks(TaskNo(105), 1).unwrap()), [0_i64; 0]);
}

pub(super) fn items_are_shown_in_order_until_the_visitor_says_stop(store: &mut dyn Store) {
    let error = TaskRow { error: Some((*b"{}").into()), state: TaskState::Failed, finished_at: Some(NOW), ..task(0) };
    let rows = vec![
        mapped(100, 500, 4),
        item(500, 0, succeeded(0, "10")),
        item(501, 1, TaskRow { attempt: 3, ..error }),
        item(502, 2, task(0)),
        // The number after the last item is of somebody else.
        item(504, 9, succeeded(0, "99")),
    ];
    store.commit(&new(vec![job(1)], rows)).unwrap();
    let mut seen = Vec::new();
    let mut look = |most: usize| {
        seen.clear();
        store
            .each_item(&mapped(100, 500, 4), &mut |item| {
                let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
                seen.push((item.no.0, item.state, item.attempt, text(item.output), text(item.error)));
                if seen.len() == most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .unwrap();
        seen.clone()
    };
    let first = (500, TaskState::Succeeded, 1, Some("10".to_owned()), None);
    let second = (501, TaskState::Failed, 3, None, Some("{}".to_owned()));
    let third = (502, TaskState::Waiting, 0, None, None);
    assert_eq!(look(9), [first.clone(), second.clone(), third]);
    assert_eq!(look(2), [first, second]);
}

pub(super) fn a_task_without_items_shows_none(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![task(100)])).unwrap();
    store.each_item(&task(100), &mut |item| panic!("{item:?}")).unwrap();
}

pub(super) fn the_best_of_each_queue_that_is_parked_is_found(store: &mut dyn Store) {
    let parked = |no, queue, place| TaskRow { state: TaskState::Ready, queue, parked: Some(place), ..task(no) };
    let rows = vec![parked(100, 1, 7), parked(101, 1, 5), parked(102, 3, 9), parked(103, 1, 5), ready(104, 1)];
    let other = parked(200, 1, 1);
    let waits = |no, place| TaskRow { line: Some("api/acme".into()), ..parked(no, 1, place) };
    let rows = rows.into_iter().chain([waits(105, 1), waits(106, 0)]).collect::<Vec<_>>();
    store.commit(&new(vec![job(1), job(2)], rows.into_iter().chain([other]).collect())).unwrap();
    let mut best = |most| task_numbers(&store.parked(&Line::Job(JobNo(1)), most).unwrap());
    assert_eq!((best(1), best(2)), (vec![101, 102], vec![101, 103, 102]));
    assert_eq!(best(9), [101, 103, 100, 102]);
    assert_eq!(task_numbers(&store.parked(&Line::Job(JobNo(3)), 9).unwrap()), [0_i64; 0]);
    let key = LimitKey::written(&"api/acme".into());
    assert_eq!(task_numbers(&store.parked(&Line::Key(key.clone()), 1).unwrap()), [106]);
    assert_eq!(store.limits().unwrap().waiting, [Waiting { key, queue: 1, count: 2 }]);
    let woken = vec![ready(101, 5), TaskRow { parked: Some(8), ..parked(103, 1, 5) }];
    store.commit(&changed(vec![], woken)).unwrap();
    assert_eq!(task_numbers(&store.parked(&Line::Job(JobNo(1)), 9).unwrap()), [100, 103, 102]);
    assert_eq!(store.ready(1, 9).unwrap(), [(1, TaskNo(104)), (5, TaskNo(101))]);
}

pub(super) fn slots_of_jobs_are_kept_until_they_are_given_up(store: &mut dyn Store) {
    let key = LimitKey::written(&"api/acme".into());
    let change =
        |job, since: Option<i64>| SlotChange { job: JobNo(job), key: key.clone(), since: since.map(Timestamp) };
    let slots = |slots| Commit { changes: Changes { slots, ..Changes::default() }, ..Commit::default() };
    store.commit(&new(vec![job(1), job(2)], vec![])).unwrap();
    assert!(!slots(vec![change(1, None)]).is_idle());
    store.commit(&slots(vec![change(1, Some(5)), change(2, Some(7))])).unwrap();
    let kept = |store: &mut dyn Store| {
        let mut kept = store.limits().unwrap().slots;
        kept.sort_by_key(|row| row.job);
        kept.into_iter().map(|row| (row.job.0, row.since.0, row.is_over)).collect::<Vec<_>>()
    };
    assert_eq!(kept(store), [(1, 5, false), (2, 7, false)]);
    store.commit(&changed(vec![ended_job(2, NOW)], vec![])).unwrap();
    assert_eq!(kept(store), [(1, 5, false), (2, 7, true)]);
    store.commit(&slots(vec![change(1, Some(9)), change(2, None)])).unwrap();
    assert_eq!(kept(store), [(1, 9, false)]);
}

pub(super) fn ready_tasks_come_best_first(store: &mut dyn Store) {
    let other = TaskRow { queue: 2, ..ready(104, 1) };
    let offering = TaskRow { rank: Some(15), ..mapped(105, 500, 3) };
    let rows = vec![ready(100, 30), ready(101, 10), ready(102, 20), ready(103, 10), other, offering, task(106)];
    store.commit(&new(vec![job(1)], rows)).unwrap();
    let best = |store: &mut dyn Store, most| -> Vec<(i64, i64)> {
        store.ready(1, most).unwrap().into_iter().map(|(rank, task)| (rank, task.0)).collect()
    };
    assert_eq!(best(store, 9), [(10, 101), (10, 103), (15, 105), (20, 102), (30, 100)]);
    assert_eq!(best(store, 2), [(10, 101), (10, 103)]);
    assert_eq!(best(store, 0), []);
    assert_eq!(store.ready(2, 9).unwrap(), [(1, TaskNo(104))]);
    assert_eq!(store.ready(3, 9).unwrap(), []);
}

pub(super) fn who_goes_out_is_no_longer_ready(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![ready(100, 1), ready(101, 2)])).unwrap();
    store.commit(&changed(vec![], vec![dispatched(100, 1), ready(101, 7)])).unwrap();
    assert_eq!(store.ready(1, 9).unwrap(), [(7, TaskNo(101))]);
    store.commit(&changed(vec![], vec![ready(100, 8)])).unwrap();
    assert_eq!(store.ready(1, 9).unwrap(), [(7, TaskNo(101)), (8, TaskNo(100))]);
}

pub(super) fn open_attempts_come_in_the_order_of_their_dispatch(store: &mut dyn Store) {
    let rows = vec![dispatched(100, 3), dispatched(101, 1), dispatched(102, 2), mapped(103, 500, 1), ready(104, 1)];
    store.commit(&new(vec![job(1)], rows)).unwrap();
    assert_eq!(task_numbers(&store.open_attempts().unwrap()), [101, 102, 100]);
    store.commit(&changed(vec![], vec![succeeded(101, "1"), dispatched(102, 4)])).unwrap();
    assert_eq!(task_numbers(&store.open_attempts().unwrap()), [100, 102]);
    assert_eq!(store.open_attempts().unwrap()[1], dispatched(102, 4));
}
