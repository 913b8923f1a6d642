//! All of a commit, or nothing.

use super::*;

pub(super) fn a_commit_changes_rows(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![task(100), task(101)])).unwrap();
    let mut counts = Counts::default();
    counts.add(TaskState::Succeeded, 2);
    let over = JobRow { sequence: 9, counts, ..ended_job(1, at(5)) };
    store.commit(&changed(vec![over.clone()], vec![succeeded(101, "[1]")])).unwrap();
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(over));
    assert_eq!(store.tasks(TaskNo(100), 2).unwrap(), [task(100), succeeded(101, "[1]")]);
}

/// A commit that has something of everything.
fn full(no: i64) -> Commit {
    let mut commit = new(vec![job(no)], vec![task(no * 100)]);
    commit.changes.jobs = vec![JobRow { failures: 7, ..job(1) }];
    commit.changes.tasks = vec![dispatched(100, 7).into()];
    commit.changes.attempts = vec![attempt(100, 1)];
    commit.changes.events = vec![(JobNo(1), vec![event(2), event(3)])];
    commit.owed = vec![owed(1, true)];
    commit.dead = vec![dead()];
    commit.paused = vec![(1, true)];
    commit.taken_below = Some(TaskNo(900));
    commit.published_below = Some(DispatchNo(8));
    commit.events_published = Some(EventChunkNo(1));
    commit
}

/// Keeps job 1, then refuses the commit, and looks whether anything of it is left.
fn leaves_nothing(store: &mut dyn Store, refused: &Commit, blame: Blame) {
    queue(store, "default");
    let mut first = new(vec![job(1)], vec![task(100)]);
    first.changes.events = vec![(JobNo(1), vec![event(1)])];
    first.changes.attempts = vec![attempt(100, 9)];
    store.commit(&first).unwrap();
    let before = all_of(store, 1);
    let error = store.commit(refused).expect_err("it contradicts what is kept");
    assert!(error.blame() == blame && !error.is_transient(), "{error:?}");
    assert_eq!(all_of(store, 1), before);
    assert_eq!(store.job(JobNo(2)).unwrap(), None);
    assert_eq!(store.find(&id("job-2")).unwrap(), None);
    assert_eq!(store.open_attempts().unwrap(), []);
    // The same without what was wrong is fine.
    store.commit(&full(2)).unwrap();
    assert_ne!(all_of(store, 1), before);
    assert_eq!(store.job(JobNo(2)).unwrap(), Some(job(2)));
}

pub(super) fn a_commit_that_contradicts_a_row_leaves_nothing(store: &mut dyn Store) {
    // Final, and still offered.
    let mut refused = full(2);
    refused.changes.tasks.push(TaskRow { rank: Some(1), ..succeeded(100, "1") }.into());
    leaves_nothing(store, &refused, Blame::Input);
    let wrong: [TaskRow; 5] = [
        TaskRow { state: TaskState::Waiting, ..dispatched(100, 1) },
        TaskRow { rank: Some(1), ..task(100) },
        TaskRow { finished_at: None, ..succeeded(100, "1") },
        TaskRow { finished_at: Some(NOW), ..task(100) },
        TaskRow { wake_at: Some(NOW), ..succeeded(100, "1") },
    ];
    for row in wrong {
        let error = store.commit(&changed(vec![], vec![row.clone()])).expect_err("it contradicts itself");
        assert_eq!(error.blame(), Blame::Input, "{row:?}: {error}");
    }
    let wrong: [JobRow; 3] = [
        JobRow { finished_at: None, ..ended_job(1, NOW) },
        JobRow { finished_at: Some(NOW), ..job(1) },
        JobRow { output: Some((*b"1").into()), ..ended_job(1, NOW) },
    ];
    for row in wrong {
        let error = store.commit(&changed(vec![row.clone()], vec![])).expect_err("it contradicts itself");
        assert_eq!(error.blame(), Blame::Input, "{row:?}: {error}");
    }
}

pub(super) fn a_second_job_with_an_id_leaves_nothing(store: &mut dyn Store) {
    let mut refused = full(2);
    let twin = JobRow { id: id("job-1"), ..job(3) };
    refused.submitted.push((twin.no, submitted(), Caption { labels: "{}".to_owned(), ..Caption::default() }));
    refused.changes.new_jobs.push(twin);
    leaves_nothing(store, &refused, Blame::Input);
}

pub(super) fn a_second_task_with_a_number_leaves_nothing(store: &mut dyn Store) {
    let mut refused = full(2);
    refused.changes.new_tasks.push(task(100).into());
    leaves_nothing(store, &refused, Blame::Sick);
}

