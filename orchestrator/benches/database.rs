//! Databases with something in them.

use std::path::PathBuf;

use tempfile::TempDir;
use warrener_engine::slice::Changes;
use warrener_orchestrator::store::sqlite::Sqlite;
use warrener_orchestrator::store::{Caption, Commit, Store as _, Submitted};
use warrener_shared::id::QueueName;

use super::desk::{Desk, QUEUE};
use super::documents;

/// A new database in a folder of its own.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) store: Sqlite,
    folder: TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the database");
        let mut store = Sqlite::open(&folder.path().join(NAME)).expect("a new database");
        let queue = store.queue(&QueueName::new("default").expect("a sound name")).expect("a queue");
        assert_eq!(queue.no, QUEUE, "the engine's rows name this queue");
        Self { store, folder }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    pub(crate) fn commit(&mut self, commit: &Commit) {
        self.store.commit(commit).expect("a commit");
    }
}

/// With a mapped task at work, and commits that follow, each of so many reports and as many new dispatches.
pub(crate) fn at_work(commits: usize, reports: usize) -> (Database, Vec<Commit>) {
    let (mut database, mut desk) = (Database::new(), Desk::new(reports as u32));
    let document = documents::mapped((commits + 2) * reports);
    database.commit(&submitted(desk.submit(&[&document]), &document));
    let commits = (0..commits).map(|_| Commit { changes: desk.report(reports), ..Commit::default() });
    let commits = commits.collect();
    (database, commits)
}

/// With so many single jobs that succeeded.
pub(crate) fn with_jobs(count: usize) -> Database {
    let (mut database, mut desk) = (Database::new(), Desk::new(u32::MAX));
    let document = documents::single();
    database.commit(&submitted(desk.submit(&vec![document.as_str(); count]), &document));
    database.commit(&Commit { changes: desk.report(count), ..Commit::default() });
    database
}

/// The commit of jobs that just came, all with this document.
fn submitted(changes: Changes, document: &str) -> Commit {
    let caption =
        Caption { kind: Some("demo.echo".to_owned()), labels: "{}".to_owned(), tasks: 1, ..Caption::default() };
    let body = Submitted { body: document.as_bytes().into(), priority: None, traceparent: None, digest: None };
    let submitted = changes.new_jobs.iter().map(|row| (row.no, body.clone(), caption.clone())).collect();
    Commit { changes, submitted, ..Commit::default() }
}

const NAME: &str = "bench.db";
