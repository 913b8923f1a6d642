//! Random graphs on four workers, judged by a second opinion: what each task must come to is worked out here, from the
//! contract alone, and what really happened is what the workers saw.
//!
//! `WARRENER_TEST_SEED` gives another seed than the usual one, `WARRENER_TEST_GRAPHS` another number of jobs than 200; a
//! failure prints the seed.

mod crew;
mod dice;
mod plan;
mod verdict;

use std::collections::BTreeMap;
use std::time::Duration;

use warrener_tests::broker::{Broker, unique};
use warrener_tests::cluster::Cluster;
use warrener_tests::database::Job;
use warrener_tests::wait::until;

use self::crew::Crew;
use self::dice::Dice;
use self::plan::Plan;
use self::verdict::{Opinion, opinion};

#[tokio::test(flavor = "multi_thread")]
async fn random_graphs_end_as_the_contract_says() {
    let given = std::env::var("WARRENER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or(SEED);
    println!("WARRENER_TEST_SEED={seed}");
    let mut dice = Dice::new(seed);
    let count = std::env::var("WARRENER_TEST_GRAPHS").map_or(JOBS, |count| count.parse().unwrap());
    let plans: BTreeMap<String, Plan> = (0..count).map(|_| (unique("graph"), Plan::roll(&mut dice))).collect();
    let cluster = Cluster::start(Broker::shared().await).await;
    let crew = Crew::start(&cluster, WORKERS, SLOTS);
    let client = cluster.client().await;
    for (id, plan) in &plans {
        let (properties, _) = client.asking();
        client.send(properties.with_message_id(id.as_str().into()), plan.job().as_bytes()).await;
    }
    let database = cluster.database();
    let is_final = |id: &String| database.job(id).is_some_and(|job| job.state.is_final());
    until("all jobs are final", PATIENCE, async || plans.keys().all(is_final).then_some(())).await;
    let mut wrong = Vec::new();
    let mut overlaps = 0;
    let mut states = BTreeMap::<String, usize>::new();
    for (id, plan) in &plans {
        let job = database.job(id).unwrap();
        let (opinion, tasks) = (opinion(plan), database.tasks(job.no));
        for task in &opinion.tasks {
            *states.entry(task.state.to_string()).or_default() += 1;
        }
        wrong.extend(disagreements(&job, &opinion));
        wrong.extend(verdict::faults(id, plan, &opinion, &tasks));
        wrong.extend(crew.faults(id, plan, &tasks));
        wrong.extend(crew.crowds(id, plan));
        overlaps += crew.overlaps(id, plan);
    }
    wrong.extend(database.event_faults());
    wrong.extend(crew.overloads());
    assert!(
        wrong.is_empty(),
        "seed {seed}: {} things are wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
    // A run that never came there proves nothing.
    assert!(overlaps > count, "independent tasks overlapped {overlaps} times only");
    assert!(states.len() >= 3 && states.values().all(|tasks| *tasks > count / 4), "{states:?}");
    println!("{count} jobs, {} runs of tasks, {overlaps} overlaps, states expected and found {states:?}", crew.runs());
    crew.end().await;
}

/// Where a job did not end as it should have.
fn disagreements(job: &Job, opinion: &Opinion) -> Option<String> {
    let output = job.output.as_ref().map(|text| serde_json::from_str(text).unwrap());
    let is_right = (job.state, &output) == (opinion.state, &opinion.output);
    (!is_right).then(|| format!("{}: {} {output:?}, not {} {:?}", job.id, job.state, opinion.state, opinion.output))
}

const SEED: u64 = 20_261_124;
const JOBS: usize = 200;
const WORKERS: usize = 4;
const SLOTS: u32 = 8;
const PATIENCE: Duration = Duration::from_secs(300);
