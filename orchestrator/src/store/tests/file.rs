//! The file of the embedded database: what outlives the process, and which files are refused.

use std::path::Path;

use rusqlite::Connection;
use warrener_engine::row::Parent;

use super::*;

fn open(path: &Path) -> Sqlite {
    Sqlite::open(path).unwrap()
}

fn refused(path: &Path) -> String {
    let error = Sqlite::open(path).expect_err("it is not ours to open");
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    error.to_string()
}

fn path(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("jobs.db")
}

fn count(path: &Path, table: &str) -> i64 {
    let connection = Connection::open(path).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_commit_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&path(&folder));
    let slow = queue(&mut store, "slow");
    let mut commit = new(vec![job(1)], vec![dispatched(100, 41)]);
    commit.paused = vec![(slow, true)];
    commit.owed = vec![owed(1, true)];
    commit.taken_below = Some(TaskNo(100_101));
    commit.published_below = Some(DispatchNo(40));
    store.commit(&commit).unwrap();
    let before = all_of(&mut store, 1);
    drop(store);
    let mut store = open(&path(&folder));
    assert_eq!(all_of(&mut store, 1), before);
    let boot = store.boot().unwrap();
    assert_eq!(numbers(&boot), (2, 100_101, 42, 40));
    assert!(boot.queues[0].paused);
    assert_eq!(task_numbers(&store.open_attempts().unwrap()), [100]);
}

#[test]
fn two_databases_have_two_identities() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let identity = |folder| open(&path(folder)).boot().unwrap().database;
    assert_ne!(identity(&one), identity(&two));
    assert_eq!(identity(&one), identity(&one));
}

#[test]
fn events_are_numbered_on_after_a_start_even_if_all_were_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let with_events = |no, finished: Option<Timestamp>| {
        let mut commit = new(vec![finished.map_or_else(|| job(no), |at| ended_job(no, at))], vec![]);
        commit.changes.events = vec![(JobNo(no), vec![event(1)])];
        commit
    };
    let mut store = open(&path(&folder));
    for no in 1..=3 {
        store.commit(&with_events(no, Some(at(no)))).unwrap();
    }
    // Nobody published any of them: whoever follows a stream has passed them all the same.
    store.prune(at(2), 9).unwrap();
    assert!(store.remove(JobNo(3)).unwrap());
    store.prune(at(9), 9).unwrap();
    drop(store);
    let mut store = open(&path(&folder));
    store.commit(&with_events(9, None)).unwrap();
    let highest: i64 = Connection::open(path(&folder))
        .and_then(|connection| connection.query_row("SELECT max(no) FROM events", [], |row| row.get(0)))
        .unwrap();
    assert!(highest > 3, "whoever has seen events up to 3 would never look at {highest}");
}

#[test]
fn a_forgotten_job_leaves_no_row() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&path(&folder));
    store.commit(&prune::two_jobs()).unwrap();
    let counts =
        |path: &Path| ["jobs", "submits", "tasks", "attempts", "events", "replies", "dead"].map(|t| count(path, t));
    assert_eq!(counts(&path(&folder)), [2, 2, 6, 4, 2, 2, 1]);
    store.prune(at(9), 9).unwrap();
    // A dead letter is for a person, and outlives its job.
    assert_eq!(counts(&path(&folder)), [1, 1, 2, 2, 1, 1, 1]);
}

#[test]
fn a_forgotten_job_leaves_nothing_in_memory() {
    let mut store = Memory::new();
    store.commit(&prune::two_jobs()).unwrap();
    let counts = |store: &Memory| {
        let attempts = [100, 5001, 200, 5003].map(|task| store.attempts(TaskNo(task)).count());
        (store.jobs().count(), store.events(JobNo(1)).count(), store.events(JobNo(2)).count(), attempts)
    };
    assert_eq!(counts(&store), (2, 2, 1, [1, 1, 1, 1]));
    store.prune(at(9), 9).unwrap();
    assert_eq!(counts(&store), (1, 0, 1, [0, 0, 1, 1]));
    assert_eq!(store.dead_letters().count(), 1);
}

/// Keeps a dead letter, discards it, keeps another, and discards the first again: the second must stay.
fn discard_twice(store: &mut dyn Store) {
    let keep = || Commit { dead: vec![dead()], ..Commit::default() };
    let discard = || Commit { discarded: vec![1], ..Commit::default() };
    for commit in [keep(), discard(), keep(), discard()] {
        store.commit(&commit).unwrap();
    }
}

