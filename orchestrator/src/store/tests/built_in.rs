//! What built-in tasks wait for, sub-jobs, and lists that are given up.

use warrener_engine::row::{Json, Parent, WaitsFor};

use super::*;
use crate::store::{KeptAnswer, KeptChanges, event_text};

fn waiting(no: i64, event: &str, key: &str) -> TaskRow {
    let waits_for = Some(WaitsFor::Event { event: event.into(), key: key.into() });
    TaskRow { state: TaskState::Dispatched, attempt: 1, waits_for, ..task(no) }
}

pub(super) fn answers_are_kept_until_they_are_forgotten(store: &mut dyn Store) {
    let answer = |no, key: &str| {
        let kept = KeptAnswer { no, event: event_text("e", key), until: Timestamp(NOW.0 + no) };
        (kept, Json::from(*br#"{"by": "ann"}"#))
    };
    let commit = |new, given, gone| Commit { kept: KeptChanges { new, given, gone }, ..Commit::default() };
    assert!(!commit(vec![answer(1, "k")], vec![], vec![]).is_idle());
    store.commit(&commit(vec![answer(1, "k"), answer(2, "l")], vec![(TaskNo(100), 1)], vec![])).unwrap();
    store.commit(&commit(vec![], vec![(TaskNo(100), 1), (TaskNo(101), 1)], vec![])).unwrap();
    assert_eq!(store.kept_answers().unwrap(), [answer(1, "k").0, answer(2, "l").0]);
    assert_eq!(store.kept_payload(1).unwrap(), Some(answer(1, "k").1));
    assert_eq!(
        (store.given_answers(TaskNo(100)).unwrap(), store.given_answers(TaskNo(102)).unwrap()),
        (vec![1], vec![])
    );
    store.commit(&commit(vec![], vec![], vec![1])).unwrap();
    assert_eq!(store.kept_answers().unwrap(), [answer(2, "l").0]);
    assert_eq!((store.kept_payload(1).unwrap(), store.given_answers(TaskNo(101)).unwrap()), (None, vec![]));
    store.shift(7, NOW).unwrap();
    assert_eq!(store.kept_answers().unwrap()[0].until, Timestamp(NOW.0 + 9));
}

pub(super) fn tasks_are_found_by_what_they_wait_for(store: &mut dyn Store) {
    let rows = vec![waiting(100, "e", "k"), waiting(101, "e", "other"), waiting(102, "e", "k"), task(103)];
    store.commit(&new(vec![job(1)], rows)).unwrap();
    assert_eq!(store.waiting_for("e", "k").unwrap(), [TaskNo(100), TaskNo(102)]);
    assert_eq!(store.waiting_for("\"e", "k\"").unwrap(), []);
    store.commit(&changed(vec![], vec![succeeded(100, "1")])).unwrap();
    assert_eq!(store.waiting_for("e", "k").unwrap(), [TaskNo(102)]);
}

pub(super) fn what_is_waited_for_comes_back(store: &mut dyn Store) {
    let open = |no, waits_for| TaskRow { waits_for: Some(waits_for), ..waiting(no, "", "") };
    let rows = vec![
        open(100, WaitsFor::Time(at(-7))),
        open(101, WaitsFor::Job(JobNo(i64::MAX))),
        waiting(102, "\u{0} \" : é", "[\"k\"]"),
    ];
    let inner = JobRow { parent: Some(Parent { job: JobNo(1), task: TaskNo(101), attempt: 3 }), level: 8, ..job(2) };
    store.commit(&new(vec![job(1), inner.clone()], rows.clone())).unwrap();
    assert_eq!(store.tasks(TaskNo(100), 3).unwrap(), rows);
    assert_eq!(store.job(JobNo(2)).unwrap(), Some(inner));
}

pub(super) fn items_that_are_given_up_are_gone(store: &mut dyn Store) {
    let rows = vec![task(100), item(1000, 0, task(1000)), item(1001, 1, succeeded(1001, "1")), task(1002)];
    store.commit(&new(vec![job(1)], rows)).unwrap();
    let mut commit = changed(vec![], vec![]);
    commit.changes.dropped.push((TaskNo(1000), 2));
    commit.changes.tasks.push(TaskRow { needs_open: 3, ..task(100) }.into());
    store.commit(&commit).unwrap();
    assert_eq!(task_numbers(&store.tasks(TaskNo(0), 2000).unwrap()), [100, 1002]);
}
