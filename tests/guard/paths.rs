//! The hot paths. Each runs once to get warm, and then once under the glass.

use std::hint::black_box;

use warrener_orchestrator::store::StoreError;
use warrener_orchestrator::store::sqlite::Sqlite;
use warrener_orchestrator::store::view::JobOrder;
use warrener_orchestrator::store::view::View;
use warrener_orchestrator::store::view::filter::Filter;
use warrener_shared::job::{SubmitContext, parse};
use warrener_shared::limits::Limits;

use crate::desk::{Desk, NOW};
use crate::orchestrator::Orchestrator;
use crate::valgrind::under_the_glass;
use crate::{chain, database, documents};

/// Name, and how many tasks, jobs or items it counts.
pub(crate) const PATHS: [(&str, u64); 9] = [
    ("parse_single", PARSED as u64),
    ("parse_task", TASKS as u64),
    ("parse_item", ITEMS as u64),
    ("engine_item", (BATCHES * BATCH) as u64),
    ("engine_single", BATCH as u64),
    ("store_report", (BATCHES * BATCH) as u64),
    ("list_job", (PAGES * PAGE) as u64),
    ("whole_item", (BATCHES * BATCH) as u64),
    ("whole_single", BATCH as u64),
];

/// Runs a path, of which callgrind counts a part.
///
/// # Panics
/// If there is none of that name.
pub(crate) fn run(path: &str) {
    match path {
        "parse_single" => parsing(&documents::single(), PARSED),
        "parse_task" => parsing(&chain::chain(TASKS), 1),
        "parse_item" => parsing(&documents::mapped(ITEMS), 1),
        "engine_item" => {
            let mut desk = Desk::new(BATCH as u32);
            desk.submit(&[&documents::mapped((2 * BATCHES + 2) * BATCH)]);
            twice(|| (0..BATCHES).for_each(|_| drop(desk.report(BATCH))));
        }
        "engine_single" => {
            let (mut desk, document) = (Desk::new(u32::MAX), documents::single());
            let documents = vec![document.as_str(); BATCH];
            twice(|| (desk.submit(&documents), desk.report(BATCH)));
        }
        "store_report" => {
            let (mut database, commits) = database::at_work(2 * BATCHES, BATCH);
            let mut commits = commits.iter();
            twice(|| commits.by_ref().take(BATCHES).for_each(|commit| database.commit(commit)));
        }
        "list_job" => {
            let database = database::with_jobs(2 * PAGE);
            let view = Sqlite::view_of(&database.path()).expect("the database is there");
            twice(|| (0..PAGES).for_each(|_| page(&view)));
        }
        "whole_item" => {
            let mut orchestrator = Orchestrator::new(BATCH);
            orchestrator.submit(&documents::mapped(ENOUGH * BATCH), 1);
            // The window grows with what was finished in the last second.
            (0..BATCHES * 2).for_each(|_| orchestrator.work());
            twice(|| (0..BATCHES).for_each(|_| orchestrator.work()));
        }
        "whole_single" => {
            let (mut orchestrator, document) = (Orchestrator::new(BATCH), documents::single());
            twice(|| {
                orchestrator.submit(&document, BATCH);
                orchestrator.work();
            });
        }
        other => panic!("no path is called {other}"),
    }
}

fn parsing(document: &str, times: usize) {
    twice(|| {
        for _ in 0..times {
            let spec = parse(document.as_bytes(), &SubmitContext::default(), &Limits::DEFAULT);
            black_box(spec.expect("the document is sound"));
        }
    });
}

fn page(view: &View) {
    let page: Result<_, StoreError> =
        view.read(|snapshot| snapshot.jobs(&Filter::default(), JobOrder::Newest, None, PAGE, NOW));
    assert_eq!(page.expect("a list of jobs").items.len(), PAGE);
}

fn twice<T>(mut work: impl FnMut() -> T) {
    work();
    under_the_glass(work);
}

/// Inputs of one batch, as in the orchestrator.
const BATCH: usize = 256;
const BATCHES: usize = 3;
/// Batches of items that neither windows nor workers come to the end of.
const ENOUGH: usize = 30;
const PARSED: usize = 100;
const TASKS: usize = 1_000;
const ITEMS: usize = 10_000;
const PAGE: usize = 100;
const PAGES: usize = 5;
