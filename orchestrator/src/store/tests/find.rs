//! Jobs by their ids, keys and numbers, and queues by their names.

use warrener_engine::slice::ReplacedContent;
use warrener_shared::job::{OnConflict, Unique, Until};
use warrener_shared::time::Millis;

use super::*;

pub(super) fn a_new_store_counts_from_one(store: &mut dyn Store) {
    let boot = store.boot().unwrap();
    assert_eq!(numbers(&boot), (1, 1, 1, 1));
    assert_eq!(boot.queues, []);
    assert!(!boot.database.is_empty());
}

pub(super) fn a_job_is_found_by_its_id_and_its_number(store: &mut dyn Store) {
    let mut commit = new(vec![job(1), job(2)], vec![]);
    commit.submitted[1].1.digest = Some([7; 32]);
    store.commit(&commit).unwrap();
    assert_eq!(store.find(&id("job-1")).unwrap().map(|found| (found.no, found.digest)), Some((JobNo(1), None)));
    assert_eq!(
        store.find(&id("job-2")).unwrap().map(|found| (found.no, found.digest)),
        Some((JobNo(2), Some([7; 32])))
    );
    assert_eq!(store.find(&id("job-3")).unwrap(), None);
    assert_eq!(store.job(JobNo(2)).unwrap(), Some(job(2)));
    assert_eq!(store.job(JobNo(3)).unwrap(), None);
}

pub(super) fn jobs_are_found_by_many_ids_at_once(store: &mut dyn Store) {
    let mut commit = new(vec![job(1), job(2), job(3)], vec![]);
    commit.submitted[1].1.digest = Some([7; 32]);
    store.commit(&commit).unwrap();
    let (one, none, two) = (id("job-1"), id("job-9"), id("job-2"));
    let mut found = store.find_all(&[&two, &none, &one]).unwrap();
    found.sort_by_key(|(_, found)| found.no);
    let found: Vec<_> = found.into_iter().map(|(id, found)| (id, found.no.0, found.digest)).collect();
    assert_eq!(found, [(one, 1, None), (two, 2, Some([7; 32]))]);
}

pub(super) fn what_was_submitted_comes_back_as_it_was(store: &mut dyn Store) {
    let full = Submitted {
        body: Arc::from(*b"{ \"kind\" :\n \"k\" }"),
        priority: Some(9),
        traceparent: Some("00-1-2-01".into()),
        digest: Some([255; 32]),
    };
    let mut commit = new(vec![job(1), job(2)], vec![]);
    commit.submitted[0].1 = full.clone();
    store.commit(&commit).unwrap();
    assert_eq!(store.submitted(JobNo(1)).unwrap(), Some(full));
    assert_eq!(store.submitted(JobNo(2)).unwrap(), Some(submitted()));
    assert_eq!(store.submitted(JobNo(3)).unwrap(), None);
}

fn with_key(no: i64, key: &str, until: Until) -> Commit {
    let mut commit = new(vec![job(no)], vec![]);
    commit.submitted[0].2.unique = Some(Unique { key: key.to_owned(), on_conflict: OnConflict::Reject, until });
    commit
}

pub(super) fn a_unique_key_is_held_until_its_holder_is_over(store: &mut dyn Store) {
    store.commit(&with_key(1, "nightly", Until::Finished)).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), Some(job(1)));
    assert_eq!(store.holder("hourly", NOW).unwrap(), None);
    let begun = JobRow { begun: true, ..job(1) };
    store.commit(&changed(vec![begun.clone()], vec![])).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), Some(begun));
    store.commit(&changed(vec![ended_job(1, NOW)], vec![])).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), None);
    store.commit(&with_key(2, "nightly", Until::Finished)).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), Some(job(2)));
}

pub(super) fn a_unique_key_can_be_held_until_the_start(store: &mut dyn Store) {
    store.commit(&with_key(1, "nightly", Until::Started)).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), Some(job(1)));
    store.commit(&changed(vec![JobRow { begun: true, ..job(1) }], vec![])).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), None);
}

pub(super) fn a_unique_key_can_be_given_up(store: &mut dyn Store) {
    store.commit(&with_key(1, "nightly", Until::Finished)).unwrap();
    store.commit(&Commit { released: vec![JobNo(1)], ..Commit::default() }).unwrap();
    assert_eq!(store.holder("nightly", NOW).unwrap(), None);
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(job(1)));
}

