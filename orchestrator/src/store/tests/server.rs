//! A server beside the process: what outlives the process, who is refused, and what an unknown outcome means.

use super::postgres_server::{PASSWORD, Server};
use super::*;

fn open(url: &str) -> Postgres {
    Postgres::open(url).unwrap()
}

fn refused(url: &str) -> String {
    let error = Postgres::open(url).expect_err("it is not ours to open");
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    let text = error.to_string();
    assert!(!text.contains(PASSWORD), "{text}");
    text
}

/// Whether what was tried may be tried again.
fn passing<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> String {
    let error = outcome.expect_err("it cannot be done now");
    assert!(error.is_transient(), "{error:?}");
    error.to_string()
}

#[test]
fn a_commit_outlives_the_process() {
    let database = Shared::database();
    let mut store = open(database.url());
    let slow = queue(&mut store, "slow");
    let mut commit = new(vec![job(1)], vec![dispatched(100, 41)]);
    commit.paused = vec![(slow, true)];
    commit.owed = vec![owed(1, true)];
    commit.published_below = Some(DispatchNo(40));
    store.commit(&commit).unwrap();
    let before = all_of(&mut store, 1);
    drop(store);
    let mut store = open(database.url());
    assert_eq!(all_of(&mut store, 1), before);
    assert_eq!(task_numbers(&store.open_attempts().unwrap()), [100]);
}

