//! An orchestrator that dies at any moment while a task goes through its rounds: each hands its number to the next once.

use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;
use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};
use warrener_tests::wait::until;

use super::{HEALED, rounds};

/// Where the count begins: more than any float and any 64-bit integer can count on from.
const FIRST: i128 = 100_000_000_000_000_000_000_000_000_000;
/// Rounds for each kill, so that the task is not over before the last.
const ROUNDS: usize = 300;
/// Longest time for a round, on a machine that is busy.
const STEP: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread")]
async fn no_round_is_lost_or_counts_twice() {
    let mut cluster = Cluster::start(Broker::start().await).await;
    cluster.start_worker("w1", &Plan::default());
    let kills = rounds(4);
    let total = (kills * ROUNDS).min(10_000);
    let repeat = json!({"until": format!("round >= {total}"), "max": total});
    let count =
        json!({"kind": "demo.echo", "input": format!("${{{{ (previous or {FIRST}) + 1 }}}}"), "repeat": repeat});
    let (status, job) = cluster.post("/api/v1/jobs", &json!({"tasks": {"count": count}})).await;
    assert_eq!(status, 202, "{job}");
    let id = job["id"].as_str().unwrap().to_owned();
    for kill in 0..kills {
        // Any moment will do; this spreads them, also over the start of the process.
        sleep(Duration::from_millis(u64::try_from(300 + kill * 397 % 900).unwrap())).await;
        cluster.kill_orchestrator().await;
        let state = cluster.database().job(&id).unwrap().state;
        assert!(!state.is_final(), "it was over before kill {kill}: nothing was proven");
        cluster.launch_orchestrator();
    }
    cluster.ready().await;
    let database = cluster.database();
    let patience = HEALED + STEP * u32::try_from(total).unwrap();
    let job = until("the job is final", patience, async || database.job(&id).filter(|job| job.state.is_final())).await;
    let wanted = FIRST + i128::try_from(total).unwrap();
    assert_eq!(job.output.as_deref(), Some(&*format!(r#"{{"count":{wanted}}}"#)), "{:?}", job.error);
    println!("{kills} kills, {total} rounds, the number counts each once");
}
