//! Forgetting jobs that were over long ago.

use super::*;

pub(super) fn finished_jobs_are_removed_after_their_time(store: &mut dyn Store) {
    store.commit(&new(vec![ended_job(1, at(1)), ended_job(2, at(2)), ended_job(3, at(3))], vec![])).unwrap();
    assert_eq!(store.prune(at(2), 9).unwrap(), 1);
    assert_eq!([1, 2, 3].map(|no| store.job(JobNo(no)).unwrap().is_some()), [false, true, true]);
    assert_eq!(store.prune(at(2), 9).unwrap(), 0);
    // The id is free again.
    assert_eq!(store.find(&id("job-1")).unwrap(), None);
    store.commit(&new(vec![JobRow { id: id("job-1"), ..job(4) }], vec![])).unwrap();
    assert_eq!(store.find(&id("job-1")).unwrap().map(|found| found.no), Some(JobNo(4)));
}

pub(super) fn so_many_and_no_more_are_removed(store: &mut dyn Store) {
    store.commit(&new((1..=5).map(|no| ended_job(no, at(no))).collect(), vec![])).unwrap();
    assert_eq!([2, 2, 2].map(|most| store.prune(at(9), most).unwrap()), [2, 2, 1]);
    assert!((1..=5).all(|no| store.job(JobNo(no)).unwrap().is_none()));
}

pub(super) fn a_final_job_is_removed_with_all_that_belongs_to_it(store: &mut dyn Store) {
    store.commit(&two_jobs()).unwrap();
    assert!(!store.remove(JobNo(2)).unwrap(), "it is not final");
    assert!(!store.remove(JobNo(9)).unwrap(), "there is none");
    assert!(store.remove(JobNo(1)).unwrap());
    assert!(!store.remove(JobNo(1)).unwrap(), "it is gone");
    assert_eq!([1, 2].map(|no| store.job(JobNo(no)).unwrap().is_some()), [false, true]);
    assert_eq!(store.find(&id("job-1")).unwrap(), None);
    assert_eq!([100, 101, 5000].map(|no| store.tasks(TaskNo(no), 1).unwrap().len()), [0, 0, 0]);
    assert_eq!(store.tasks(TaskNo(200), 1).unwrap().len(), 1);
    assert_eq!(store.owed_replies(&[JobNo(1)]).unwrap(), vec![]);
}

pub(super) fn old_rows_of_the_audit_are_removed(store: &mut dyn Store) {
    let row = |no: i64| AuditRow {
        time: at(no),
        who: "ci".into(),
        from: None,
        verb: "job.cancel".into(),
        target: format!("job-{no}"),
        outcome: "done".into(),
        reason: None,
    };
    store.commit(&Commit { audit: (1..=5).map(row).collect(), ..Commit::default() }).unwrap();
    assert_eq!(store.prune_audit(at(1), 9).unwrap(), 0);
    assert_eq!([2, 2, 2].map(|most| store.prune_audit(at(4), most).unwrap()), [2, 1, 0]);
    assert_eq!(store.prune_audit(at(9), 9).unwrap(), 2);
}

pub(super) fn open_jobs_stay(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![dispatched(100, 1)])).unwrap();
    assert_eq!(store.prune(at(1_000_000), 9).unwrap(), 0);
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(job(1)));
}

/// Job 1 with a task, a mapped task and its items, attempts, events and an answer; and job 2 beside it.
pub(super) fn two_jobs() -> Commit {
    let over = TaskRow { state: TaskState::Succeeded, finished_at: Some(NOW), ..mapped(101, 5000, 3) };
    let items = [item(5000, 0, succeeded(0, "1")), item(5001, 1, succeeded(0, "2"))];
    let rows = vec![succeeded(100, "1"), over, task(200), TaskRow { job: JobNo(2), ..task(5003) }];
    let mut commit = new(vec![ended_job(1, at(1)), job(2)], [rows, items.to_vec()].concat());
    commit.changes.attempts = vec![attempt(100, 1), attempt(5001, 1), attempt(200, 1), attempt(5003, 1)];
    commit.changes.events = vec![(JobNo(1), vec![event(1), event(2)]), (JobNo(2), vec![event(1)])];
    commit.owed = vec![owed(1, true), owed(2, true)];
    commit.dead = vec![dead()];
    commit
}

pub(super) fn everything_of_a_job_goes_with_it(store: &mut dyn Store) {
    store.commit(&two_jobs()).unwrap();
    assert_eq!(store.prune(at(9), 9).unwrap(), 1);
    assert_eq!(task_numbers(&store.tasks(TaskNo(0), 10_000).unwrap()), [200, 5003]);
    assert_eq!(store.submitted(JobNo(1)).unwrap(), None);
    assert_eq!(store.owed_replies(&[JobNo(1)]).unwrap(), []);
    assert_eq!(store.due_replies(0, 100).unwrap().len(), 1);
    // Whatever else was kept of it would be in the way of the same numbers.
    let mut again = two_jobs();
    again.changes.new_jobs.truncate(1);
    again.changes.new_tasks.retain(|row| row.job == JobNo(1));
    again.changes.attempts.retain(|row| row.task == TaskNo(100) || row.task == TaskNo(5001));
    again.changes.events.truncate(1);
    again.submitted.truncate(1);
    store.commit(&again).unwrap();
}

pub(super) fn numbers_of_removed_jobs_are_not_given_again(store: &mut dyn Store) {
    store.commit(&new(vec![ended_job(7, at(1))], vec![])).unwrap();
    store.commit(&Commit { jobs_below: Some(JobNo(9)), taken_below: Some(TaskNo(800)), ..Commit::default() }).unwrap();
    store.prune(at(9), 9).unwrap();
    let boot = store.boot().unwrap();
    assert_eq!((boot.next_job, boot.next_task), (JobNo(9), TaskNo(800)));
}