#[test]
fn events_are_numbered_on_after_a_start_even_if_all_were_forgotten() {
    let database = Shared::database();
    let with_events = |no| {
        let mut commit = new(vec![ended_job(no, at(no))], vec![]);
        commit.changes.events = vec![(JobNo(no), vec![event(1)])];
        commit
    };
    let mut store = open(database.url());
    store.commit(&with_events(1)).unwrap();
    store.commit(&with_events(2)).unwrap();
    store.commit(&Commit { events_published: Some(EventChunkNo(1)), ..Commit::default() }).unwrap();
    assert!(store.remove(JobNo(2)).unwrap());
    store.prune(at(9), 9).unwrap();
    drop(store);
    let mut store = open(database.url());
    store.commit(&with_events(3)).unwrap();
    let view = store.view();
    assert_eq!(view.events_published().unwrap(), EventChunkNo(1));
    assert_eq!(view.events_after(EventChunkNo(2), 9).unwrap().iter().map(|head| head.no.0).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_second_orchestrator_is_refused_until_the_first_has_ended() {
    let database = Shared::database();
    let first = open(database.url());
    let why = refused(database.url());
    assert!(why.contains("another orchestrator has it open (connected from 127.0.0.1 since 20"), "{why}");
    assert!(why.contains("WARRENER_STORE__URL"), "{why}");
    drop(first);
    open(database.url());
}

#[test]
fn who_lost_the_database_cannot_commit() {
    let server = Server::start();
    let mut first = open(&server.url());
    first.commit(&new(vec![job(1)], vec![])).unwrap();
    // Something between the two ends the connection for the server only; or somebody who may takes the lock away.
    server.sql("UPDATE warrener.owner SET epoch = epoch + 1");
    let why = passing(first.commit(&new(vec![job(2)], vec![])));
    assert!(why.contains("another orchestrator has taken the database over"), "{why}");
    let lost = passing(first.commit(&new(vec![job(2)], vec![])));
    assert!(lost.contains("lost"), "{lost}");
    let lost = passing(first.job(JobNo(1)));
    assert!(lost.contains("lost"), "{lost}");
    // It is the owner again once it has read anew what there is.
    first.boot().unwrap();
    assert_eq!(first.job(JobNo(2)).unwrap(), None);
    first.commit(&new(vec![job(2)], vec![])).unwrap();
}

#[test]
fn a_lost_connection_is_replaced_by_a_boot_alone() {
    let server = Server::start();
    let mut store = open(&server.url());
    let view = store.view();
    store.commit(&new(vec![job(1)], vec![])).unwrap();
    assert!(view.read(|snapshot| snapshot.job(JobNo(1))).unwrap().is_some());
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'warrener%'");
    passing(store.commit(&new(vec![job(2)], vec![])));
    passing(store.commit(&new(vec![job(2)], vec![])));
    passing(store.find(&id("job-1")));
    store.boot().unwrap();
    store.commit(&new(vec![job(2)], vec![])).unwrap();
    assert!(view.read(|snapshot| snapshot.job(JobNo(2))).unwrap().is_some(), "readers find their way by themselves");
}

#[test]
fn a_server_that_was_killed_has_what_was_committed() {
    let mut server = Server::start();
    let mut store = open(&server.url());
    let view = store.view();
    let mut commit = new(vec![job(1)], vec![dispatched(100, 1)]);
    commit.changes.events = vec![(JobNo(1), vec![event(1)])];
    store.commit(&commit).unwrap();
    let before = all_of(&mut store, 1);
    server.kill();
    passing(store.commit(&new(vec![job(2)], vec![])));
    passing(store.boot());
    assert!(view.read(|snapshot| snapshot.open_jobs()).unwrap_err().is_transient());
    server.launch();
    store.boot().unwrap();
    assert_eq!(all_of(&mut store, 1), before);
    commit.changes.new_jobs = vec![job(2)];
    commit.submitted[0].0 = JobNo(2);
    commit.changes.new_tasks.clear();
    commit.changes.events[0].0 = JobNo(2);
    store.commit(&commit).unwrap();
    assert_eq!(view.events_after(EventChunkNo(0), 9).unwrap().iter().map(|head| head.no.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_database_that_may_only_be_read_is_waited_for() {
    let server = Server::start();
    let mut store = open(&server.url());
    store.commit(&new(vec![job(1)], vec![])).unwrap();
    let set = |value: &str| {
        server.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {value}"));
        server.sql("SELECT pg_reload_conf()");
    };
    set("on");
    // The server takes a moment to tell its processes.
    let refused = (2..10_000).find_map(|no| store.commit(&new(vec![job(no)], vec![])).err().map(|error| (no, error)));
    let (no, error) = refused.expect("it takes no more");
    let why = passing(Err::<(), _>(error));
    assert!(why.contains("read-only"), "{why}");
    passing(store.boot());
    set("off");
    while let Err(error) = store.boot() {
        passing(Err::<(), _>(error));
    }
    assert_eq!(store.job(JobNo(no)).unwrap(), None);
    store.commit(&new(vec![job(no)], vec![])).unwrap();
}

#[test]
fn a_field_that_is_younger_than_the_database_gets_its_column() {
    let server = Server::start();
    open(&server.url()).commit(&new(vec![job(1)], vec![])).unwrap();
    server.sql("ALTER TABLE warrener.jobs DROP COLUMN level, DROP COLUMN parent_attempt");
    let mut store = open(&server.url());
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(job(1)));
    let inside = JobRow { level: 3, ..job(2) };
    store.commit(&new(vec![inside.clone()], vec![])).unwrap();
    assert_eq!(store.job(JobNo(2)).unwrap(), Some(inside));
}

#[test]
fn foreign_and_newer_databases_are_refused() {
    let server = Server::start();
    server.sql("CREATE SCHEMA warrener");
    server.sql("CREATE TABLE warrener.jobs (no BIGINT)");
    let why = refused(&server.url());
    assert!(why.contains("belongs to another program"), "{why}");
    server.sql("DROP SCHEMA warrener CASCADE");
    drop(open(&server.url()));
    server.sql("UPDATE warrener.meta SET value = '99' WHERE key = 'version'");
    let why = refused(&server.url());
    assert!(why.contains("its schema has version 99, this program knows"), "{why}");
}

#[test]
fn what_is_wrong_with_an_address_is_said_without_its_password() {
    let server = Server::start();
    let url = server.url();
    let wrong = url.replace(PASSWORD, "wrong-password");
    let why = refused(&wrong);
    assert!(why.contains("password authentication failed") && !why.contains("wrong-password"), "{why}");
    let (place, _) = url.rsplit_once('/').unwrap();
    let why = refused(&format!("{place}/nowhere"));
    assert!(why.contains("database \"nowhere\" does not exist"), "{why}");
    let why = refused(&format!("{url}?sslmode=verify-full"));
    assert!(why.contains("TLS"), "{why}");
    let why = refused(&format!("postgres://u:{PASSWORD}@127.0.0.1:1/d"));
    assert!(why.contains("u@127.0.0.1:1/d") && why.contains("refused"), "{why}");
}

#[test]
fn a_character_that_postgresql_cannot_keep_is_kept() {
    let database = Shared::database();
    let mut store = open(database.url());
    let text = "a\0b\u{10FFFF}0".to_owned();
    let chunk = LogChunk { task: TaskNo(100), attempt: 1, time: NOW, text };
    store.commit(&new(vec![job(1)], vec![task(100)])).unwrap();
    store.commit(&Commit { logs: vec![chunk.clone()], ..Commit::default() }).unwrap();
    assert_eq!(store.last_logs(TaskNo(100), 99).unwrap(), [chunk]);
}
