//! How long the database takes, everything on disk.

#[path = "database.rs"]
mod database;
#[path = "../engine/benches/desk.rs"]
mod desk;
#[path = "../../shared/benches/documents.rs"]
mod documents;
#[path = "../../shared/benches/timer.rs"]
mod timer;

use warrener_orchestrator::store::StoreError;
use warrener_orchestrator::store::sqlite::Sqlite;
use warrener_orchestrator::store::view::JobOrder;
use warrener_orchestrator::store::view::filter::Filter;

fn main() {
    let at_work = || database::at_work(COMMITS, BATCH);
    timer::time("a commit of 256 reports, for each report", COMMITS * BATCH, at_work, |(mut database, commits)| {
        commits.iter().for_each(|commit| database.commit(commit));
        database
    });
    let database = database::with_jobs(2_000);
    let view = Sqlite::view_of(&database.path()).expect("the database is there");
    timer::time(
        "a page of 100 jobs, for each job",
        PAGE,
        || (),
        |()| {
            let page = view.read(|snapshot| snapshot.jobs(&Filter::default(), JobOrder::Newest, None, PAGE, desk::NOW));
            let page: Result<_, StoreError> = page;
            assert_eq!(page.expect("a list of jobs").items.len(), PAGE);
        },
    );
}

const COMMITS: usize = 4;
const BATCH: usize = 256;
const PAGE: usize = 100;