#[test]
fn a_number_of_a_dead_letter_is_given_once() {
    let folder = tempfile::tempdir().unwrap();
    discard_twice(&mut open(&path(&folder)));
    assert_eq!(count(&path(&folder), "dead"), 1);
    let mut memory = Memory::new();
    discard_twice(&mut memory);
    assert_eq!(memory.dead_letters().map(|(no, _)| no).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_clone_of_the_memory_is_what_a_crash_leaves() {
    let mut store = Memory::new();
    store.commit(&new(vec![job(1)], vec![ready(100, 1)])).unwrap();
    let mut crashed = store.clone();
    store.commit(&changed(vec![], vec![dispatched(100, 1)])).unwrap();
    assert_eq!(crashed.tasks(TaskNo(100), 1).unwrap(), [ready(100, 1)]);
    assert_eq!(crashed.ready(1, 9).unwrap().len(), 1);
    assert_eq!(store.ready(1, 9).unwrap().len(), 0);
}

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&path(&folder));
    let why = refused(&path(&folder));
    assert!(why.contains("another orchestrator has it open") && why.contains("jobs.db"), "{why}");
    drop(first);
    open(&path(&folder));
}

#[test]
fn the_database_of_another_program_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for version in [0, 1] {
        let path = folder.path().join(format!("other-{version}.db"));
        let create = format!("CREATE TABLE theirs (x); PRAGMA user_version = {version};");
        Connection::open(&path).unwrap().execute_batch(&create).unwrap();
        let before = std::fs::read(&path).unwrap();
        let why = refused(&path);
        assert!(why.contains("another program"), "{why}");
        assert!(std::fs::read(&path).unwrap() == before, "it was changed");
    }
}

#[test]
fn an_older_schema_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&path(&folder)));
    let old = Connection::open(path(&folder)).unwrap();
    let mut commit = new(vec![job(1)], vec![task(100), TaskRow { queue: 7, ..task(101) }]);
    commit.submitted[0].2.labels = r#"{"team":"growth"}"#.to_owned();
    open(&path(&folder)).commit(&commit).unwrap();
    let back = "ALTER TABLE jobs DROP COLUMN after_delay; DROP TABLE delayed; DROP TABLE bulk; DROP TABLE bulk_sets; DROP TABLE schedules; DROP TABLE ticks; DROP TABLE audit; DROP TABLE limits; DROP TABLE limit_keys; DROP TABLE limit_slots; DROP TABLE kept_answers; DROP TABLE given_answers; DROP INDEX tasks_line; DROP INDEX tasks_parked; \
        ALTER TABLE tasks DROP COLUMN line; ALTER TABLE tasks DROP COLUMN parked; ALTER TABLE tasks DROP COLUMN round; \
        ALTER TABLE tasks DROP COLUMN previous; ALTER TABLE jobs DROP COLUMN open_attempts; \
        ALTER TABLE jobs DROP COLUMN rounds; ALTER TABLE attempts DROP COLUMN round; DROP INDEX jobs_parent; \
        DROP INDEX jobs_parent_task; ALTER TABLE jobs DROP COLUMN parent_job; DROP INDEX jobs_bad_kind; DROP INDEX jobs_bad_name; DROP TABLE deaths; DROP TABLE stops; DROP TABLE leftovers; DROP TABLE job_queues; DROP TABLE job_labels; DROP INDEX jobs_name; \
        DROP INDEX jobs_kind; DROP INDEX jobs_state; CREATE INDEX jobs_open ON jobs (state) WHERE finished_at IS NULL; \
        DROP TABLE logs; DROP INDEX tasks_waiting; ALTER TABLE tasks DROP COLUMN waits_for; \
        ALTER TABLE jobs DROP COLUMN parent_task; ALTER TABLE jobs DROP COLUMN parent_attempt; \
        ALTER TABLE jobs DROP COLUMN level; ALTER TABLE replies DROP COLUMN owed_at; \
        ALTER TABLE replies DROP COLUMN refusal; PRAGMA user_version = 1;";
    old.execute_batch(back).unwrap();
    drop(old);
    let mut store = open(&path(&folder));
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(job(1)));
    assert_eq!(["job_labels", "job_queues"].map(|table| count(&path(&folder), table)), [1, 2]);
    let asked = vec![Asked { task: TaskNo(100), attempt: 1, worker: "w".into(), at: NOW }];
    store.commit(&Commit { asked: asked.clone(), ..new(vec![job(2)], vec![]) }).unwrap();
    assert_eq!(store.asked().unwrap(), asked);
}

