//! An orchestrator that dies at any moment.

use std::time::Duration;

use tokio::time::sleep;

use super::judge::{Record, judge};
use super::{rounds, under_load};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_orchestrator_goes_on_where_it_was() {
    let (mut cluster, load) = under_load().await;
    let database = cluster.database();
    let mut record = Record::default();
    while record.hits < rounds(3) {
        // Any moment will do; this spreads them, also over the start of the process.
        let at = 50 + (record.hits + record.misses) * 397 % 1500;
        sleep(Duration::from_millis(u64::try_from(at).unwrap())).await;
        cluster.kill_orchestrator().await;
        match usize::try_from(database.open_attempts()).unwrap() {
            0 => record.misses += 1,
            open => (record.hits, record.in_flight) = (record.hits + 1, record.in_flight + open),
        }
        if record.hits % 2 == 1 {
            cluster.launch_orchestrator();
        } else {
            cluster.start_orchestrator().await;
            load.reaches(10).await;
        }
    }
    cluster.ready().await;
    load.reaches(10).await;
    judge("orchestrator killed", &mut cluster, load, &record).await;
}
