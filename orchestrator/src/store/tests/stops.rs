//! Workers that were asked to stop.

use super::prune::two_jobs;
use super::*;

fn asked(task: i64, attempt: u32, worker: &str) -> Asked {
    Asked { task: TaskNo(task), attempt, worker: worker.into(), at: NOW }
}

fn ask(store: &mut dyn Store, asked: Vec<Asked>) {
    store.commit(&Commit { asked, ..Commit::default() }).unwrap();
}

fn stop(store: &mut dyn Store, task: i64, attempt: u32, when: Timestamp) {
    store.commit(&Commit { stopped: vec![(TaskNo(task), attempt, when)], ..Commit::default() }).unwrap();
}

pub(super) fn who_was_asked_to_stop_is_kept_until_it_has(store: &mut dyn Store) {
    ask(store, vec![asked(101, 1, "w2"), asked(100, 2, "w1"), asked(100, 1, "w1")]);
    assert_eq!(store.asked().unwrap(), [asked(100, 1, "w1"), asked(100, 2, "w1"), asked(101, 1, "w2")]);
    stop(store, 100, 2, at(3));
    assert_eq!(store.asked().unwrap(), [asked(100, 1, "w1"), asked(101, 1, "w2")]);
    stop(store, 100, 1, at(4));
    stop(store, 101, 1, at(5));
    assert_eq!(store.asked().unwrap(), []);
}

pub(super) fn the_worker_that_was_seen_last_is_the_one_that_is_asked(store: &mut dyn Store) {
    ask(store, vec![asked(100, 1, "w1")]);
    ask(store, vec![Asked { at: at(1), ..asked(100, 1, "w2") }]);
    assert_eq!(store.asked().unwrap(), [Asked { at: at(1), ..asked(100, 1, "w2") }]);
    // What is over stays over.
    stop(store, 100, 1, at(2));
    ask(store, vec![asked(100, 1, "w3")]);
    assert_eq!(store.asked().unwrap(), []);
}

pub(super) fn nobody_stops_who_was_not_asked(store: &mut dyn Store) {
    stop(store, 100, 1, at(1));
    ask(store, vec![asked(100, 1, "w1")]);
    assert_eq!(store.asked().unwrap(), [asked(100, 1, "w1")]);
}

pub(super) fn who_was_asked_to_stop_goes_with_its_task(store: &mut dyn Store) {
    store.commit(&two_jobs()).unwrap();
    ask(store, vec![asked(100, 1, "w1"), asked(5001, 1, "w1"), asked(200, 1, "w1")]);
    store.prune(at(9), 9).unwrap();
    assert_eq!(store.asked().unwrap(), [asked(200, 1, "w1")]);
}