#[test]
fn a_sub_job_of_an_older_schema_gets_the_job_it_is_inside_of() {
    let folder = tempfile::tempdir().unwrap();
    let inner = JobRow { parent: Some(Parent { job: JobNo(1), task: TaskNo(100), attempt: 2 }), level: 1, ..job(2) };
    open(&path(&folder)).commit(&new(vec![job(1), inner.clone()], vec![task(100)])).unwrap();
    let old = Connection::open(path(&folder)).unwrap();
    let earlier = "ALTER TABLE jobs DROP COLUMN after_delay; DROP TABLE delayed; DROP TABLE bulk; DROP TABLE bulk_sets; DROP TABLE schedules; DROP TABLE ticks; DROP TABLE audit; DROP TABLE limits; DROP TABLE limit_keys; DROP TABLE limit_slots; DROP TABLE kept_answers; DROP TABLE given_answers; DROP INDEX tasks_line; DROP INDEX tasks_parked; \
         ALTER TABLE tasks DROP COLUMN line; \
         CREATE INDEX tasks_parked ON tasks (job, queue, parked) WHERE parked IS NOT NULL; \
         DROP INDEX jobs_parent; DROP INDEX jobs_parent_task; \
         ALTER TABLE jobs DROP COLUMN parent_job; PRAGMA user_version = 7";
    old.execute_batch(earlier).unwrap();
    drop(old);
    assert_eq!(open(&path(&folder)).job(JobNo(2)).unwrap(), Some(inner));
}

#[test]
fn a_field_that_is_younger_than_the_file_gets_its_column() {
    let folder = tempfile::tempdir().unwrap();
    open(&path(&folder)).commit(&new(vec![job(1)], vec![])).unwrap();
    let drop = "ALTER TABLE jobs DROP COLUMN level; ALTER TABLE jobs DROP COLUMN parent_attempt";
    Connection::open(path(&folder)).unwrap().execute_batch(drop).unwrap();
    let mut store = open(&path(&folder));
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(job(1)));
    let inside = JobRow { level: 3, ..job(2) };
    store.commit(&new(vec![inside.clone()], vec![])).unwrap();
    assert_eq!(store.job(JobNo(2)).unwrap(), Some(inside));
}

#[test]
fn a_large_job_goes_in_slices() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&path(&folder));
    let tasks = (1000..1500).map(|no| TaskRow { job: JobNo(10), ..succeeded(no, "1") });
    let over =
        TaskRow { state: TaskState::Succeeded, job: JobNo(10), finished_at: Some(NOW), ..mapped(1500, 5000, 300) };
    let items = (0..300).map(|at| TaskRow { job: JobNo(10), ..item(5000 + at, 0, succeeded(0, "1")) });
    let mut commit = new(vec![ended_job(10, at(1))], tasks.chain([over]).chain(items).collect());
    commit.submitted[0].2.tasks = 501;
    store.commit(&commit).unwrap();
    store.commit(&new(vec![job(11)], vec![TaskRow { job: JobNo(11), ..task(1501) }])).unwrap();
    assert_eq!(store.prune(at(9), 1).unwrap(), 1);
    assert_eq!([count(&path(&folder), "jobs"), count(&path(&folder), "tasks")], [1, 802]);
    let mut steps = 1;
    while store.prune(at(9), 3).unwrap() > 0 {
        steps += 1;
        assert!(steps < 20);
    }
    assert!(steps > 4, "{steps}");
    assert_eq!([count(&path(&folder), "leftovers"), count(&path(&folder), "tasks")], [0, 1]);
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(&path(&folder)));
    Connection::open(path(&folder)).unwrap().execute_batch("PRAGMA user_version = 7000").unwrap();
    let why = refused(&path(&folder));
    assert!(why.contains("7000") && why.contains("newer program"), "{why}");
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(path(&folder), "Dear diary, today I was a text file, and I would like to stay one.".repeat(20))
        .unwrap();
    let why = refused(&path(&folder));
    assert!(why.contains("not a database"), "{why}");
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let why = refused(&folder.path().join("nowhere").join("jobs.db"));
    assert!(why.contains("nowhere"), "{why}");
}

#[test]
fn the_log_does_not_grow_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&path(&folder));
    store.commit(&new(vec![job(1)], vec![succeeded(100, "0")])).unwrap();
    // Each another: SQLite does not write what is there already.
    let output = |no: usize| format!("\"{}\"", ["x", "y", "z"][no % 3].repeat(2_000_000));
    let log = folder.path().join("jobs.db-wal");
    let mut longest = 0;
    // 500 MB in all, so fast that the thread never meets the end of the log.
    for no in 0..=250 {
        store.commit(&changed(vec![], vec![succeeded(100, &output(no))])).unwrap();
        longest = longest.max(std::fs::metadata(&log).unwrap().len());
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    assert!(longest < 300_000_000, "{longest} bytes");
    drop(store);
    assert!(!log.exists(), "a clean end leaves the database file alone");
    assert_eq!(open(&path(&folder)).tasks(TaskNo(100), 1).unwrap(), [succeeded(100, &output(250))]);
}