pub(super) fn a_unique_key_can_be_held_for_a_span(store: &mut dyn Store) {
    store.commit(&with_key(1, "hourly", Until::For(Millis(1000)))).unwrap();
    let (created, ended) = (job(1).created_at, ended_job(1, NOW));
    store.commit(&changed(vec![ended.clone()], vec![])).unwrap();
    assert_eq!(store.holder("hourly", created + Millis(999)).unwrap(), Some(ended), "final, and holds it");
    assert_eq!(store.holder("hourly", created + Millis(1000)).unwrap(), None);
    // One that holds a key is not removed, however old.
    let long = Until::For(Millis::from_secs(365 * 86_400));
    store.commit(&with_key(2, "yearly", long)).unwrap();
    store.commit(&changed(vec![ended_job(2, NOW)], vec![])).unwrap();
    assert_eq!(store.prune(NOW + Millis::from_secs(86_400), 10).unwrap(), 1);
    assert_eq!(store.job(JobNo(1)).unwrap(), None);
    assert_eq!(store.holder("yearly", NOW).unwrap().map(|row| row.no), Some(JobNo(2)));
    assert_eq!(store.prune(NOW + Millis::from_secs(400 * 86_400), 10).unwrap(), 1);
}

pub(super) fn the_latest_job_that_was_given_a_key_holds_it(store: &mut dyn Store) {
    store.commit(&with_key(1, "k", Until::Finished)).unwrap();
    store.commit(&with_key(2, "k", Until::Finished)).unwrap();
    assert_eq!(store.holder("k", NOW).unwrap(), Some(job(2)));
    store.commit(&Commit { released: vec![JobNo(2)], ..Commit::default() }).unwrap();
    assert_eq!(store.holder("k", NOW).unwrap(), Some(job(1)));
}

pub(super) fn the_content_of_a_job_is_replaced(store: &mut dyn Store) {
    let mut commit = new(vec![job(1)], vec![task(100), task(101)]);
    commit.submitted[0].2 = Caption { labels: r#"{"team":"a"}"#.to_owned(), tasks: 2, ..commit.submitted[0].2.clone() };
    store.commit(&commit).unwrap();
    let later = JobRow { first_task: TaskNo(102), sequence: 9, ..job(1) };
    let mut commit = new(vec![later.clone()], vec![task(102)]);
    let body: Arc<[u8]> = Arc::from(*b"{}");
    commit.submitted[0].1.body = body.clone();
    commit.submitted[0].2.labels = r#"{"team":"b"}"#.to_owned();
    commit.changes.replaced = vec![ReplacedContent { job: JobNo(1), first_task: TaskNo(100), tasks: 2 }];
    store.commit(&commit).unwrap();
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(later));
    assert_eq!(store.find(&id("job-1")).unwrap().map(|found| found.no), Some(JobNo(1)));
    assert_eq!(store.submitted(JobNo(1)).unwrap().unwrap().body, body);
    assert_eq!(store.tasks(TaskNo(100), 2).unwrap(), []);
    assert_eq!(store.tasks(TaskNo(102), 1).unwrap().len(), 1);
}

pub(super) fn queues_are_numbered_once(store: &mut dyn Store) {
    let (default, slow) = (queue(store, "default"), queue(store, "slow"));
    assert_ne!(default, slow);
    assert_eq!(queue(store, "default"), default);
    let queues: Vec<_> = store.boot().unwrap().queues.into_iter().map(|row| (row.no, row.name.to_string())).collect();
    assert_eq!(queues, [(default, "default".to_owned()), (slow, "slow".to_owned())]);
}

pub(super) fn a_paused_queue_stays_paused(store: &mut dyn Store) {
    let (slow, fast) = (queue(store, "slow"), queue(store, "fast"));
    let pause = |no, paused| Commit { paused: vec![(no, paused)], ..Commit::default() };
    store.commit(&pause(slow, true)).unwrap();
    let paused =
        |store: &mut dyn Store| -> Vec<bool> { store.boot().unwrap().queues.iter().map(|q| q.paused).collect() };
    assert_eq!(paused(store), [true, false]);
    store.commit(&pause(fast, true)).unwrap();
    store.commit(&pause(slow, false)).unwrap();
    assert_eq!(paused(store), [false, true]);
    assert!(store.queue(&QueueName::new("fast").unwrap()).unwrap().paused);
}
