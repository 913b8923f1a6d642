//! Processes and brokers killed under load: no accepted job may be lost, done wrong or recorded twice.
//!
//! Each fault is repeated; `WARRENER_TEST_ROUNDS` says how often, by default a few times. A fault that found nothing
//! in flight doesn't count. Each test prints one line of numbers and adds it to `faults.txt` in cargo's folder for
//! temporary files.

mod broker;
mod judge;
mod load;
mod orchestrator;
mod postgres;
mod programs;
mod queue;
mod repeat;
mod schedules;
mod trace;
mod worker;

use std::time::Duration;

use warrener_tests::broker::Broker;
use warrener_tests::cluster::{Cluster, Plan};

use self::load::Load;
use self::trace::Trace;

/// How often a fault strikes; a broker takes longer to come back than a process.
fn rounds(default: usize) -> usize {
    let given = std::env::var("WARRENER_TEST_ROUNDS").ok();
    given.map_or(default, |text| text.parse().expect("WARRENER_TEST_ROUNDS is a number"))
}

/// A cluster on a broker of its own, with two workers under load, and settled.
async fn under_load() -> (Cluster, Load) {
    settled(Cluster::start(Broker::start().await).await).await
}

/// The same on this cluster.
async fn settled(mut cluster: Cluster) -> (Cluster, Load) {
    for name in WORKERS {
        cluster.start_worker(name, &plan(&cluster, name));
    }
    let load = Load::start(&cluster);
    load.reaches(20).await;
    // A queue that is younger may come back without a leader; `queue.rs` is about that.
    tokio::time::sleep(SETTLED).await;
    (cluster, load)
}

/// A worker with the demo kinds and one program that leaves a trace.
fn plan(cluster: &Cluster, name: &str) -> Plan {
    Trace::of(cluster, name).plan()
}

const WORKERS: [&str; 2] = ["w1", "w2"];
/// What the broker needs to have a new queue on its disk.
const SETTLED: Duration = Duration::from_secs(6);
/// How long after the last fault everything may take to end.
const HEALED: Duration = Duration::from_secs(120);
