//! Files of the embedded database that are damaged for real.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use tempfile::TempDir;

use super::*;
use crate::store::KeptAnswer;

/// A table or index of a file.
#[derive(Debug)]
struct Tree {
    name: String,
    /// The place of its first page in the file.
    offset: usize,
    is_index: bool,
}

/// A file that is sound, with rows in each table and entries in each index.
#[derive(Debug)]
struct Sound {
    bytes: Vec<u8>,
    page: usize,
    trees: Vec<Tree>,
}

/// A copy of a sound file with damage to one page.
#[derive(Debug)]
struct Damaged {
    folder: TempDir,
}

impl Damaged {
    fn new(sound: &Sound, tree: &Tree, harm: impl FnOnce(&mut [u8])) -> Self {
        let mut bytes = sound.bytes.clone();
        harm(&mut bytes[tree.offset..tree.offset + sound.page]);
        let damaged = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(damaged.path(), bytes).unwrap();
        damaged
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("jobs.db")
    }
}

/// A commit with something for each table and index; `no` is below 10.
fn everything(no: i64) -> Commit {
    let first = no * 100;
    let rows = vec![
        TaskRow { wake_at: Some(at(no)), ..ready(first, 1) },
        TaskRow { queue: 1, wake_at: Some(at(no)), ..dispatched(first + 1, no) },
        TaskRow { rank: Some(2), ..mapped(first + 2, 5000 + first, 3) },
        TaskRow { waits_for: Some(warrener_engine::row::WaitsFor::Job(JobNo(no))), ..dispatched(first + 3, 50 + no) },
        succeeded(first + 4, "1"),
        TaskRow { state: TaskState::Ready, parked: Some(no), ..task(first + 5) },
        TaskRow { state: TaskState::Ready, parked: Some(no), line: Some("api/acme".into()), ..task(first + 6) },
    ];
    let parent = Some(warrener_engine::row::Parent { job: JobNo(no), task: TaskNo(first + 3), attempt: 1 });
    let running = JobRow { wake_at: Some(at(no)), parent, ..job(no) };
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
    let key = warrener_engine::limit::LimitKey::written(&format!("api/key-{no}").into());
    let settings = warrener_engine::limit::KeySettings::default();
    let answer = KeptAnswer { no, event: format!("event-{no}"), until: NOW };
    commit.kept.new = vec![(answer, Arc::from(*b"1"))];
    commit.kept.given = vec![(TaskNo(first), no)];
    let slot = warrener_engine::limit::SlotChange { job: JobNo(no), key: key.clone(), since: Some(NOW) };
    commit.changes.slots = vec![slot];
    commit.changes.keys = vec![warrener_engine::limit::KeyRow { key, bucket: no, paused_until: None, settings }];
    commit.limits = vec![(format!("limit-{no}"), Some("{}".to_owned()))];
    commit.changes.events = vec![(JobNo(no), vec![event(1)])];
    commit.owed = vec![owed(no, true)];
    commit.logs = vec![LogChunk { task: TaskNo(first), attempt: 1, time: NOW, text: "line".to_owned() }];
    commit.asked = vec![Asked { task: TaskNo(first), attempt: 1, worker: "w".into(), at: NOW }];
    let deliveries = Some(1);
    commit.deaths = vec![Death { task: TaskNo(first), attempt: 1, worker: "w".into(), deliveries, at: NOW }];
    commit.dead = vec![dead()];
    let (exchange, routing_key, properties, body) = ("later".into(), "k".to_owned(), vec![0, 0], b"b".to_vec());
    let message = crate::store::DelayedMessage {
        exchange,
        routing_key,
        due_at: at(no),
        after_delay: true,
        received_at: NOW,
        properties,
        body,
    };
    commit.delayed.kept = vec![Arc::new(message)];
    let (who, verb, outcome) = ("ci".into(), "job.cancel".into(), "done".into());
    let from = Some("127.0.0.1".to_owned());
    commit.audit = vec![AuditRow { time: NOW, who, from, verb, target: "job-1".to_owned(), outcome, reason: None }];
    commit.schedules = schedules::of_everything(no);
    commit.bulk = vec![bulk::operation(no, 3)];
    commit
}

