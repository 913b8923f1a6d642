//! Whose fault it is when a real database fails: its own, unless the input provably cannot be kept.

use std::path::Path;

use warrener_shared::job::{OnConflict, Unique, Until};

use super::postgres_server::{PASSWORD, Server};
use super::*;

/// What comes of a commit that adds a job with a task.
fn add(store: &mut dyn Store, no: i64) -> Result<(), StoreError> {
    store.commit(&new(vec![job(no)], vec![task(no * 100)]))
}

/// A server with a user who may do what an orchestrator must, and the address for that user.
fn server_with_plain_user() -> (Server, String) {
    let server = Server::start();
    server.sql(&format!("CREATE ROLE plain LOGIN PASSWORD '{PASSWORD}'"));
    server.sql("GRANT CREATE ON DATABASE postgres TO plain");
    let url = server.url();
    let (_, rest) = url.split_once("//").unwrap();
    let (_, rest) = rest.split_once(':').unwrap();
    (server, format!("postgres://plain:{rest}"))
}

#[test]
fn a_table_or_a_grant_that_is_missing_is_no_fault_of_the_input() {
    let (server, url) = server_with_plain_user();
    let mut store = Postgres::open(&url).unwrap();
    add(&mut store, 1).unwrap();
    for (no, (harm, cure)) in (2..).zip([
        ("ALTER TABLE warrener.submits RENAME TO away", "ALTER TABLE warrener.away RENAME TO submits"),
        ("ALTER TABLE warrener.tasks RENAME COLUMN lease TO away", "ALTER TABLE warrener.tasks RENAME away TO lease"),
        ("REVOKE INSERT ON warrener.jobs FROM plain", "GRANT INSERT ON warrener.jobs TO plain"),
        ("REVOKE ALL ON SCHEMA warrener FROM plain", "GRANT ALL ON SCHEMA warrener TO plain"),
    ]) {
        server.sql(harm);
        let error = add(&mut store, no).expect_err(harm);
        assert_eq!(error.blame(), Blame::Sick, "{harm}: {error}");
        server.sql(cure);
        store.boot().unwrap();
        add(&mut store, no).expect(cure);
    }
}

#[test]
fn a_damaged_file_of_a_server_is_no_fault_of_the_input() {
    let mut server = Server::start();
    add(&mut Postgres::open(&server.url()).unwrap(), 1).unwrap();
    let folder = server.sql("SHOW data_directory");
    let files = ["jobs_id_key", "tasks_pkey", "submits"];
    let paths = files.map(|name| server.sql(&format!("SELECT pg_relation_filepath('warrener.{name}')")));
    server.sql("CHECKPOINT");
    server.kill();
    let keep = paths.each_ref().map(|path| std::fs::read(Path::new(&folder).join(path)).unwrap());
    for (no, (path, sound)) in (2..).zip(paths.iter().zip(&keep)) {
        let path = Path::new(&folder).join(path);
        let mut damaged = sound.clone();
        damaged.iter_mut().for_each(|byte| *byte ^= 0x55);
        std::fs::write(&path, damaged).unwrap();
        server.launch();
        let error = Postgres::open(&server.url()).and_then(|mut store| add(&mut store, no)).expect_err("it is damaged");
        assert_eq!(error.blame(), Blame::Sick, "{}: {error}", path.display());
        server.kill();
        std::fs::write(&path, sound).unwrap();
    }
}

#[test]
fn a_value_that_no_row_of_a_server_can_hold_is_a_fault_of_the_input() {
    let database = Shared::database();
    let mut store = Postgres::open(database.url()).unwrap();
    let mut dice = 1_u64;
    let key: String = std::iter::repeat_with(|| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((dice >> 33) % 26).unwrap())
    })
    .take(50_000)
    .collect();
    let unique = |key: &str| {
        let unique = Unique { key: key.to_owned(), on_conflict: OnConflict::Reject, until: Until::Finished };
        let mut commit = new(vec![job(1)], vec![]);
        commit.submitted[0].2.unique = Some(unique);
        commit
    };
    let error = store.commit(&unique(&key)).expect_err("an index has no room for it");
    assert_eq!(error.blame(), Blame::Input, "{error}");
    assert!(error.to_string().len() < 300 && !error.to_string().contains(&key[..20]), "{error}");
    store.commit(&unique("short")).unwrap();
}

#[test]
fn a_value_that_no_file_can_hold_is_a_fault_of_the_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(&folder.path().join("jobs.db")).unwrap();
    let huge = String::from_utf8(vec![0; 1_000_000_001]).unwrap();
    let chunk = LogChunk { task: TaskNo(100), attempt: 1, time: NOW, text: huge };
    let error = store.commit(&Commit { logs: vec![chunk], ..Commit::default() }).expect_err("it is too long");
    assert_eq!(error.blame(), Blame::Input, "{error}");
    assert!(error.to_string().len() < 200);
    add(&mut store, 1).unwrap();
}
