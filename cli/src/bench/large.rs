//! The cost of size: a million jobs kept and a million waiting.

use std::time::Duration;

use tokio::time::Instant;
use warrener_client::HttpClient;
use warrener_client::http::JobQuery;
use warrener_shared::wire::topology::{KEY_SUBMIT, Names};

use super::args::{BenchArgs, BenchRow};
use super::bulk;
use super::load::Load;
use super::machine::{DiskProbe, longest_run};
use super::measure::{Measure, milliseconds, percentile};
use super::process::peak;
use super::promise::{MEMORY, PAGE_P95, READY, STALL};
use super::rounds::single;
use super::stage::{ANSWERS, TestBed};
use super::system::{DATABASE, System};
use super::wire::PATIENCE;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::talk;

/// Measures a system of its own, with a database that was filled before.
pub(super) async fn measure(stage: &TestBed, args: &BenchArgs) -> Result<Vec<Measure>, Failure> {
    let names = Names::new(&format!("{}-large", stage.system.names.prefix()));
    let mut system = System::new(&stage.url, names, args.slots)?;
    say(&format!("keeping {} jobs, and as many that wait", args.stored));
    let (database, count) = (system.folder().join(DATABASE), args.stored);
    let filled = tokio::task::spawn_blocking(move || bulk::fill(&database, count)).await;
    filled.map_err(|error| Failure::new(Exit::Error, format!("filling a database: {error}")))??;
    let measures = measure_filled(stage, args, &mut system).await;
    system.strike(&stage.wire).await?;
    measures
}

async fn measure_filled(stage: &TestBed, args: &BenchArgs, system: &mut System) -> Result<Vec<Measure>, Failure> {
    say("starting with them");
    let started = system.start(&[]).await?;
    tokio::time::sleep(SETTLE).await;
    say("listing");
    let pages = pages(&system.client()?).await?;
    say("working beside them");
    let quiet = answers(stage, system, |_| async { Ok(false) }).await?;
    let memory = peak(system.orchestrator()).unwrap_or(0.0);
    system.stop().await?;
    say("working while the finished ones are removed");
    system.start(&[("WARRENER_RETENTION", "1s".to_owned())]).await?;
    let (client, last) = (system.client()?, bulk::last_finished(args.stored));
    let (began, probe) = (Instant::now(), DiskProbe::start(system.folder(), PROBE_REST)?);
    let busy = answers(stage, system, |_| is_there(&client, &last)).await?;
    let took = began.elapsed();
    let removed = f64::from(args.stored) / took.as_secs_f64();
    let disk = longest_run(&probe.finish()?, SYNCS);
    say("working as long with nothing left to remove");
    let began = Instant::now();
    let idle = answers(stage, system, |_| std::future::ready(Ok(began.elapsed() < took))).await?;
    let row = |what, unit, value| Measure::new(BenchRow::Large, what, unit, value);
    let at = |spans: &[Duration], percent| percentile(milliseconds(spans), percent);
    let longest = |spans: &[Duration]| milliseconds(spans).into_iter().fold(0.0, f64::max);
    Ok(vec![
        row(READY, "s", started.as_secs_f64()),
        row(MEMORY, "MB", memory),
        row("page of a filtered list, p50", "ms", at(&pages, 50)),
        row(PAGE_P95, "ms", at(&pages, 95)),
        row("an answer beside them, p50", "ms", at(&quiet, 50)),
        row("an answer beside them, longest", "ms", longest(&quiet)),
        row("jobs removed", "/s", removed),
        row("an answer meanwhile, p50", "ms", at(&busy, 50)),
        row(STALL, "ms", longest(&busy)),
        row("answers meanwhile that took over 50 ms", "", stalls(&busy)),
        row("the disk meanwhile, longest for what an answer waits for", "ms", disk.as_secs_f64() * 1e3),
        row("as long with nothing to remove: an answer, longest", "ms", longest(&idle)),
        row("as long with nothing to remove: answers over 50 ms", "", stalls(&idle)),
    ])
}

/// Counts the spans that are longer than `STALLED`, so long that people notice.
fn stalls(spans: &[Duration]) -> f64 {
    spans.iter().filter(|span| **span > STALLED).count() as f64
}

/// Pages of lists as people ask for them, each with its time.
async fn pages(client: &HttpClient) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    for filter in FILTERS {
        let mut cursor = None;
        for _ in 0..PAGES {
            let filter = (!filter.is_empty()).then(|| (*filter).to_owned());
            let query = JobQuery { filter: filter.clone(), cursor: cursor.take(), limit: None };
            let began = Instant::now();
            let page = client.jobs(&query).await?.value;
            times.push(began.elapsed());
            if began.elapsed() > SLOW {
                say(&format!("  {:?} took {:?}", filter.unwrap_or_default(), began.elapsed()));
            }
            cursor = page.next_cursor;
        }
    }
    Ok(times)
}

/// Has small jobs done, some at a time, as long as it is wanted, and at least once; how long each took.
async fn answers<F: Future<Output = Result<bool, Failure>>>(
    stage: &TestBed,
    system: &System,
    goes_on: impl Fn(usize) -> F,
) -> Result<Vec<Duration>, Failure> {
    let mut times = Vec::new();
    loop {
        let load = Load {
            exchange: system.names.submit(),
            key: KEY_SUBMIT.to_owned(),
            kind: "",
            answers: stage.named(ANSWERS),
            body: single().into_bytes().into(),
            body_of: None,
            count: JOBS,
            window: WINDOW,
            expected: br#""state":"succeeded""#,
            pace: None,
            patience: PATIENCE,
        };
        times.extend(load.run(&stage.wire).await?.each);
        if !goes_on(times.len()).await? {
            return Ok(times);
        }
    }
}

async fn is_there(client: &HttpClient, id: &str) -> Result<bool, Failure> {
    let query = JobQuery { filter: Some(format!("id:{id}")), cursor: None, limit: Some(1) };
    Ok(!client.jobs(&query).await?.value.items.is_empty())
}

fn say(text: &str) {
    if talk::is_watched() {
        talk::say(text);
    }
}

/// Filters that are asked for: everything, the usual states, rare and frequent ones together, and some that match
/// nothing.
const FILTERS: [&str; 12] = [
    "",
    "state:running",
    "state:failed",
    "state:failed,timed_out",
    "-state:running",
    "kind:ml.step3",
    "kind:ml.step* state:succeeded",
    "label.team:t7 state:failed",
    "label.team:nobody",
    "queue:default",
    "queue:later state:running",
    "kind:ml.step5 state:failed created:<1d",
];
/// Pages of each list, one after the other.
const PAGES: usize = 10;
/// A page that takes longer is named.
const SLOW: Duration = Duration::from_millis(50);
/// Wait until caches and windows are as they will be.
const SETTLE: Duration = Duration::from_secs(5);
/// An answer that took longer was held up by something.
const STALLED: Duration = Duration::from_millis(50);
/// Time between two looks at the disk while jobs are removed.
const PROBE_REST: Duration = Duration::from_millis(10);
/// Number of syncs that an answer waits for, one after the other: the job and its end on our disk, and the submit, the
/// task, the report and the answer on that of the broker.
const SYNCS: usize = 6;
/// Jobs between two looks.
const JOBS: usize = 500;
/// Jobs that are under way at a time.
const WINDOW: usize = 10;