/// Makes a sound file.
fn sound() -> Sound {
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
    let trees = trees(&path);
    let connection = Connection::open(&path).unwrap();
    for Tree { name, .. } in &trees {
        let count = format!("SELECT count(*) FROM \"{name}\"");
        let rows: rusqlite::Result<i64> = connection.query_row(&count, [], |row| row.get(0));
        assert!(rows.is_err() || rows.unwrap() > 0, "{name} is empty");
    }
    drop(connection);
    let page = trees.iter().map(|tree| tree.offset).min().unwrap();
    Sound { bytes: std::fs::read(&path).unwrap(), page, trees }
}

/// The tables and indexes of a file.
fn trees(path: &Path) -> Vec<Tree> {
    let connection = Connection::open(path).unwrap();
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    let page = usize::try_from(page).unwrap();
    let select = "SELECT name, rootpage, type = 'index' FROM sqlite_schema WHERE rootpage > 0";
    let mut statement = connection.prepare(select).unwrap();
    let tree = |row: &rusqlite::Row<'_>| {
        let root = usize::try_from(row.get::<_, i64>(1)?).unwrap();
        Ok(Tree { name: row.get(0)?, offset: (root - 1) * page, is_index: row.get(2)? })
    };
    let trees = statement.query_map([], tree).unwrap();
    trees.map(Result::unwrap).collect()
}

/// Why the file is not opened.
fn refused(path: &Path) -> String {
    let error = Sqlite::open(path).expect_err("it is damaged");
    assert!(matches!(error, StoreError::Open { .. }) && error.blame() == Blame::Sick, "{error:?}");
    error.to_string()
}

#[test]
fn a_flipped_bit_of_each_table_and_index_is_found_at_the_start() {
    let sound = sound();
    assert!(sound.trees.len() > 30, "{}", sound.trees.len());
    // What sort of page it is, how many cells it has, and where its first one lies.
    let mut places: Vec<(usize, u8)> = [(0, 0), (0, 1), (0, 3), (3, 0), (4, 0), (4, 1), (8, 1), (9, 0)].to_vec();
    places.extend([(0, 2), (4, 6), (9, 7)]);
    for tree in &sound.trees {
        for (byte, bit) in &places {
            let file = Damaged::new(&sound, tree, |page| page[*byte] ^= 1 << bit);
            let why = refused(&file.path());
            assert!(why.contains("it is damaged") && why.contains("restore a backup"), "{}: {why}", tree.name);
        }
        // The end of a page is the end of its first entry: the number of the row that an index leads to.
        for bit in (0..8).filter(|_| tree.is_index) {
            let file = Damaged::new(&sound, tree, |page| *page.last_mut().unwrap() ^= 1 << bit);
            assert!(refused(&file.path()).contains("it is damaged"), "{}, bit {bit}", tree.name);
        }
    }
    let whole = Damaged::new(&sound, &sound.trees[0], |_| ());
    Sqlite::open(&whole.path()).unwrap();
}

#[test]
fn a_large_file_is_checked_beside_the_work() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db");
    let mut store = Sqlite::open(&path).unwrap();
    store.commit(&everything(1)).unwrap();
    for no in 0..48 {
        let chunk = LogChunk { task: TaskNo(no), attempt: 1, time: NOW, text: "x".repeat(1_000_000) };
        store.commit(&Commit { logs: vec![chunk], ..Commit::default() }).unwrap();
    }
    drop(store);
    let tree = trees(&path).into_iter().find(|tree| tree.name == "jobs_unique").unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[tree.offset + 4] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut store = Sqlite::open(&path).unwrap();
    let error = loop {
        if let Err(error) = store.probe() {
            break error;
        }
        std::thread::yield_now();
    };
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    // Nothing goes on with half an index, and who starts anew is told the same.
    for error in
        [store.boot().unwrap_err(), store.commit(&everything(2)).unwrap_err(), store.job(JobNo(1)).unwrap_err()]
    {
        assert!(error.blame() == Blame::Sick && error.to_string().contains("table jobs: "), "{error}");
    }
}
