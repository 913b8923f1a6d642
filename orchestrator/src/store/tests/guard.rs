//! Who may have the file of the embedded database: one orchestrator, by whatever name it calls it.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rusqlite::Connection;

use super::*;
use crate::store::sqlite::DatabaseFile;
use crate::store::{DatabaseAddress, address};

type Work = fn(&mut Sqlite) -> Result<(), StoreError>;

fn refused(path: &Path) -> String {
    let error = Sqlite::open(path).expect_err("it is not ours to open");
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    error.to_string()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn one_file_has_one_writer_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let first = Sqlite::open(&at("jobs.db")).unwrap();
    symlink(at("jobs.db"), at("symbolic.db")).unwrap();
    symlink(folder.path(), at("folder")).unwrap();
    for name in ["jobs.db", "symbolic.db", "folder/jobs.db", "./jobs.db"] {
        let why = refused(&at(name));
        assert!(why.contains("another orchestrator has it open") && why.contains(name), "{why}");
    }
    std::fs::hard_link(at("jobs.db"), at("hard.db")).unwrap();
    assert!(refused(&at("hard.db")).contains("2 names (hard links)"));
    // Under another name alone, with another lock beside it, it is still the same file.
    std::fs::remove_file(at("jobs.db")).unwrap();
    assert!(refused(&at("hard.db")).contains("another orchestrator has it open"));
    drop(first);
    Sqlite::open(&at("hard.db")).unwrap();
}

#[test]
fn a_link_leads_to_what_was_written_by_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink(at("jobs.db"), at("symbolic.db")).unwrap();
    Sqlite::open(&at("symbolic.db")).unwrap().commit(&new(vec![job(1)], vec![])).unwrap();
    assert!(!at("symbolic.db.lock").exists() && at("jobs.db").metadata().unwrap().size() > 0);
    assert_eq!(Sqlite::open(&at("jobs.db")).unwrap().job(JobNo(1)).unwrap(), Some(job(1)));
}

#[test]
fn who_finds_a_later_epoch_writes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&new(vec![job(1)], vec![])).unwrap();
    // As one does whom no lock keeps out.
    let other = Connection::open(&path).unwrap();
    other.execute("UPDATE meta SET value = value + 1 WHERE key = 'epoch'", []).unwrap();
    let work: [Work; 6] = [
        |store| store.commit(&new(vec![job(2)], vec![])),
        |store| store.queue(&QueueName::new("late").unwrap()).map(drop),
        |store| store.shift(1, NOW),
        |store| store.prune(at(9), 9).map(drop),
        |store| store.boot().map(drop),
        |store| store.probe(),
    ];
    for work in work {
        let error = work(&mut store).expect_err("it is somebody else's");
        assert!(error.blame() == Blame::Sick && error.to_string().contains("taken the database over"), "{error}");
    }
    assert_eq!(other.query_row("SELECT count(*) FROM jobs", [], |row| row.get::<_, i64>(0)), Ok(1));
    drop(store);
    Sqlite::open(&path).unwrap().commit(&new(vec![job(2)], vec![])).unwrap();
}

#[test]
fn nobody_else_reads_the_file_and_what_lies_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let all = ["jobs.db", "jobs.db-wal", "jobs.db-shm", "jobs.db.lock"];
    let mut store = Sqlite::open(&at("jobs.db")).unwrap();
    store.commit(&new(vec![job(1)], vec![])).unwrap();
    assert_eq!(all.map(|name| mode(&at(name))), [0o600; 4]);
    // As earlier versions left them, in the midst of work.
    let old = tempfile::tempdir().unwrap();
    for name in all {
        std::fs::copy(at(name), old.path().join(name)).unwrap();
        std::fs::set_permissions(old.path().join(name), std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let mut store = Sqlite::open(&old.path().join("jobs.db")).unwrap();
    assert_eq!(store.job(JobNo(1)).unwrap(), Some(job(1)));
    assert_eq!(all.map(|name| mode(&old.path().join(name))), [0o600; 4]);
}

#[test]
fn a_file_that_is_no_longer_there_is_missed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let mut store = Sqlite::open(&path).unwrap();
    store.probe().unwrap();
    let moved = folder.path().join("moved.db");
    std::fs::rename(&path, &moved).unwrap();
    for replaced in [false, true] {
        if replaced {
            std::fs::write(&path, "").unwrap();
        }
        for error in [store.probe().unwrap_err(), store.boot().unwrap_err()] {
            assert!(
                error.blame() == Blame::Sick && error.to_string().contains("moved, removed or replaced"),
                "{error}"
            );
        }
    }
    std::fs::rename(&moved, &path).unwrap();
    store.probe().unwrap();
}

#[test]
fn a_path_with_spaces_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state dir").join("100% ä?.db");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    let Ok(DatabaseAddress::Sqlite(file)) = address(&DatabaseFile::url(&path)) else { panic!("it is an address") };
    drop(Sqlite::open_file(&file).unwrap());
    assert!(path.exists());
}
