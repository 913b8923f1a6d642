//! Files of the embedded database that are damaged for real.

use std::path::PathBuf;

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;

/// A table or index of a file.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) name: String,
    /// The place of its first page in the file.
    offset: usize,
}

/// A file that is sound, with rows in each table and entries in each index.
#[derive(Debug)]
pub(super) struct Sound {
    bytes: Vec<u8>,
    page: usize,
    pub(super) trees: Vec<Tree>,
}

/// A copy of a sound file with damage to one page.
#[derive(Debug)]
pub(super) struct Damaged {
    folder: TempDir,
}

impl Damaged {
    pub(super) fn new(sound: &Sound, tree: &Tree, harm: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = sound.bytes.clone();
        harm(&mut bytes[tree.offset..tree.offset + sound.page]);
        let damaged = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(damaged.path(), bytes).unwrap();
        damaged
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("jobs.db")
    }
}

/// A commit with something for each table and index; `no` is below 10.
pub(super) fn everything(no: i64) -> Commit {
    let first = no * 100;
    let rows = vec![
        TaskRow { wake_at: Some(at(no)), ..ready(first, 1) },
        TaskRow { queue: 1, wake_at: Some(at(no)), ..dispatched(first + 1, no) },
        TaskRow { rank: Some(2), ..mapped(first + 2, 5000 + first, 3) },
        TaskRow { waits_for: Some(warrener_engine::row::WaitsFor::Job(JobNo(no))), ..dispatched(first + 3, 50 + no) },
        succeeded(first + 4, "1"),
    ];
    let running = JobRow { wake_at: Some(at(no)), ..job(no) };
    let failed = JobRow { id: id(&format!("failed-{no}")), ..ended_job(no + 10, at(no)) };
    let mut commit = new(vec![running, failed], rows);
    for (_, _, caption) in &mut commit.submitted {
        caption.name = Some(format!("name-{no}"));
        caption.kind = Some(format!("kind-{no}"));
        caption.labels = format!(r#"{{"team":"t{no}"}}"#);
        let (on_conflict, until) = (warrener_shared::job::OnConflict::Reject, warrener_shared::job::Until::Finished);
        caption.unique = Some(warrener_shared::job::Unique { key: format!("key-{no}"), on_conflict, until });
    }
    commit.changes.attempts = vec![attempt(first, 1)];
    commit.changes.events = vec![(JobNo(no), vec![event(1)])];
    commit.owed = vec![owed(no, true)];
    commit.logs = vec![LogChunk { task: TaskNo(first), attempt: 1, time: NOW, text: "line".to_owned() }];
    commit.asked = vec![Asked { task: TaskNo(first), attempt: 1, worker: "w".into(), at: NOW }];
    let deliveries = Some(1);
    commit.deaths = vec![Death { task: TaskNo(first), attempt: 1, worker: "w".into(), deliveries, at: NOW }];
    commit.dead = vec![dead()];
    commit
}

/// Makes a sound file.
pub(super) fn sound() -> Sound {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let mut store = Sqlite::open(&path).unwrap();
    queue(&mut store, "default");
    for no in 1..9 {
        store.commit(&everything(no)).unwrap();
    }
    // A large job is not removed at once.
    let mut large = new(vec![JobRow { id: id("large"), ..ended_job(30, at(-9)) }], vec![]);
    large.submitted[0].2.tasks = 500;
    store.commit(&large).unwrap();
    store.prune(at(-1), 1).unwrap();
    drop(store);
    let connection = Connection::open(&path).unwrap();
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    let page = usize::try_from(page).unwrap();
    let mut statement = connection.prepare("SELECT name, rootpage FROM sqlite_schema WHERE rootpage > 0").unwrap();
    let tree = |row: &rusqlite::Row<'_>| {
        let root = usize::try_from(row.get::<_, i64>(1)?).unwrap();
        Ok(Tree { name: row.get(0)?, offset: (root - 1) * page })
    };
    let trees: Vec<Tree> = statement.query_map([], tree).unwrap().map(Result::unwrap).collect();
    for Tree { name, .. } in &trees {
        let count = format!("SELECT count(*) FROM \"{name}\"");
        let rows: rusqlite::Result<i64> = connection.query_row(&count, [], |row| row.get(0));
        assert!(rows.is_err() || rows.unwrap() > 0, "{name} is empty");
    }
    drop(statement);
    drop(connection);
    Sound { bytes: std::fs::read(&path).unwrap(), page, trees }
}

/// What fails when a file is opened and all of it is used.
pub(super) fn errors_of_use(path: PathBuf) -> Vec<StoreError> {
    let mut store = match Sqlite::open(&path) {
        Ok(store) => store,
        Err(error) => return vec![error],
    };
    let mut errors = Vec::new();
    errors.extend(store.boot().err());
    errors.extend(store.commit(&everything(9)).err());
    errors.extend(store.find(&id("job-1")).err());
    errors.extend(store.holder("key-1").err());
    errors.extend(store.submitted(JobNo(1)).err());
    errors.extend(store.open_attempts().err());
    errors.extend(store.ready(1, 9).err());
    errors.extend(store.next_due().err());
    errors.extend(store.deaths(TaskNo(100)).err());
    errors.extend(store.last_logs(TaskNo(100), 9).err());
    errors.extend(store.owed_replies(None).err());
    errors.extend(store.asked().err());
    errors.extend(store.prune(at(99), 9).err());
    errors
}
