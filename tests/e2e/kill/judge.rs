//! The verdict after the last fault.

use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use warrener_shared::state::{JobState, Outcome};
use warrener_tests::cluster::Cluster;
use warrener_tests::database::Database;
use warrener_tests::wait::until;

use super::HEALED;
use super::load::Load;

/// What a fault has to show for itself.
#[derive(Default)]
pub(super) struct Record {
    /// Times that it struck with something in flight.
    pub(super) hits: usize,
    /// What was in flight, summed up.
    pub(super) in_flight: usize,
    /// Times that it found nothing in flight.
    pub(super) misses: usize,
}

/// Waits until everything is final and fails unless all of it is right. Prints the line of numbers.
pub(super) async fn judge(fault: &str, cluster: &mut Cluster, load: Load, record: &Record) {
    let expected = load.end().await;
    let (database, began) = (cluster.database(), Instant::now());
    let open = async || (database.open_jobs() == 0).then_some(());
    if tokio::time::timeout(HEALED, until("never", Duration::MAX / 4, open)).await.is_err() {
        panic!("{fault}: stuck:\n{}", stuck(&database));
    }
    let took = began.elapsed();
    let mut wrong = Vec::new();
    for (id, output) in &expected {
        let found = database.job(id).map(|job| (job.state, job.output.map(|text| parse(&text)), job.error));
        match found {
            Some((JobState::Succeeded, Some(kept), _)) if kept == *output => {}
            found => wrong.push(format!("{id}: {found:?} instead of {output}")),
        }
    }
    let jobs = database.jobs();
    wrong
        .extend(jobs.iter().filter(|job| !expected.contains_key(&job.id)).map(|job| format!("{} is nobody's", job.id)));
    wrong.extend(database.event_faults());
    wrong.extend(database.dead().iter().map(|dead| format!("a dead letter: {dead:?}")));
    if database.open_attempts() != 0 || !database.is_sound() {
        wrong.push(format!("{} attempts are open, sound: {}", database.open_attempts(), database.is_sound()));
    }
    wrong.extend(cluster.orchestrator().log().lines().filter(|line| line.contains("panicked")).map(str::to_owned));
    assert!(
        wrong.is_empty(),
        "{fault}: {} things are wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    assert!(record.hits > 0 && record.in_flight > 0, "{fault}: it never struck");
    let tasks: usize = jobs.iter().map(|job| database.tasks(job.no).len()).sum();
    let lost = database.outcome_count(Outcome::Lost);
    let released = database.outcome_count(Outcome::Released);
    tell(&format!(
        "{fault}: {} hits with {} in flight ({} misses), {} jobs of {tasks} tasks accepted, {} right, 0 lost, \
         0 recorded twice, 0 stuck; {lost} attempts lost, {released} released; final {:.1} s after the load",
        record.hits,
        record.in_flight,
        record.misses,
        expected.len(),
        expected.len(),
        took.as_secs_f64(),
    ));
}

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn stuck(database: &Database) -> String {
    let open = database.jobs().into_iter().filter(|job| !job.state.is_final());
    let lines = open.map(|job| {
        let tasks = database.tasks(job.no).into_iter().filter(|task| !task.state.is_final());
        format!("{}: {:?}", job.id, tasks.collect::<Vec<_>>())
    });
    lines.take(10).collect::<Vec<_>>().join("\n")
}

fn tell(line: &str) {
    println!("{line}");
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults.txt");
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
    writeln!(file.unwrap(), "{line}").unwrap();
}