pub(super) fn events_that_are_there_leave_nothing(store: &mut dyn Store) {
    let mut refused = full(2);
    refused.changes.events = vec![(JobNo(1), vec![event(1), event(2)])];
    leaves_nothing(store, &refused, Blame::Sick);
}

pub(super) fn an_attempt_that_is_there_stays_as_it_is(store: &mut dyn Store) {
    let with_attempt = || {
        let mut commit = new(vec![], vec![]);
        commit.changes.attempts = vec![attempt(100, 1)];
        commit
    };
    store.commit(&with_attempt()).unwrap();
    store.commit(&with_attempt()).unwrap();
}

pub(super) fn a_row_of_another_task_is_not_changed(store: &mut dyn Store) {
    store.commit(&new(vec![job(1)], vec![task(100)])).unwrap();
    let elsewhere = TaskRow { position: 5, ..succeeded(100, "1") };
    let as_item = TaskRow { index: Some(0), ..succeeded(100, "1") };
    store.commit(&changed(vec![], vec![elsewhere, as_item, succeeded(101, "1")])).unwrap();
    assert_eq!(store.tasks(TaskNo(100), 9).unwrap(), [task(100)]);
}

pub(super) fn counters_go_on_behind_what_was_taken(store: &mut dyn Store) {
    store.commit(&new(vec![job(5)], vec![task(500), dispatched(501, 41)])).unwrap();
    let boot = store.boot().unwrap();
    assert_eq!(numbers(&boot), (6, 502, 42, 1));
    // Items get their numbers long before they get rows.
    let taken =
        Commit { taken_below: Some(TaskNo(100_501)), published_below: Some(DispatchNo(42)), ..Commit::default() };
    store.commit(&taken).unwrap();
    let boot = store.boot().unwrap();
    assert_eq!(numbers(&boot), (6, 100_501, 42, 42));
    // The broker forgot everything.
    store.commit(&Commit { published_below: Some(DispatchNo(0)), ..Commit::default() }).unwrap();
    assert_eq!(store.boot().unwrap().published_below, DispatchNo(1));
}

pub(super) fn chunks_of_events_are_counted(store: &mut dyn Store) {
    assert_eq!(store.last_events(), EventChunkNo(0));
    let mut commit = new(vec![job(1), job(2)], vec![]);
    commit.changes.events = vec![(JobNo(1), vec![event(1), event(2)]), (JobNo(2), vec![event(1)])];
    store.commit(&commit).unwrap();
    assert_eq!(store.last_events(), EventChunkNo(2));
    let mut refused = changed(vec![job(1)], vec![]);
    refused.changes.events = vec![(JobNo(2), vec![event(2)]), (JobNo(1), vec![event(1)])];
    store.commit(&refused).expect_err("they are there");
    store.boot().unwrap();
    assert_eq!(store.last_events(), EventChunkNo(2));
}

pub(super) fn a_dispatch_number_that_was_published_is_not_given_again(store: &mut dyn Store) {
    // An attempt that was closed in the batch that opened it leaves no row with its number.
    store.commit(&Commit { published_below: Some(DispatchNo(12)), ..Commit::default() }).unwrap();
    assert_eq!(store.boot().unwrap().next_dispatch, DispatchNo(12));
}

pub(super) fn idle_is_what_need_not_be_written(_: &mut dyn Store) {
    let counters = Commit {
        jobs_below: Some(JobNo(1)),
        taken_below: Some(TaskNo(1)),
        events_published: Some(EventChunkNo(1)),
        ..Commit::default()
    };
    assert!(counters.is_idle() && Commit::default().is_idle());
    assert!(!Commit { dead: vec![dead()], ..Commit::default() }.is_idle());
    assert!(!Commit { discarded: vec![1], ..Commit::default() }.is_idle());
    assert!(!Commit { owed: vec![owed(1, true)], ..Commit::default() }.is_idle());
    assert!(!Commit { replied: vec![1], ..Commit::default() }.is_idle());
    let asked = Asked { task: TaskNo(100), attempt: 1, worker: "w".into(), at: NOW };
    assert!(!Commit { asked: vec![asked], ..Commit::default() }.is_idle());
    assert!(!Commit { stopped: vec![(TaskNo(100), 1, NOW)], ..Commit::default() }.is_idle());
    let death = Death { task: TaskNo(100), attempt: 1, worker: "w".into(), deliveries: None, at: NOW };
    assert!(!Commit { deaths: vec![death], ..Commit::default() }.is_idle());
    assert!(!Commit { paused: vec![(1, true)], ..Commit::default() }.is_idle());
    assert!(!changed(vec![job(1)], vec![]).is_idle() && !changed(vec![], vec![task(100)]).is_idle());
    assert!(!new(vec![job(1)], vec![]).is_idle());
}
